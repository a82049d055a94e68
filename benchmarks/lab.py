"""An install as it runs, made for one measurement: database, sandbox gateway, web server, qclusters."""

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

from tests.running import MANAGE, free_port, is_listening, until

POSTGRES = "postgres://postgres@127.0.0.1:5432"
ROOT = Path(__file__).resolve().parents[1]
WORKERS = 2
"""Of each qcluster, as the guide has it."""


def has_postgres() -> bool:
    """Whether figures are taken on PostgreSQL; else on SQLite, and the table says so."""
    return is_listening(5432)


class Lab:
    """`with Lab(seconds=10) as lab:` a shop whose vendor takes 10 s; workers come with `start_workers()`.

    `vton` are settings of the package, `env` is the example shop's environment; `prefix` goes before the
    command of every process of the shop's that is started by `spawn`.
    """

    def __init__(
        self, *, seconds: float, vton: Mapping[str, Any] | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.stack = ExitStack()
        self.seconds = seconds
        self.port, self.gateway_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.gateway = f"http://127.0.0.1:{self.gateway_port}"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="vton-bench-"))
        paths = [ROOT, ROOT / "example_project", *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        self.env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, filter(None, paths))),
            "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
            "SECRET_KEY": "bench",
            "DEBUG": "0",
            "MEDIA_ROOT": str(self.folder / "media"),
            "VTON_PIXAZO_API_KEY": "sandbox",
            "VTON_PIXAZO_BASE_URL": self.gateway,
            "VTON_PUBLIC_BASE_URL": self.url,
            "BENCH_VTON": json.dumps(dict(vton or {})),
            "QCLUSTER_WORKERS": str(WORKERS),
            "MALLOC_ARENA_MAX": "2",  # As the guide has it for workers.
            **(env or {}),
        }

    def __enter__(self) -> Self:
        try:
            self.stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self.env["DATABASE_URL"] = self.stack.enter_context(_database(self.folder))
            self.stack.callback(self._stop_all)
            self.spawn("inside", sys.executable, "-m", "benchmarks.shop", talks=True)
            self.do("migrate")
            command = ["vton_sandbox", "--port", str(self.gateway_port), "--key", "sandbox"]
            self.spawn("gateway", sys.executable, MANAGE, *command, "--seconds", str(self.seconds))
            until(lambda: is_listening(self.gateway_port), "the sandbox gateway listens")
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self.stack.close()

    def start_web(self, name: str = "web", port: int = 0, prefix: Sequence[str] = ()) -> None:
        """One gunicorn process with four threads, and its application loaded."""
        bind = f"127.0.0.1:{port or self.port}"
        options = ["--bind", bind, "--threads", "4", "--no-control-socket"]
        self.spawn(name, *prefix, sys.executable, "-m", "gunicorn", "config.wsgi", *options)
        if not port:
            until(self.answers, "the web server answers")

    def answers(self) -> bool:
        """Whether the shop does, with its application loaded."""
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/try-on/api/me/", timeout=30, trust_env=False).is_success
        return False

    def start_workers(
        self, name: str = "workers", prefix: Sequence[str] = (), vton: Mapping[str, Any] | None = None
    ) -> None:
        """A qcluster, with all its workers ready; `vton` are its settings from now on."""
        if vton is not None:
            self.env["BENCH_VTON"] = json.dumps(vton)
        (self.folder / f"{name}.log").unlink(missing_ok=True)
        self.spawn(name, *prefix, sys.executable, "-u", MANAGE, "qcluster")
        wanted = int(self.env["QCLUSTER_WORKERS"])
        until(lambda: self.log(name).count("ready for work") >= wanted, "the workers are ready")

    def spawn(self, name: str, *command: str | Path, talks: bool = False) -> None:
        """A process of its own group, with its log in the lab's folder."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [str(part) for part in command],
                env=self.env,
                cwd=ROOT,
                stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
                stdout=subprocess.PIPE if talks else log,
                stderr=log,
                start_new_session=True,
            )

    def stop(self, name: str) -> None:
        """SIGTERM, and the time that it needs."""
        process = self.processes.pop(name)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        self._bury(process)

    def kill(self, name: str) -> None:
        """SIGKILL to all of it at once."""
        self._bury(self.processes.pop(name))

    def log(self, name: str) -> str:
        """What a process has said."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def do(self, work: str, **arguments: Any) -> Any:
        """A function of `shop.py`, in the shop; the last that it said."""
        return list(self.stream(work, **arguments))[-1]

    def stream(self, work: str, **arguments: Any) -> Iterator[Any]:
        """As `do`, each thing when it is said."""
        inside = self.processes["inside"]
        assert inside.stdin is not None
        assert inside.stdout is not None
        inside.stdin.write(json.dumps([work, arguments]).encode() + b"\n")
        inside.stdin.flush()
        for line in inside.stdout:
            answer = json.loads(line)
            if answer is None:
                return
            yield answer["said"]
        raise RuntimeError(self.log("inside"))

    def ask_gateway(self, method: str, path: str, **json_body: Any) -> Any:
        """The sandbox's own side: `ledger`, `scenario`, `reset`."""
        answer = httpx.request(
            method, f"{self.gateway}/_sandbox/{path}", json=json_body or None, timeout=60, trust_env=False
        )
        answer.raise_for_status()
        return answer.json()

    def count(self, where: str) -> int:
        """So many try-ons are like that now."""
        statement = f"SELECT count(*) FROM vton_tryonrequest WHERE {where}"  # noqa: S608 - our own words
        url = self.env["DATABASE_URL"]
        if url.startswith("sqlite"):
            with closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=60)) as database:
                return int(database.execute(statement).fetchone()[0])
        with psycopg.connect(url) as server:
            row = server.execute(statement.encode()).fetchone()
            return int(row[0]) if row else 0

    def wait_for_rest(self, seconds: float) -> None:
        """Until every try-on has ended, looking twice a second."""
        until(lambda: not self.count("finished_at IS NULL"), "all have ended", seconds=seconds, every=0.5)

    def largest(self, name: str) -> float:
        """The resident memory of the largest process under this name, in MB."""
        group = self.processes[name].pid
        most = 0
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                if int(fields[2]) == group:
                    most = max(most, int(fields[21]))
        return most * os.sysconf("SC_PAGE_SIZE") / 1e6

    def python(self, *args: str) -> str:
        """A Python process in the shop's environment; what it printed."""
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

    def _bury(self, process: subprocess.Popen[bytes]) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@contextmanager
def _database(folder: Path) -> Iterator[str]:
    if not has_postgres():
        yield f"sqlite:///{folder / 'shop.sqlite3'}"
        return
    with on_postgres(str(os.getpid())) as url:
        yield url


@contextmanager
def on_postgres(name: str, template: str = "template1") -> Iterator[str]:
    """A database of PostgreSQL's, dropped afterwards; its URL."""
    name = f"vton_bench_{name}"
    with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    try:
        yield f"{POSTGRES}/{name}"
    finally:
        with psycopg.connect(f"{POSTGRES}/postgres", autocommit=True) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
