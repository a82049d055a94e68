"""A running qcluster seen from outside: the role of each process, found through /proc and its log."""

from __future__ import annotations

import os
import re
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.conf import settings

from tests.live_shop import RunningShop, is_listening, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

MARIADB_PORT = 3306
LOG_MARKERS = {"worker": "ready for work at", "monitor": "monitoring at", "pusher": "pushing tasks at"}
"""What a child of the guard logs when it starts, before its process id."""

needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are found in /proc")


class Cluster:
    """The main process, its guard, and the guard's children: workers, monitor and pusher."""

    def __init__(self, shop: RunningShop) -> None:
        self.shop = shop

    @property
    def main(self) -> int:
        return self.shop.processes["workers"].pid

    def find(self, role: str) -> list[int]:
        """Return the processes with this role; `dispatcher` is the worker connected to the gateway."""
        if role == "main":
            return [self.main]
        guards = _children(self.main)
        if role == "guard" or not guards:
            return guards
        alive = set(_children(guards[0]))
        if role == "dispatcher":
            sockets = _sockets_to(int(self.shop.gateway.url.rpartition(":")[2]))
            return [pid for pid in alive if sockets & _sockets_of(pid)]
        named = re.findall(rf"{LOG_MARKERS[role]} (\d+)", self.shop.log("workers"))
        return [pid for pid in map(int, named) if pid in alive]

    def wait_for(self, role: str) -> int:
        found: list[int] = []

        def is_found() -> bool:
            # Kept, since a dispatcher may close its connections before a second search.
            found[:] = self.find(role)
            return bool(found)

        wait_until(is_found, f"a process that is the {role}")
        return found[0]

    def is_complete(self) -> bool:
        """Whether every role has a process, so that each can be killed."""
        return all(self.find(role) for role in ("guard", *LOG_MARKERS))


def is_alive(pid: int) -> bool:
    """Whether it runs; a zombie does not."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        named = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [child for child in map(int, named) if is_alive(child)]
    return []


def _sockets_to(port: int) -> set[str]:
    """Return the inodes of open connections to a port of this machine."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{row[9]}]" for row in rows if row[2].endswith(f":{port:04X}") and row[3] == "01"}


def _sockets_of(pid: int) -> set[str]:
    held = set()
    with suppress(OSError):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                held.add(str(file.readlink()))
    return held


@contextmanager
def running_shop(folder: Path, vendor: str, **env: str) -> Iterator[RunningShop]:
    """A shop with its own database. Its workers end by SIGKILL."""
    with (
        own_database(vendor, folder) as url,
        RunningShop(folder, env={"DATABASE_URL": url, **env}) as shop,
    ):
        try:
            yield shop
        finally:
            shop.kill_workers()


@contextmanager
def own_database(vendor: str, folder: Path) -> Iterator[str]:
    """Yield the URL of an empty database, which is dropped afterwards."""
    if vendor == "sqlite":
        yield f"sqlite:///{folder / 'shop.sqlite3'}"
        return
    name = f"vton_faults_{os.getpid()}"
    if vendor == "mysql":
        with _mariadb() as admin:
            admin.execute(f"CREATE DATABASE {name}")
            try:
                yield f"mysql://root@127.0.0.1:{MARIADB_PORT}/{name}"
            finally:
                admin.execute(f"DROP DATABASE {name}")
        return
    server = _server()
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        admin.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield f"{server}/{name}"
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def _mariadb() -> Iterator[Any]:
    """A cursor of the MariaDB on this machine."""
    if not (find_spec("MySQLdb") and is_listening(MARIADB_PORT)):
        pytest.skip(f"MariaDB does not listen on 127.0.0.1:{MARIADB_PORT}, or mysqlclient is not installed")
    import MySQLdb

    with closing(MySQLdb.connect(host="127.0.0.1", user="root")) as server:
        yield server.cursor()


def _server() -> str:
    """The URL of this run's PostgreSQL, or of one on this machine."""
    run = settings.DATABASES["default"]
    if run["ENGINE"].endswith("postgresql"):
        return f"postgres://{run['USER']}:{run['PASSWORD']}@{run['HOST']}:{run['PORT']}"
    if not is_listening(5432):
        pytest.skip("PostgreSQL does not listen on 127.0.0.1:5432")
    return "postgres://postgres@127.0.0.1:5432"


def expire_worker_leases(shop: RunningShop) -> None:
    """Let dead workers' leases end, and the queue deliver their tasks again."""
    shop.sql("UPDATE vton_dispatcherlease SET lease_until = '2000-01-01 00:00:00'")
    shop.sql("UPDATE django_q_ormq SET lock = '2000-01-01 00:00:00'")


def expire_all_leases(shop: RunningShop) -> None:
    """All workers are dead: make the rows due that they had leased."""
    expire_worker_leases(shop)
    shop.sql(
        "UPDATE vton_tryonrequest SET lease_until = '2000-01-01 00:00:00', due_at = '2000-01-01 00:00:00' "
        "WHERE lease_until IS NOT NULL"
    )


def wake_worker(shop: RunningShop) -> None:
    """Do what the schedule does every minute."""
    shop.manage("shell", "--verbosity", "0", "--command", "from django_vton.tasks import wake; wake()")


def make_all_due(shop: RunningShop) -> None:
    """Make waiting rows due, except those that a worker has leased."""
    shop.sql(
        "UPDATE vton_tryonrequest SET due_at = '2000-01-01 00:00:00' "
        "WHERE lease_until IS NULL AND due_at IS NOT NULL"
    )


def database_vendor() -> str:
    """The kind of database that this run uses."""
    return "sqlite" if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3") else "postgresql"
