"""The quickstart works as written: its files in a new project, its commands in order, then a render."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.guides import code_blocks
from tests.live_shop import NO_CERTIFICATES, RunningShop, ShopperClient, phone_photo

PYTHON = os.environ.get("QUICKSTART_PYTHON", sys.executable)
"""The shop's interpreter: `make release-check` names one that has only the wheel."""

SERVERS = {"vton_sandbox": "sandbox", "qcluster": "workers", "runserver": "web"}
DONE_BY_TEST_ENVIRONMENT = [
    ["python3", "-m", "venv", ".venv"],
    [".", ".venv/bin/activate"],
    ["pip", "install", "django-vton"],
]

END_HEADING = "# With a real key"


class Quickstart(RunningShop):
    """A shop created from the page; `executed` are the blocks that were used."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.project = folder / "myshop"
        self.command = [PYTHON, "-u", str(self.project / "manage.py")]  # type: ignore[misc] # Differs for each shop.
        own_variables = ("DJANGO_", "VTON_", "PYTHONPATH")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(own_variables)}
        self.env |= {
            "DJANGO_SUPERUSER_PASSWORD": "tests",
            "DJANGO_SUPERUSER_USERNAME": "admin",
            "DJANGO_SUPERUSER_EMAIL": "admin@shop.example",
        }
        if sys.executable == PYTHON:
            # Only the package comes from this checkout; the project is in another folder.
            self.env["PYTHONPATH"] = str(code_blocks.ROOT)
        self.executed: list[code_blocks.Block] = []
        self.served: list[str] = []

    def load_data(self) -> None:
        """Process the blocks in order: write files and run commands."""
        page = (code_blocks.DOCS / "quickstart.md").read_text()
        end = page[: page.index(f"#{END_HEADING}")].count("\n")
        for block in code_blocks.blocks_of_page("quickstart", "console", "python", "html"):
            if block.line > end:
                continue
            self.executed.append(block)
            if block.language == "console":
                for line in block.code.splitlines():
                    self._run_command(shlex.split(line.removeprefix("$ ")))
            else:
                self._write_file(block)

    def _run_command(self, command: list[str]) -> None:
        if command in DONE_BY_TEST_ENVIRONMENT or command == ["cd", "myshop"]:
            return
        if command[:2] == ["python", "manage.py"] and command[2] in SERVERS:
            self.served.append(command[2])
            return
        if command[:2] == ["python", "manage.py"]:
            command = [PYTHON, *command[1:]]
        elif command[0] == "django-admin":
            command = [PYTHON, "-m", "django", *command[1:]]
        else:
            raise AssertionError(f"unknown command {command}")
        options = ["--noinput"] if command[-1] == "createsuperuser" else []
        cwd = self.folder if "startproject" in command else self.project
        done = subprocess.run(
            [*command, *options], cwd=cwd, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _write_file(self, block: code_blocks.Block) -> None:
        """Write the file of a block, with the ports of this test."""
        code = block.code.replace("127.0.0.1:8765", self.gateway.url.removeprefix("http://"))
        code = code.replace("http://127.0.0.1:8000", self.url)
        file = self.project / block.file
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a" if "at its end" in block.code.splitlines()[0] else "w") as out:
            out.write(code)

    def _is_up(self) -> bool:
        with suppress(httpx.TransportError):
            return not httpx.get(f"{self.url}/admin/login/", timeout=5, verify=NO_CERTIFICATES).is_error
        return False

    def _spawn(self, name: str, *args: str) -> None:
        assert args[0] in self.served
        super()._spawn(name, *args)


def add_product(shop: Quickstart) -> str:
    """Add a product in the admin, as the page says; returns the URL of "View on site"."""
    staff = ShopperClient(shop.url).http
    with staff:

        def post(path: str, **fields: object) -> None:
            token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', staff.get(path).text)
            assert token is not None
            files = {name: value for name, value in fields.items() if isinstance(value, tuple)}
            data = {name: value for name, value in fields.items() if name not in files}
            response = staff.post(path, data={**data, "csrfmiddlewaretoken": token[1]}, files=files or None)
            assert response.status_code == 302, response.text

        post("/admin/login/?next=/admin/", username="admin", password="tests")
        photo = ("shirt.jpg", phone_photo(), "image/jpeg")
        post("/admin/catalogue/product/add/", name="Linen shirt", photo=photo)
        changed = staff.get("/admin/catalogue/product/1/change/")
        on_site = re.search(r'href="([^"]+)"[^>]*>View on site', changed.text)
        assert on_site is not None
        return str(staff.get(on_site[1]).headers["Location"])


@pytest.fixture
def shop(tmp_path: Path) -> Quickstart:
    return Quickstart(tmp_path)


def test_the_quickstart_ends_with_a_render(shop: Quickstart) -> None:
    with shop:
        assert set(shop.served) == set(SERVERS)
        url = add_product(shop)
        shopper = shop.shopper()
        page = shopper.http.get(url)
        assert page.status_code == 200
        assert "<vton-try-on" in page.text
        assert "data-vton" in page.text

        response = shopper.post_tryon("catalogue.product:1", phone_photo(shade=5), consent="true")
        assert response.status_code == 202, response.text
        done = shopper.wait_for_status(response.json()["id"])

        assert done["status"] == "completed", shop.log("workers")
        assert shopper.http.get(done["images"][0]["url"]).status_code == 200
        assert "renders go to the sandbox" in shop.manage("vton_doctor")
    # All blocks were executed, except the one about a real key.
    all_blocks = [block for block in code_blocks.CODE if block.page == "quickstart"]
    assert [block for block in all_blocks if block not in shop.executed] == all_blocks[-1:]
