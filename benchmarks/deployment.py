"""A running installation for one measurement: database, sandbox gateway, web server, qclusters."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg

from tests.live_shop import MANAGE, free_port, is_listening, wait_until

from .databases import ROOT, environment, postgres_database

WORKERS = 2
"""Worker processes of each qcluster, as the guide recommends."""


def has_postgres() -> bool:
    """Whether to measure on PostgreSQL; otherwise SQLite is used, and the table says so."""
    return is_listening(5432)


class Deployment:
    """A shop whose vendor takes `seconds` per render: `with Deployment(seconds=10) as deployment:`.

    The `database` is PostgreSQL if its server is running, and otherwise or with "SQLite" SQLite.

    Call `start_workers()` and `start_web_server()` as needed. `vton` are settings of the package, `env` are
    additional environment variables of the shop's processes.
    """

    def __init__(
        self,
        *,
        seconds: float,
        vton: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        database: str = "",
    ) -> None:
        self.stack = ExitStack()
        self.database = database
        self.seconds = seconds
        self.port, self.gateway_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.gateway = f"http://127.0.0.1:{self.gateway_port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="vton-bench-"))
        self.env = {
            **environment("", self.folder),
            "VTON_PIXAZO_API_KEY": "sandbox",
            "VTON_PIXAZO_BASE_URL": self.gateway,
            "VTON_PUBLIC_BASE_URL": self.url,
            "BENCH_VTON": json.dumps(dict(vton or {})),
            "QCLUSTER_WORKERS": str(WORKERS),
            "MALLOC_ARENA_MAX": "2",  # As the guide recommends for workers.
            **(env or {}),
        }

    def __enter__(self) -> Self:
        try:
            self.stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.env["DATABASE_URL"] = self.stack.enter_context(_database(self.folder, self.database))
            self.stack.callback(self._stop_all)
            self.spawn("shop", sys.executable, "-m", "benchmarks.shop_process", has_pipes=True)
            self.call("migrate")
            command = ["vton_sandbox", "--port", str(self.gateway_port), "--key", "sandbox"]
            self.spawn("gateway", sys.executable, MANAGE, *command, "--seconds", str(self.seconds))
            wait_until(lambda: is_listening(self.gateway_port), "the sandbox gateway listens")
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.stack.close()

    def start_web_server(self, name: str = "web", port: int = 0, prefix: Sequence[str] = ()) -> None:
        """Start one gunicorn process with four threads; without `port`, wait until it responds."""
        bind = f"127.0.0.1:{port or self.port}"
        options = ["--bind", bind, "--threads", "4", "--no-control-socket"]
        self.spawn(name, *prefix, sys.executable, "-m", "gunicorn", "config.wsgi", *options)
        if not port:
            wait_until(self.is_web_ready, "the web server responds")

    def is_web_ready(self) -> bool:
        """Whether the web server responds, so its application is loaded."""
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/try-on/api/me/", timeout=30, trust_env=False).is_success
        return False

    def start_workers(
        self, name: str = "workers", prefix: Sequence[str] = (), vton: Mapping[str, Any] | None = None
    ) -> None:
        """Start a qcluster and wait until its workers are ready. `vton` replaces the settings for good."""
        if vton is not None:
            self.env["BENCH_VTON"] = json.dumps(vton)
        (self.folder / f"{name}.log").unlink(missing_ok=True)
        self.spawn(name, *prefix, sys.executable, "-u", MANAGE, "qcluster")
        wanted = int(self.env["QCLUSTER_WORKERS"])
        wait_until(lambda: self.log(name).count("ready for work") >= wanted, "the workers are ready")

    def spawn(self, name: str, *command: str | Path, has_pipes: bool = False) -> None:
        """Start a process in its own process group, with its log in the deployment's folder."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(part) for part in command],
                env=self.env,
                cwd=ROOT,
                stdin=subprocess.PIPE if has_pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if has_pipes else log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, name: str) -> None:
        """Send SIGTERM and wait until it ends, for at most 30 s; then kill its process group."""
        process = self.processes.pop(name)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        self._kill_group(process)

    def kill(self, name: str) -> None:
        """Send SIGKILL to its process group."""
        self._kill_group(self.processes.pop(name))

    def log(self, name: str) -> str:
        """The output of a process."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def call(self, function: str, **arguments: Any) -> Any:
        """Call a function of `shop_process` inside the shop; returns the last value."""
        return list(self.call_iterator(function, **arguments))[-1]

    def call_iterator(self, function: str, **arguments: Any) -> Iterator[Any]:
        """Like `call`, but yield each value of an iterator when it is available."""
        shop = self.processes["shop"]
        assert shop.stdin is not None
        assert shop.stdout is not None
        shop.stdin.write(json.dumps([function, arguments]).encode() + b"\n")
        shop.stdin.flush()
        for line in shop.stdout:
            message = json.loads(line)
            if message is None:
                return
            yield message["value"]
        raise RuntimeError(self.log("shop"))

    def call_gateway(self, method: str, path: str, **json_body: Any) -> Any:
        """Call the control API of the sandbox: `ledger`, `scenario` or `reset`."""
        response = httpx.request(
            method, f"{self.gateway}/_sandbox/{path}", json=json_body or None, timeout=60, trust_env=False
        )
        response.raise_for_status()
        return response.json()

    def count(self, where: str) -> int:
        """The number of try-ons that match an SQL condition."""
        statement = f"SELECT count(*) FROM vton_tryonrequest WHERE {where}"  # noqa: S608 - only constants
        url = self.env["DATABASE_URL"]
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)) as database:
                return int(database.execute(statement).fetchone()[0])
        with psycopg.connect(url) as server:
            row = server.execute(statement.encode()).fetchone()
            return int(row[0]) if row else 0

    def wait_until_all_end(self, seconds: float) -> None:
        """Wait until every try-on has ended; the database is queried twice per second."""
        wait_until(
            lambda: not self.count("finished_at IS NULL"), "all have ended", seconds=seconds, every=0.5
        )

    def largest_process_mb(self, name: str) -> float:
        """The resident memory of the largest process of this group, in MB."""
        group = self.processes[name].pid
        most = 0
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                if int(fields[2]) == group:
                    most = max(most, int(fields[21]))
        return most * os.sysconf("SC_PAGE_SIZE") / 1e6

    def run_python(self, *args: str) -> str:
        """Run Python in the shop's environment; returns its output."""
        done = subprocess.run(
            [sys.executable, *args], env=self.env, cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(done.stdout + done.stderr)
        return done.stdout

    def _stop_all(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for name in reversed(list(self.processes)):
            self.stop(name)

    def _kill_group(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@contextmanager
def _database(folder: Path, name: str) -> Iterator[str]:
    if name == "SQLite" or not has_postgres():
        yield f"sqlite:///{folder / 'shop.sqlite3'}"
        return
    with postgres_database(str(os.getpid())) as url:
        yield url
