"""Every step by which the package touches the outside, seen from below: database, files, sockets.

Nothing of the package is replaced. Django's cursors and commits, the storage, and the streams under httpx
are watched, in the victim's process only; who is at work is read off the stack. So the fault points follow
the code by themselves.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
from django.core.files.base import ContentFile
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from httpcore._backends.anyio import AnyIOBackend, AnyIOStream

from django_vton.storage import PrivateFolder

if TYPE_CHECKING:
    from django.core.files.base import File

PACKAGE = "django_vton."
HELPERS = {"django_vton.pixazo.transport"}
"""Work for several doors, which alone say what a call is for."""
SUSPENDED = 100.0
"""Seconds that pass on the victim's clock while it hangs: more than any lease."""

Error = Callable[[], Exception]


class Watch:
    """Names the steps of one command after another, and strikes at the planned one, once.

    `tell` takes what the parent has to know at once; `wait` returns when a hanging victim may go on.
    """

    def __init__(
        self, plan: dict[str, str], tell: Callable[[dict[str, Any]], None], wait: Callable[[], Any]
    ) -> None:
        self.plan = plan
        self.tell = tell
        self.wait = wait
        self.pause = float(plan.get("pause", 0))
        """Seconds before each point, for a process that is slower than all others."""
        self.has_struck = False
        self.points: list[tuple[str, bool]] = []
        """Each point's name, and whether it is reached with locks in hand."""
        self.locked: set[int] = set()
        self._numbers: Counter[str] = Counter()
        self._lock = threading.Lock()

    def step(self, what: str, *, at_door: bool = False) -> str | None:
        """A step's name: who does what, for the how-many-eth time. None where it is not the package's."""
        where = _package_frame(at_door=at_door)
        if where is None:
            return None
        name = f"{where}: {what}"
        with self._lock:
            self._numbers[name] += 1
            return f"{name} {self._numbers[name]}"

    def point(self, side: str, step: str | None, error: Error, *, is_locked: bool = False) -> None:
        """A fault point: the plan's fault strikes here if it is its turn."""
        if step is None:
            return
        name = f"{side} {step}"
        time.sleep(self.pause)
        with self._lock:
            self.points.append((name, is_locked))
            if self.has_struck or self.plan.get("point") != name:
                return
            self.has_struck = True
        self._strike(self.plan["kind"], error)

    def _strike(self, kind: str, error: Error) -> None:
        if kind == "exception":
            raise error()
        if kind == "exit":
            os._exit(1)
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        self.tell({"hangs": True})
        self.wait()
        monotonic = time.monotonic
        time.monotonic = lambda: monotonic() + SUSPENDED


def _package_frame(*, at_door: bool) -> str | None:
    """The innermost function of the package that is at work; `at_door`: the innermost public one."""
    frame = sys._getframe(2)
    found = None
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if module.startswith(PACKAGE):
            name = frame.f_code.co_qualname.replace("<locals>.", "")
            found = found or f"{module.removeprefix(PACKAGE)}.{name}"
            if not at_door:
                return found
            if module not in HELPERS and not any(part.startswith("_") for part in name.split(".")):
                return f"{module.removeprefix(PACKAGE)}.{name}"
        frame = frame.f_back  # type: ignore[assignment] # the outermost has none
    return found


WATCH = Watch({}, tell=lambda _news: None, wait=lambda: None)


def watch(new: Watch) -> None:
    """Report to this one from now on."""
    global WATCH  # noqa: PLW0603 - a process has one
    WATCH = new


# The database ---------------------------------------------------------------------------------------

_SQL = re.compile(r'(\w+)(?:.*?(?:\bFROM|\bINTO|(?<=^UPDATE))\s+"(\w+)")?', re.DOTALL)


def _words(sql: str) -> str:
    found = _SQL.match(sql)
    return " ".join(filter(None, found.groups())) if found else sql[:20]


def _broken(db: BaseDatabaseWrapper) -> Error:
    """The database says no: a server cuts the connection, a file is locked by somebody else."""

    def error() -> Exception:
        db.errors_occurred = True
        if db.vendor == "sqlite":
            return OperationalError("database is locked")
        db.connection.close()
        return OperationalError("server closed the connection unexpectedly")

    return error


