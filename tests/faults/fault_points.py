"""Injects faults into every operation of the package on the database, on files and on sockets.

No code of the package is replaced. The process under test instruments Django's cursors and commits, the
storage, and the network streams below httpx, and names each operation after the function of the package on
the stack. So the fault points follow the code by themselves.
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
from django.core.files.base import ContentFile
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from httpcore._backends.anyio import AnyIOBackend, AnyIOStream

from django_vton.storage import PrivateFileSystemStorage

if TYPE_CHECKING:
    from django.core.files.base import File

PACKAGE = "django_vton."
LIFECYCLE_HELPERS = {"django_vton.lifecycle.bulk_update", "django_vton.lifecycle.transition"}
"""They write for several functions of the lifecycle, whose names tell more."""
SHARED_MODULES = {"django_vton.pixazo.transport"}
"""Used by several public functions; only those tell what a call is for."""
SUSPEND_SECONDS = 100.0
"""How far a hanging process's clock has advanced when it goes on: more than any lease."""

Error = Callable[[], Exception]


class FaultInjector:
    """Names the operations of one command after another, and injects the planned fault once.

    `send` sends a message to the parent; `wait` returns when a hanging process may go on.
    """

    def __init__(
        self, plan: dict[str, str], send: Callable[[dict[str, Any]], None], wait: Callable[[], Any]
    ) -> None:
        self.plan = plan
        self.send = send
        self.wait = wait
        self.pause = float(plan.get("pause", 0))
        """Seconds to sleep before each point, to make this process slower than all others."""
        self.has_injected = False
        self.points: list[tuple[str, bool]] = []
        """Each point's name, and whether the process holds database locks there."""
        self.locked: set[int] = set()
        self._numbers: Counter[str] = Counter()
        self._lock = threading.Lock()

    def operation(self, what: str, *, is_public: bool = False) -> str | None:
        """Return an operation's name: function, operation, how many-th time. None outside of the package."""
        function = _package_function(is_public=is_public)
        if function is None:
            return None
        name = f"{function}: {what}"
        with self._lock:
            self._numbers[name] += 1
            return f"{name} {self._numbers[name]}"

    def point(self, side: str, operation: str | None, error: Error, *, is_locked: bool = False) -> None:
        """A fault point: inject the plan's fault if this is its place."""
        if operation is None:
            return
        name = f"{side} {operation}"
        time.sleep(self.pause)
        with self._lock:
            self.points.append((name, is_locked))
            if self.has_injected or self.plan.get("point") != name:
                return
            self.has_injected = True
        self._inject(self.plan["kind"], error)

    def _inject(self, kind: str, error: Error) -> None:
        if kind == "exception":
            raise error()
        if kind == "exit":
            os._exit(1)
        if kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        self.send({"hangs": True})
        self.wait()
        monotonic = time.monotonic
        time.monotonic = lambda: monotonic() + SUSPEND_SECONDS


def _package_function(*, is_public: bool) -> str | None:
    """Return the innermost function of the package on the stack; `is_public`: the innermost public one."""
    frame = sys._getframe(2)
    found = None
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))
        if module.startswith(PACKAGE) and module not in LIFECYCLE_HELPERS:
            name = frame.f_code.co_qualname.replace("<locals>.", "")
            found = found or f"{module.removeprefix(PACKAGE)}.{name}"
            if not is_public:
                return found
            if module not in SHARED_MODULES and not any(part.startswith("_") for part in name.split(".")):
                return f"{module.removeprefix(PACKAGE)}.{name}"
        frame = frame.f_back  # type: ignore[assignment] # the outermost has none
    return found


INJECTOR = FaultInjector({}, send=lambda _message: None, wait=lambda: None)


def use(injector: FaultInjector) -> None:
    """Report to this injector from now on."""
    global INJECTOR  # noqa: PLW0603 - a process has one
    INJECTOR = injector


# The database ---------------------------------------------------------------------------------------

_SQL = re.compile(r'(\w+)(?:.*?(?:\bFROM|\bINTO|(?<=^UPDATE))\s+"(\w+)")?', re.DOTALL)


def _summary(sql: str) -> str:
    found = _SQL.match(sql)
    return " ".join(filter(None, found.groups())) if found else sql[:20]


def _broken(db: BaseDatabaseWrapper) -> Error:
    """The database fails: a server cuts the connection, a SQLite file is locked."""

    def error() -> Exception:
        db.errors_occurred = True
        if db.vendor == "sqlite":
            return OperationalError("database is locked")
        db.connection.close()
        return OperationalError("server closed the connection unexpectedly")

    return error


