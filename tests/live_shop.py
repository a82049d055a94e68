"""The example shop with its web server, its qcluster and the sandbox gateway, over real sockets."""

from __future__ import annotations

import io
import os
import random
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit

import httpx
import psycopg
import redis
from django.db import connection
from PIL import Image, ImageDraw

from django_vton.sandbox import Gateway

ROOT = Path(__file__).resolve().parents[1]
MANAGE = ROOT / "example_project" / "manage.py"
# The tests' settings modules are found wherever a process starts.
PYTHONPATH = os.pathsep.join([str(ROOT), str(MANAGE.parent), os.environ.get("PYTHONPATH", "")]).rstrip(
    os.pathsep
)
TIMEOUT_SECONDS = 60.0
# httpx loads all certificates for each client, which takes 30 ms. Local servers have none.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
REDIS_PORT = 6379
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
# WebKit needs three programs: its driver, a browser outside the PATH, and a display for it.
WEBKIT = next(map(str, Path("/usr").glob("lib/*/webkit2gtk-4.*/MiniBrowser")), None)
if not (shutil.which("WebKitWebDriver") and shutil.which("Xvfb")):
    WEBKIT = None


def free_port() -> int:
    """Return a port below those of outgoing connections (on Linux from 32768 on), which might take it."""
    while True:
        port = random.randrange(15_000, 32_000)  # noqa: S311 - not a secret
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def is_listening(port: int) -> bool:
    """Whether a local service accepts connections on this port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def processes_with(text: str) -> dict[int, str]:
    """The command lines of the running processes that have `text` in their environment, by pid (Linux)."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (entry / "environ").read_bytes():
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # It has ended, or belongs to another user.
    return found


@contextmanager
def redis_database() -> Iterator[int]:
    """Reserve an empty Redis database that no other test on this machine uses; yield its number."""
    with redis.Redis(port=REDIS_PORT) as admin:
        used = admin.info("keyspace")
        for number in range(1, 16):
            lock = f"vton-tests:{number}"
            if f"db{number}" not in used and admin.set(lock, os.getpid(), nx=True, ex=1800):
                break
        else:
            raise RuntimeError("Every database of Redis is in use; see its keys vton-tests:*.")
        try:
            yield number
        finally:
            with redis.Redis(port=REDIS_PORT, db=number) as own:
                own.flushdb()
            admin.delete(lock)


def wait_until(
    condition: Callable[[], object], what: str, seconds: float = TIMEOUT_SECONDS, every: float = 0.1
) -> None:
    """Poll a condition that depends on other processes; `what` names it in the error."""
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, f"after {seconds:g} s still not true: {what}"
        time.sleep(every)


def database_url(port: int | None = None) -> str:
    """Return the URL of the test's own database for another process; `port` is that of a proxy."""
    values = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{values['NAME']}"
    user = f"{values['USER']}:{values['PASSWORD']}"
    return f"{connection.vendor}://{user}@{values['HOST']}:{port or values['PORT']}/{values['NAME']}"


def phone_photo(width: int = 900, height: int = 1200, *, shade: int = 0) -> bytes:
    """Return a JPEG that resembles a person; each `shade` is a different photo."""
    picture = Image.new("RGB", (width, height), (150, 160, 175 + shade % 80))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((width * 0.38, height * 0.08, width * 0.62, height * 0.32), fill=(224, 180, 150))
    draw.rectangle((width * 0.28, height * 0.33, width * 0.72, height * 0.95), fill=(90, 90, 110))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


