"""The pump's threads for the database: one unit of work at a time, each with connections that live."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    close_old_connections,
    connections,
)

from ..utils.redaction import clear_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from .outcomes import Kind

logger = logging.getLogger(__name__)

T = TypeVar("T")

AWAY = (OperationalError, InterfaceError, InternalError)
"""The database may be back in a moment; any other error would be the same again."""

MOST = 50
"""So many are stored together at once: as many as a pump has in flight."""

LONGEST_REST = 0.1
"""Seconds for which news gathers at most before its thread goes on."""


class DbThread:
    """A thread of our own: asgiref's shared one stays broken after a cut connection, and hangs in a fork."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def __call__(self, work: Callable[..., T], *args: Any) -> T:
        """Do it there."""

        def unit() -> T:
            close_old_connections()
            try:
                return work(*args)
            finally:
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self._executor, unit)

    def close(self) -> None:
        """End the thread, and its connections with it."""
        self._executor.submit(connections.close_all)
        self._executor.shutdown()


class _Item(NamedTuple):
    key: Hashable
    arguments: tuple[Any, ...]
    outcome: asyncio.Future[Any]


class MicroBatcher:
    """Work of one kind for a thread: what comes while it is busy, and is alike, is one unit.

    In a crowd it rests after each for as long as it took, so that more of it goes together.
    """

    def __init__(
        self, thread: DbThread, kind: Kind, *, is_crowded: Callable[[], bool] = lambda: False
    ) -> None:
        self._thread, self._kind, self._is_crowded = thread, kind, is_crowded
        self._waiting: list[_Item] = []
        self._worker: asyncio.Task[None] | None = None

    async def __call__(self, *arguments: Any) -> Any:
        """Do it there; what came of it, or its own error."""
        outcome = asyncio.get_running_loop().create_future()
        self._waiting.append(_Item(self._kind.key(*arguments), arguments, outcome))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await outcome

    async def _work(self) -> None:
        while self._waiting:
            first = self._waiting[0]
            alike = [item for item in self._waiting if item.key == first.key][:MOST]
            if first.key is None:
                alike = [first]
            self._waiting = [item for item in self._waiting if item not in alike]
            began = time.monotonic()
            if first.key is None or not await self._together(alike):
                for item in alike:
                    await self._alone(item)
            if self._is_crowded():
                await asyncio.sleep(min(LONGEST_REST, time.monotonic() - began))
        self._worker = None

    async def _together(self, items: list[_Item]) -> bool:
        """Whether each knows what came of it; else each goes by itself."""
        try:
            outcomes = await self._thread(self._kind.together, [item.arguments for item in items])
        except (DatabaseError, InterfaceError) as trouble:
            # It may be stored: done once more, "was there already" would be taken for "somebody was faster".
            for item in items:
                _fail(item, trouble)
            return True
        except Exception as trouble:
            # Each by itself finds out whose it is.
            clear_frames(trouble)
            logger.exception("%d could not be stored together", len(items))
            return False
        if outcomes is None:
            return False
        for item, outcome in zip(items, outcomes, strict=True):
            _tell(item, outcome)
        return True

    async def _alone(self, item: _Item) -> None:
        try:
            outcome = await self._thread(self._kind.alone, *item.arguments)
        except Exception as trouble:  # noqa: BLE001 - it is its flight's to see to
            _fail(item, trouble)
        else:
            _tell(item, outcome)


def _tell(item: _Item, outcome: Any) -> None:
    if not item.outcome.done():  # Whoever was canceled does not wait any more.
        item.outcome.set_result(outcome)


def _fail(item: _Item, trouble: Exception) -> None:
    if not item.outcome.done():
        item.outcome.set_exception(trouble)
