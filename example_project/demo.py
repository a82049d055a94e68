"""Run the demo: the shop, its worker and the sandbox gateway, until Ctrl-C.

`PORT` is the shop's port (8000), `DEMO_DIR` the folder for data and logs (.demo/ in the repository's root).
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
DATA_DIR = Path(os.environ.get("DEMO_DIR") or HERE.parent / ".demo").resolve()
HOST = "127.0.0.1"
SANDBOX_PORT = 8765
START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 15
LOG_TAIL_LINES = 15

IS_WINDOWS = not hasattr(os, "killpg")

# Why the demo ends: a child that has exited, or None for a signal. SimpleQueue is safe in a signal handler.
exits: SimpleQueue["ChildProcess | None"] = SimpleQueue()


class DemoError(Exception):
    """The demo cannot continue; the message says why."""


@dataclass
class ChildProcess:
    """A manage.py command in its own process group, so that everything it starts can be killed with it."""

    name: str
    args: list[str]
    env: dict[str, str]
    is_up: Callable[["ChildProcess"], bool]
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def log(self) -> Path:
        return DATA_DIR / f"{self.name}.log"

    def start(self) -> None:
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(  # noqa: S603 - only our own commands
                manage(*self.args),
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # On Windows, so that Ctrl-C ends this process alone, which then ends the others.
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        self.process.wait()
        exits.put(self)

    def stop(self) -> None:
        """Windows has no SIGTERM for other processes, so everything is killed at once there."""
        if IS_WINDOWS:
            self.kill_group()
        else:
            self.process.terminate()

    def kill_group(self) -> None:
        if IS_WINDOWS:
            command = ["taskkill", "/F", "/T", "/PID", str(self.process.pid)]
            subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - a number
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def log_contains(self, text: str) -> bool:
        return text in self.log.read_text(errors="replace")

    def log_tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:])


def write(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - This is a command.


def manage(*args: str) -> list[str]:
    return [sys.executable, "-u", str(HERE / "manage.py"), *args]


def is_listening(port: int) -> bool:
    with suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        if not IS_WINDOWS:  # There, the option would allow a port that another program uses.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with suppress(OSError):
            probe.bind((HOST, port))
            return True
    return False


def web_port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not text.isdigit() or not 0 < int(text) < 2**16:
        raise DemoError(f"PORT={text} is not a port number.")
    if not is_free(int(text)):
        raise DemoError(f"Port {text} is in use by another program. Choose another one: PORT=8001 make demo")
    return int(text)


def sandbox_port() -> int:
    if is_free(SANDBOX_PORT):
        return SANDBOX_PORT
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def admin_password() -> str:
    """The password is stored, so that every start can show it."""
    if password := os.environ.get("DEMO_ADMIN_PASSWORD"):
        return password
    file = DATA_DIR / "admin-password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(9))
    return file.read_text().strip()


def environment(port: int, gateway: int) -> dict[str, str]:
    """Override the shell's variables, so that the demo needs no key, no network and no service."""
    overrides = {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DEBUG": "1",
        "DATABASE_URL": f"sqlite:///{DATA_DIR / 'db.sqlite3'}",
        "REDIS_URL": "",
        "MEDIA_ROOT": str(DATA_DIR / "media"),
        "DEMO_ADMIN_PASSWORD": admin_password(),
        "VTON_PIXAZO_API_KEY": "sandbox",
        "VTON_PIXAZO_BASE_URL": f"http://{HOST}:{gateway}",
        "VTON_PUBLIC_BASE_URL": f"http://{HOST}:{port}",
        "VTON_RESULT_HOSTS": "",
    }
    return os.environ | overrides


def start(children: Iterable[ChildProcess]) -> None:
    """Start all, then wait until each is up. Raises DemoError if one exits or takes too long."""
    waiting = list(children)
    for child in waiting:
        child.start()
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while waiting := [child for child in waiting if not child.is_up(child)]:
        if time.monotonic() > deadline:
            slow = waiting[0]
            seconds = f"{START_TIMEOUT_SECONDS} s"
            raise DemoError(f"{slow.name} did not start in {seconds}. The end of its log:\n{slow.log_tail()}")
        with suppress(Empty):
            raise_for_exit(exits.get(timeout=0.1))


def raise_for_exit(child: ChildProcess | None) -> None:
    """Raise KeyboardInterrupt for a signal, or DemoError for a child that has exited."""
    if child is None:
        raise KeyboardInterrupt
    code = child.process.returncode
    raise DemoError(f"{child.name} has exited (exit code {code}). The end of its log:\n{child.log_tail()}")


def wait_for_exit() -> None:
    while True:
        with suppress(Empty):  # On Windows, Ctrl-C does not interrupt a wait without a timeout.
            raise_for_exit(exits.get(timeout=1))


def stop(children: list[ChildProcess]) -> None:
    """Send SIGTERM to each main process, which stops its own workers; then SIGKILL to what is left."""
    started = [child for child in children if hasattr(child, "process")]
    for child in started:
        child.stop()
    deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
    for child in started:
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, deadline - time.monotonic()))
    for child in started:
        child.kill_group()


def install_signal_handlers(children: list[ChildProcess]) -> None:
    is_stopping = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        if is_stopping.is_set():  # The second signal: do not wait.
            for child in children:
                if hasattr(child, "process"):
                    child.kill_group()
        is_stopping.set()
        exits.put(None)

    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), on_signal)


def run() -> None:
    DATA_DIR.mkdir(parents=True, exist_ok=True)
    port, gateway = web_port(), sandbox_port()
    env = environment(port, gateway)
    for step in (["migrate", "--verbosity=0"], ["seed_demo"]):
        if subprocess.run(manage(*step), env=env, check=False).returncode:  # noqa: S603 - only our own commands
            raise DemoError(f"manage.py {step[0]} failed, see above.")
    children = [
        ChildProcess(
            "sandbox", ["vton_sandbox", f"--port={gateway}"], env, lambda _child: is_listening(gateway)
        ),
        # A cluster has no socket, but logs that its workers are running.
        ChildProcess("qcluster", ["qcluster"], env, lambda child: child.log_contains(" running.")),
        ChildProcess(
            "web", ["runserver", "--noreload", f"{HOST}:{port}"], env, lambda _child: is_listening(port)
        ),
    ]
    install_signal_handlers(children)
    try:
        start(children)
        write(f"\nadmin  http://{HOST}:{port}/admin/  (admin / {env['DEMO_ADMIN_PASSWORD']})")
        write(f"logs   {DATA_DIR}/*.log")
        write(f"ready  http://{HOST}:{port}/  (Ctrl-C stops it)")
        wait_for_exit()
    finally:
        write("Stopping the demo.")
        stop(children)


if __name__ == "__main__":
    try:
        run()
    except KeyboardInterrupt:
        sys.exit(0)
    except DemoError as error:
        sys.exit(f"demo: {error}")
