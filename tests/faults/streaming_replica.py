"""A PostgreSQL server and its streaming hot standby, which applies commits late, on ports of their own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from ..live_shop import free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

DELAY_MS = 1500
"""How long after its commit the standby applies a transaction."""

STOP_SECONDS = 20
FAST = ("-c", "fsync=off", "-c", "shared_buffers=32MB", "-c", "unix_socket_directories=")


class StreamingReplica:
    """The URLs of the same database on both servers."""

    def __init__(self, primary_port: int, standby_port: int) -> None:
        self.primary, self.standby = (
            f"postgres://postgres@127.0.0.1:{port}/postgres" for port in (primary_port, standby_port)
        )

    def position(self) -> str:
        """Return where the primary's log ends now."""
        return str(_value(self.primary, "SELECT pg_current_wal_lsn()"))

    def has_applied(self, position: str) -> bool:
        """Whether the standby has applied the primary's log up to there."""
        return bool(_value(self.standby, f"SELECT pg_last_wal_replay_lsn() >= '{position}'"))

    def wait(self) -> None:
        """Wait until the standby has what is committed now."""
        position = self.position()
        wait_until(lambda: self.has_applied(position), f"the standby has applied {position}")


@contextmanager
def streaming_replica() -> Iterator[StreamingReplica]:
    """Run both servers until the block ends. Skip the test if this machine cannot run them."""
    programs, owner = _find_programs(), _find_owner()
    with ExitStack() as stack:
        # Not the test's own folder, which other users cannot enter.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vton-replica-")))
        if owner:
            shutil.chown(folder, owner, owner)
        ports = free_port(), free_port()
        found = StreamingReplica(*ports)
        as_owner: dict[str, Any] = {"cwd": folder, "stdin": subprocess.DEVNULL}
        if owner:
            as_owner |= {"user": owner, "group": owner, "extra_groups": []}

        def run(program: str, *args: str) -> None:
            done = subprocess.run(
                [str(programs / program), *args], check=False, capture_output=True, text=True, **as_owner
            )
            assert done.returncode == 0, done.stdout + done.stderr

        def start(name: str, port: int, url: str, *options: str) -> None:
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            command = [str(programs / "postgres"), "-D", name, "-h", "127.0.0.1", "-p", str(port), *FAST]
            process = subprocess.Popen([*command, *options], stdout=log, stderr=log, **as_owner)
            stack.callback(_stop, process)
            wait_until(lambda: _accepts(process, url), f"{name} accepts connections", seconds=30)

        run("initdb", "-D", "primary", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
        start("primary", ports[0], found.primary)
        source = ["-h", "127.0.0.1", "-p", str(ports[0]), "-U", "postgres"]
        run("pg_basebackup", *source, "-D", "standby", "-R", "-X", "stream", "-c", "fast", "-N")
        start("standby", ports[1], found.standby, "-c", f"recovery_min_apply_delay={DELAY_MS}ms")
        yield found


def _find_programs() -> Path:
    """Return the folder of the newest server's programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda it: float(it.parts[-3]))
    if not found and (program := shutil.which("initdb")):
        found = [Path(program).resolve()]
    if not found or not (found[-1].parent / "pg_basebackup").exists():
        pytest.skip("PostgreSQL's initdb and pg_basebackup are not installed")
    return found[-1].parent


def _find_owner() -> str:
    """Return the user to run the servers as, or "" for this one: they refuse to run as root."""
    if os.geteuid() != 0:
        return ""
    with suppress(KeyError):
        return pwd.getpwnam("postgres").pw_name
    pytest.skip("PostgreSQL does not run as root, and there is no user postgres")


def _accepts(process: subprocess.Popen[bytes], url: str) -> bool:
    assert process.poll() is None, f"the server for {url} has ended"
    with suppress(psycopg.OperationalError):
        return bool(_value(url, "SELECT true"))
    return False


def _value(url: str, query: str) -> Any:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGINT)  # PostgreSQL's fast shutdown, which ends open connections.
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait(STOP_SECONDS)