def _instrument_database() -> None:
    cursor: Any = CursorWrapper
    database: Any = BaseDatabaseWrapper
    execute, commit, rollback = cursor._execute_with_wrappers, database._commit, database._rollback

    def instrumented_execute(self: Any, sql: str, *args: Any, **kwargs: Any) -> Any:
        db, summary = self.db, _summary(sql)
        operation = INJECTOR.operation(summary)
        INJECTOR.point("before", operation, _broken(db), is_locked=id(db) in INJECTOR.locked)
        result = execute(self, sql, *args, **kwargs)
        writes = not sql.startswith("SELECT")
        begins = sql.startswith("BEGIN")
        if begins or (db.in_atomic_block and (writes or "FOR UPDATE" in sql)):
            INJECTOR.locked.add(id(db))
        elif writes:  # Committed by itself; the fault loses the confirmation.
            INJECTOR.point("after", operation, _broken(db))
        return result

    def instrumented_commit(self: BaseDatabaseWrapper) -> None:
        operation = INJECTOR.operation("COMMIT")
        INJECTOR.point("before", operation, _broken(self), is_locked=id(self) in INJECTOR.locked)
        commit(self)
        INJECTOR.locked.discard(id(self))
        INJECTOR.point("after", operation, _broken(self))

    def instrumented_rollback(self: BaseDatabaseWrapper) -> None:
        INJECTOR.locked.discard(id(self))
        rollback(self)

    cursor._execute_with_wrappers = instrumented_execute
    database._commit, database._rollback = instrumented_commit, instrumented_rollback


# Files ----------------------------------------------------------------------------------------------


def _disk_full() -> Exception:
    return OSError(28, "No space left on device")


class _TwoHalves(ContentFile):  # type: ignore[type-arg] # generic in the stubs alone
    """Content in two chunks, so that a fault can happen after the first half is written."""

    def __init__(self, content: File[Any], operation: str | None) -> None:
        super().__init__(content.read())
        self.operation = operation

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        data = self.read()
        yield data[: len(data) // 2]
        INJECTOR.point("during", self.operation, _disk_full)
        yield data[len(data) // 2 :]


class InstrumentedStorage(PrivateFileSystemStorage):
    """The private storage; each write, read and deletion is an operation with fault points."""

    def _save(self, name: str, content: File[Any]) -> str:
        operation = INJECTOR.operation(f"WRITE {_folder(name)}")
        INJECTOR.point("before", operation, _disk_full)
        saved: str = super()._save(name, _TwoHalves(content, operation))  # type: ignore[misc] # Django has it
        INJECTOR.point("after", operation, _disk_full)
        return saved

    def _open(self, name: str, mode: str = "rb") -> File[Any]:
        INJECTOR.point("before", INJECTOR.operation(f"READ {_folder(name)}"), _disk_full)
        opened: File[Any] = super()._open(name, mode)  # type: ignore[misc] # as above
        return opened

    def delete(self, name: str) -> None:
        operation = INJECTOR.operation(f"DELETE {_folder(name)}")
        INJECTOR.point("before", operation, _disk_full)
        super().delete(name)
        INJECTOR.point("after", operation, _disk_full)


def _folder(name: str) -> str:
    return "/".join(str(name).split("/")[:2])


# Sockets --------------------------------------------------------------------------------------------

_HEAD_ENDS = b"\r\n\r\n"


def _instrument_sockets() -> None:
    connect, write, read, close = (
        AnyIOBackend.connect_tcp,
        AnyIOStream.write,
        AnyIOStream.read,
        AnyIOStream.aclose,
    )

    async def instrumented_connect(self: Any, *args: Any, **kwargs: Any) -> Any:
        operation = INJECTOR.operation("CONNECT", is_public=True)
        INJECTOR.point("before", operation, httpcore.ConnectError)
        stream = await connect(self, *args, **kwargs)
        INJECTOR.point("after", operation, httpcore.ConnectError)
        return stream

    async def instrumented_write(self: Any, buffer: bytes, timeout: float | None = None) -> None:
        if not buffer:
            return
        self.expects, self.rest = ["HEAD", "BODY"], b""
        operation = INJECTOR.operation("SEND", is_public=True)
        INJECTOR.point("before", operation, httpcore.WriteError)
        await write(self, buffer, timeout)
        INJECTOR.point("after", operation, httpcore.WriteError)

    async def instrumented_read(self: Any, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the response's head and its body separately, however the network has split them."""
        part = self.expects.pop(0) if self.expects else ""
        operation = INJECTOR.operation(f"ANSWER {part}", is_public=True) if part else None
        INJECTOR.point("before", operation, httpcore.ReadError)
        data = self.rest or await read(self, max_bytes, timeout)
        self.rest = b""
        if part == "HEAD" and _HEAD_ENDS in data:
            head, ends, self.rest = data.partition(_HEAD_ENDS)
            data = head + ends
        INJECTOR.point("after", operation, httpcore.ReadError)
        return data

    async def instrumented_close(self: Any) -> None:
        operation = INJECTOR.operation("CLOSE", is_public=True)
        INJECTOR.point("before", operation, ConnectionResetError)
        await close(self)

    AnyIOBackend.connect_tcp = instrumented_connect  # type: ignore[method-assign] # what this module is for
    AnyIOStream.write = instrumented_write  # type: ignore[method-assign] # as above
    AnyIOStream.read = instrumented_read  # type: ignore[method-assign] # as above
    AnyIOStream.aclose = instrumented_close  # type: ignore[method-assign] # as above


def install() -> None:
    """Instrument this process."""
    _instrument_database()
    _instrument_sockets()
