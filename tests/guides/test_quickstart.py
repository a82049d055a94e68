"""The quickstart as it is written: its files in a new project, its commands in their order, then a render."""

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

from tests.guides import blocks
from tests.running import RunningShop, Shopper, phone_photo

SERVERS = {"vton_sandbox": "sandbox", "qcluster": "workers", "runserver": "web"}
BEFORE = [["python3", "-m", "venv", ".venv"], [".", ".venv/bin/activate"], ["pip", "install", "django-vton"]]
"""What the tests' own environment has done."""

LAST = "# With a real key"


class Quickstart(RunningShop):
    """A shop made of the page alone; `ran` are the blocks that took part."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.project = folder / "myshop"
        self.command = [sys.executable, "-u", str(self.project / "manage.py")]  # type: ignore[misc] # of this one
        ours = ("DJANGO_", "VTON_", "PYTHONPATH")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.env |= {
            # The package from this checkout, and nothing else of it: the project is elsewhere.
            "PYTHONPATH": str(blocks.ROOT),
            "DJANGO_SUPERUSER_PASSWORD": "tests",
            "DJANGO_SUPERUSER_USERNAME": "admin",
            "DJANGO_SUPERUSER_EMAIL": "admin@shop.example",
        }
        self.ran: list[blocks.Block] = []
        self.served: list[str] = []

    def fill(self) -> None:
        """Each block in its order: a file is written or added to, a command run."""
        page = (blocks.DOCS / "quickstart.md").read_text()
        end = page[: page.index(f"#{LAST}")].count("\n")
        for block in blocks.of_page("quickstart", "console", "python", "html"):
            if block.line > end:
                continue
            self.ran.append(block)
            if block.language == "console":
                for line in block.code.splitlines():
                    self._type(shlex.split(line.removeprefix("$ ")))
            else:
                self._write(block)

    def _type(self, words: list[str]) -> None:
        if words in BEFORE or words == ["cd", "myshop"]:
            return
        if words[:2] == ["python", "manage.py"] and words[2] in SERVERS:
            self.served.append(words[2])
            return
        if words[:2] == ["python", "manage.py"]:
            words = [sys.executable, *words[1:]]
        elif words[0] == "django-admin":
            words = [sys.executable, "-m", "django", *words[1:]]
        else:
            raise AssertionError(f"nobody runs {words}")
        asks = ["--noinput"] if words[-1] == "createsuperuser" else []
        where = self.folder if "startproject" in words else self.project
        done = subprocess.run(
            [*words, *asks], cwd=where, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _write(self, block: blocks.Block) -> None:
        """With this test's ports in place of the page's."""
        code = block.code.replace("127.0.0.1:8765", self.gateway.url.removeprefix("http://"))
        code = code.replace("http://127.0.0.1:8000", self.url)
        file = self.project / block.file
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a" if "at its end" in block.code.splitlines()[0] else "w") as out:
            out.write(code)

    def _is_up(self) -> bool:
        with suppress(httpx.TransportError):
            return not httpx.get(f"{self.url}/admin/login/", timeout=5).is_error
        return False

    def _spawn(self, name: str, *args: str) -> None:
        assert args[0] in self.served
        super()._spawn(name, *args)


def add_product(shop: Quickstart) -> str:
    """By the admin's form, as the page says; the address that "View on site" leads to."""
    staff = Shopper(shop.url).http
    with staff:

        def post(path: str, **fields: object) -> None:
            token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', staff.get(path).text)
            assert token is not None
            files = {name: value for name, value in fields.items() if isinstance(value, tuple)}
            data = {name: value for name, value in fields.items() if name not in files}
            answer = staff.post(path, data={**data, "csrfmiddlewaretoken": token[1]}, files=files or None)
            assert answer.status_code == 302, answer.text

        post("/admin/login/?next=/admin/", username="admin", password="tests")
        photo = ("shirt.jpg", phone_photo(), "image/jpeg")
        post("/admin/catalogue/product/add/", name="Linen shirt", photo=photo)
        changed = staff.get("/admin/catalogue/product/1/change/")
        onsite = re.search(r'href="([^"]+)"[^>]*>View on site', changed.text)
        assert onsite is not None
        return str(staff.get(onsite[1]).headers["Location"])


@pytest.fixture
def shop(tmp_path: Path) -> Quickstart:
    return Quickstart(tmp_path)


def test_it_ends_with_a_render(shop: Quickstart) -> None:
    with shop:
        assert set(shop.served) == set(SERVERS)
        address = add_product(shop)
        shopper = shop.shopper()
        page = shopper.http.get(address)
        assert page.status_code == 200
        assert "<vton-try-on" in page.text
        assert "data-vton" in page.text

        asked = shopper.ask("catalogue.product:1", phone_photo(shade=5), consent="true")
        assert asked.status_code == 202, asked.text
        done = shopper.wait(asked.json()["id"])

        assert done["status"] == "completed", shop.log("workers")
        assert shopper.http.get(done["images"][0]["url"]).status_code == 200
        assert "renders go to the sandbox" in shop.manage("vton_doctor")
    # Nothing of the page was left out, but what it says of a real key.
    shown = [block for block in blocks.CODE if block.page == "quickstart"]
    assert [block for block in shown if block not in shop.ran] == shown[-1:]