class ShopperClient:
    """A client of the shop's API with cookies and a CSRF token, which polls as `Retry-After` says."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=30, verify=NO_CERTIFICATES)

    def start(self, product: str) -> dict[str, Any]:
        response = self.http.get("/try-on/api/start/", params={"product": product})
        assert response.status_code == 200, response.text
        self.http.headers["X-CSRFToken"] = response.json()["csrf_token"]
        return dict(response.json())

    def post_tryon(self, product: str, photo: bytes | None, **fields: Any) -> httpx.Response:
        if "X-CSRFToken" not in self.http.headers:
            self.start(product)
        files = {} if photo is None else {"photo": ("me.jpg", photo, "image/jpeg")}
        return self.http.post("/try-on/api/try-ons/", data={"product": product, **fields}, files=files)

    def wait_for_status(
        self, try_on: str, *, statuses: tuple[str, ...] = ("completed", "failed", "canceled")
    ) -> Any:
        """Poll until the try-on has one of these statuses; return its JSON."""
        ends = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < ends:
            response = self.http.get(f"/try-on/api/try-ons/{try_on}/")
            assert response.status_code == 200, response.text
            if response.json()["status"] in statuses:
                return response.json()
            time.sleep(min(0.3, float(response.headers["Retry-After"])))
        raise AssertionError(f"still {response.json()['status']} after {TIMEOUT_SECONDS} s")


def _sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'shop.sqlite3'}"


class RunningShop:
    """`with RunningShop(folder) as shop:` runs the shop until the block ends."""

    settings: ClassVar = "config.settings"
    command: ClassVar = [sys.executable, "-u", str(MANAGE)]
    # The aliases whose tables are created.
    databases: tuple[str, ...] = ("default",)

    def __init__(self, folder: Path, *, seconds: float = 0.5, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.gateway = Gateway(port=0, key="sandbox", seconds=seconds)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": self.settings,
            "PYTHONPATH": PYTHONPATH,
            "DEBUG": "1",
            "DATABASE_URL": _sqlite_url(folder),
            "MEDIA_ROOT": str(folder / "media"),
            "VTON_PIXAZO_API_KEY": "sandbox",
            "VTON_PUBLIC_BASE_URL": self.url,
            "VTON_QUOTA": "1000/day",
            "VTON_IP_QUOTA": "1000/day",
            "DEMO_ADMIN_PASSWORD": "tests",
            **(env or {}),
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.shoppers: list[ShopperClient] = []

    def __enter__(self) -> Self:
        self.gateway.start()
        self.env["VTON_PIXAZO_BASE_URL"] = self.gateway.url
        self.load_data()
        self._spawn("web", "runserver", "--noreload", f"127.0.0.1:{self.port}")
        self.start_workers()
        ends = time.monotonic() + TIMEOUT_SECONDS
        while not self._is_up():
            assert time.monotonic() < ends, self.log("web")
            time.sleep(0.1)
        return self

    def __exit__(self, *_error: object) -> None:
        for shopper in self.shoppers:
            shopper.http.close()
        for name in list(self.processes):
            self.stop(name)
        self.gateway.stop()

    def load_data(self) -> None:
        """Create the tables and the products.

        This takes three seconds, so SQLite shops with the same settings copy the files of the first one, also
        those of other pytest processes. With a broker, the first one's tasks would be missing.
        """
        migrate = (f"call('migrate', verbosity=0, database='{alias}')" for alias in self.databases)
        create = "\n".join(
            ("from django.core.management import call_command as call", *migrate, "call('seed_demo')")
        )
        if self.env["DATABASE_URL"] != _sqlite_url(self.folder) or self.env.get("REDIS_URL"):
            self.shell(create)
            return
        shared = self.folder.parent
        if "PYTEST_XDIST_WORKER" in os.environ:  # Each process has a folder in the one that they share.
            shared = shared.parent
        first = shared / f"{self.env['DJANGO_SETTINGS_MODULE']}-data"
        is_complete = shared / f"{first.name}-is-complete"
        try:
            first.mkdir()
        except FileExistsError:
            wait_until(is_complete.exists, "another shop has created the data", seconds=180)
        else:
            files = {"DATABASE_URL": _sqlite_url(first), "MEDIA_ROOT": str(first / "media")}
            self.manage("shell", "--verbosity", "0", "--command", create, **files)
            is_complete.touch()
        shutil.copytree(first, self.folder, dirs_exist_ok=True)

    def manage(self, *args: str, **env: str) -> str:
        done = subprocess.run(
            [*self.command, *args], env=self.env | env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def shell(self, *lines: str) -> str:
        """Run lines of code; return what they print."""
        return self.manage("shell", "--verbosity", "0", "--command", "\n".join(lines))

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Execute SQL in the shop's database, without Django; return the rows, if there are any."""
        url = self.env["DATABASE_URL"]
        if url.startswith("sqlite:///"):
            with (
                closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=TIMEOUT_SECONDS)) as database,
                database,
            ):
                return database.execute(statement).fetchall()
        if url.startswith("mysql:"):
            return self._mysql(url, statement)
        with psycopg.connect(url) as server:
            cursor = server.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _mysql(self, url: str, statement: str) -> list[tuple[Any, ...]]:
        import MySQLdb

        parts = urlsplit(url)
        login = {"host": parts.hostname, "port": parts.port, "user": parts.username}
        with closing(MySQLdb.connect(**login, db=parts.path[1:], autocommit=True)) as server:
            cursor = server.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall())

    def product(self, slug: str) -> str:
        ((number,),) = self.sql(f"SELECT id FROM shop_product WHERE slug = '{slug}'")  # noqa: S608 - a test's
        return f"shop.product:{number}"

    def start_workers(self) -> None:
        self._spawn("workers", "qcluster")

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(TIMEOUT_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    def kill_workers(self) -> None:
        """Send SIGKILL to all worker processes, as a supervisor does."""
        process = self.processes.pop("workers")
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def shopper(self) -> ShopperClient:
        self.shoppers.append(ShopperClient(self.url))
        return self.shoppers[-1]

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def _spawn(self, name: str, *args: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*self.command, *args],
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _is_up(self) -> bool:
        with suppress(httpx.TransportError):
            return not httpx.get(self.url, timeout=5, verify=NO_CERTIFICATES).is_error
        return False