def _watch_database() -> None:
    cursor: Any = CursorWrapper
    database: Any = BaseDatabaseWrapper
    execute, commit, rollback = cursor._execute_with_wrappers, database._commit, database._rollback

    def watched_execute(self: Any, sql: str, *args: Any, **kwargs: Any) -> Any:
        db, words = self.db, _words(sql)
        step = WATCH.step(words)
        WATCH.point("before", step, _broken(db), is_locked=id(db) in WATCH.locked)
        result = execute(self, sql, *args, **kwargs)
        writes = not sql.startswith("SELECT")
        begins = sql.startswith("BEGIN")
        if begins or (db.in_atomic_block and (writes or "FOR UPDATE" in sql)):
            WATCH.locked.add(id(db))
        elif writes:  # A transaction of its own: done, and perhaps nobody hears of it.
            WATCH.point("after", step, _broken(db))
        return result

    def watched_commit(self: BaseDatabaseWrapper) -> None:
        step = WATCH.step("COMMIT")
        WATCH.point("before", step, _broken(self), is_locked=id(self) in WATCH.locked)
        commit(self)
        WATCH.locked.discard(id(self))
        WATCH.point("after", step, _broken(self))

    def watched_rollback(self: BaseDatabaseWrapper) -> None:
        WATCH.locked.discard(id(self))
        rollback(self)

    cursor._execute_with_wrappers = watched_execute
    database._commit, database._rollback = watched_commit, watched_rollback


# Files ----------------------------------------------------------------------------------------------


def _full() -> Exception:
    return OSError(28, "No space left on device")


class _InHalves(ContentFile):  # type: ignore[type-arg] # generic in the stubs alone
    """So that a fault may come when half of it is written."""

    def __init__(self, content: File[Any], step: str | None) -> None:
        super().__init__(content.read())
        self.step = step

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        data = self.read()
        yield data[: len(data) // 2]
        WATCH.point("amid", self.step, _full)
        yield data[len(data) // 2 :]


class WatchedFolder(PrivateFolder):
    """The private storage, each of whose writes, reads and deletions is a step."""

    def _save(self, name: str, content: File[Any]) -> str:
        step = WATCH.step(f"WRITE {_folder(name)}")
        WATCH.point("before", step, _full)
        saved: str = super()._save(name, _InHalves(content, step))  # type: ignore[misc] # Django has it
        WATCH.point("after", step, _full)
        return saved

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        WATCH.point("before", WATCH.step(f"READ {_folder(name)}"), _full)
        opened: File[Any] = super()._open(name, mode)  # type: ignore[misc] # as above
        return opened

    def delete(self, name: str) -> None:
        step = WATCH.step(f"DELETE {_folder(name)}")
        WATCH.point("before", step, _full)
        super().delete(name)
        WATCH.point("after", step, _full)


def _folder(name: str) -> str:
    return "/".join(str(name).split("/")[:2])


# Sockets --------------------------------------------------------------------------------------------

_HEAD_ENDS = b"\r\n\r\n"


def _watch_sockets() -> None:
    connect, write, read, close = (
        AnyIOBackend.connect_tcp,
        AnyIOStream.write,
        AnyIOStream.read,
        AnyIOStream.aclose,
    )

    async def watched_connect(self: Any, *args: Any, **kwargs: Any) -> Any:
        step = WATCH.step("CONNECT", at_door=True)
        WATCH.point("before", step, httpcore.ConnectError)
        stream = await connect(self, *args, **kwargs)
        WATCH.point("after", step, httpcore.ConnectError)
        return stream

    async def watched_write(self: Any, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        self.expects, self.rest = ["HEAD", "BODY"], b""
        step = WATCH.step("SEND", at_door=True)
        WATCH.point("before", step, httpcore.WriteError)
        await write(self, buffer, timeout)
        WATCH.point("after", step, httpcore.WriteError)

    async def watched_read(self: Any, max_bytes: int, timeout: float | None = None) -> bytes:
        """The answer's head and its body come one by one, however the network cut them."""
        part = self.expects.pop(0) if self.expects else ""
        step = WATCH.step(f"ANSWER {part}", at_door=True) if part else None
        WATCH.point("before", step, httpcore.ReadError)
        data = self.rest or await read(self, max_bytes, timeout)
        self.rest = b""
        if part == "HEAD" and _HEAD_ENDS in data:
            head, ends, self.rest = data.partition(_HEAD_ENDS)
            data = head + ends
        WATCH.point("after", step, httpcore.ReadError)
        return data

    async def watched_close(self: Any) -> None:
        step = WATCH.step("CLOSE", at_door=True)
        WATCH.point("before", step, ConnectionResetError)
        await close(self)

    AnyIOBackend.connect_tcp = watched_connect  # type: ignore[method-assign] # what this module is for
    AnyIOStream.write = watched_write  # type: ignore[method-assign] # as above
    AnyIOStream.read = watched_read  # type: ignore[method-assign] # as above
    AnyIOStream.aclose = watched_close  # type: ignore[method-assign] # as above


def install() -> None:
    """Watch everything, in this process."""
    _watch_database()
    _watch_sockets()
    context = httpx.create_ssl_context(trust_env=False)
    httpx.create_ssl_context = lambda **_options: context  # Reading the authorities takes its time.
