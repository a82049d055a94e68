"""The whole demo in one command: the shop, its worker and the sandbox gateway, ended together by Ctrl-C.

`PORT` chooses the shop's port (8000), `DEMO_DIR` where data and logs are kept (.demo/ at the
repository's root).
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType

HERE = Path(__file__).resolve().parent
DEMO = Path(os.environ.get("DEMO_DIR") or HERE.parent / ".demo").resolve()
HOST = "127.0.0.1"
SANDBOX_PORT = 8765
START_SECONDS = 60
STOP_SECONDS = 15
TAIL_LINES = 15

# None: somebody wants an end. A child: it has ended by itself. SimpleQueue may be used in a signal handler.
events: SimpleQueue["Child | None"] = SimpleQueue()


class DemoError(Exception):
    """The demo cannot go on; the message says why."""


@dataclass
class Child:
    """A manage.py command in a process group of its own, so that nothing it starts outlives it."""

    name: str
    args: list[str]
    env: dict[str, str]
    is_up: Callable[["Child"], bool]
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def log(self) -> Path:
        return DEMO / f"{self.name}.log"

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                manage(*self.args),
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        self.process.wait()
        events.put(self)

    def kill_group(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def said(self, words: str) -> bool:
        return words in self.log.read_text(errors="replace")

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:])


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - to whoever typed `make demo`


def manage(*args: str) -> list[str]:
    return [sys.executable, "-u", str(HERE / "manage.py"), *args]


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind((HOST, port))
            return True
    return False


def web_port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not text.isdigit() or not 0 < int(text) < 2**16:
        raise DemoError(f"PORT={text} is no port.")
    if not is_free(int(text)):
        raise DemoError(f"Port {text} is taken by another program. Choose another one: PORT=8001 make demo")
    return int(text)


def sandbox_port() -> int:
    if is_free(SANDBOX_PORT):
        return SANDBOX_PORT
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def admin_password() -> str:
    """The same at every start, so that a second one can still tell it."""
    if given := os.environ.get("DEMO_ADMIN_PASSWORD"):
        return given
    file = DEMO / "admin-password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(9))
    return file.read_text().strip()


def environment(port: int, gateway: int) -> dict[str, str]:
    """Whatever the shell is set to, the demo needs no key, no network and no service."""
    ours = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEBUG": "1",
        "DATABASE_URL": f"sqlite:///{DEMO / 'db.sqlite3'}",
        "REDIS_URL": "",
        "MEDIA_ROOT": str(DEMO / "media"),
        "DEMO_ADMIN_PASSWORD": admin_password(),
        "VTON_PIXAZO_API_KEY": "sandbox",
        "VTON_PIXAZO_BASE_URL": f"http://{HOST}:{gateway}",
        "VTON_PUBLIC_BASE_URL": f"http://{HOST}:{port}",
        "VTON_RESULT_HOSTS": "",
    }
    return os.environ | ours


def start(children: Iterable[Child]) -> None:
    """Start all, then wait until each is up. Raises DemoError when one ends or takes too long."""
    waiting = list(children)
    for child in waiting:
        child.start()
    deadline = time.monotonic() + START_SECONDS
    while waiting := [child for child in waiting if not child.is_up(child)]:
        if time.monotonic() > deadline:
            slow = waiting[0]
            raise DemoError(
                f"{slow.name} was not up within {START_SECONDS} s. Its log ends:\n{slow.last_words()}"
            )
        with suppress(Empty):
            end_of_wait(events.get(timeout=0.1))


def end_of_wait(event: Child | None) -> None:
    if event is None:
        raise KeyboardInterrupt
    code = event.process.returncode
    raise DemoError(f"{event.name} has ended (exit code {code}). Its log ends:\n{event.last_words()}")


def stop(children: list[Child]) -> None:
    """SIGTERM to each leader alone, which ends its own workers in order; then SIGKILL to what is left."""
    started = [child for child in children if hasattr(child, "process")]
    for child in started:
        child.process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for child in started:
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, deadline - time.monotonic()))
    for child in started:
        child.kill_group()


def listen_for_the_end(children: list[Child]) -> None:
    asked = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if asked.is_set():  # Asked twice: no more waiting for anybody.
            for child in children:
                if hasattr(child, "process"):
                    child.kill_group()
        asked.set()
        events.put(None)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)


def run() -> None:
    DEMO.mkdir(parents=True, exist_ok=True)
    port, gateway = web_port(), sandbox_port()
    env = environment(port, gateway)
    for step in (["migrate", "--verbosity=0"], ["seed_demo"]):
        if subprocess.run(manage(*step), env=env, check=False).returncode:  # noqa: S603 - our own commands
            raise DemoError(f"manage.py {step[0]} failed, see above.")
    children = [
        Child("sandbox", ["vton_sandbox", f"--port={gateway}"], env, lambda _child: answers(gateway)),
        # A cluster has no socket; it says so when its workers are there.
        Child("qcluster", ["qcluster"], env, lambda child: child.said(" running.")),
        Child("web", ["runserver", "--noreload", f"{HOST}:{port}"], env, lambda _child: answers(port)),
    ]
    listen_for_the_end(children)
    try:
        start(children)
        say(f"\nadmin  http://{HOST}:{port}/admin/  (admin / {env['DEMO_ADMIN_PASSWORD']})")
        say(f"logs   {DEMO}/*.log")
        say(f"ready  http://{HOST}:{port}/  (Ctrl-C ends it)")
        end_of_wait(events.get())
    finally:
        say("Ending the demo.")
        stop(children)


if __name__ == "__main__":
    try:
        run()
    except KeyboardInterrupt:
        sys.exit(0)
    except DemoError as error:
        sys.exit(f"demo: {error}")
