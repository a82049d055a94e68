"""Run the dispatcher's database work in separate threads, and store outcomes in batches."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from django.db import DatabaseError, IntegrityError, InterfaceError, close_old_connections, connections

from ..lifecycle import RolledBack
from ..utils import database
from ..utils.redaction import clear_frames

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_BATCH = 50
"""The maximum number of outcomes that are stored together. It equals the default of CONCURRENCY."""

MAX_PAUSE_SECONDS = 0.1
"""The maximum time for which a busy micro-batcher waits for more outcomes."""


KEEP_SECONDS = 10.0
"""How long an idle connection is kept even with a smaller CONN_MAX_AGE, whose default is 0.

On PostgreSQL, connecting costs more than the statements of a polling cycle.
"""


class DbThread:
    """A database thread. asgiref's own thread fails after a lost connection, and hangs after a fork."""

    def __init__(self, name: str) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def __call__(self, work: Callable[..., T], *args: Any) -> T:
        """Run `work` in the thread, and return its result. Repeat it after conflicts in the database."""

        def unit() -> T:
            close_old_connections()
            try:
                return database.retry(work)(*args)
            finally:
                _keep_connections()
                close_old_connections()

        return await asyncio.get_running_loop().run_in_executor(self._executor, unit)

    def close(self) -> None:
        """Close the thread's connections, and end the thread."""
        self._executor.submit(connections.close_all)
        self._executor.shutdown()


def _keep_connections() -> None:
    """Postpone the time at which Django closes this thread's connections, unless a pool keeps them."""
    for connection in connections.all(initialized_only=True):
        has_pool = connection.settings_dict["OPTIONS"].get("pool")
        if connection.close_at is not None and not has_pool:
            connection.close_at = max(connection.close_at, time.monotonic() + KEEP_SECONDS)


class _Item(NamedTuple):
    outcome: tuple[Any, ...]
    result: asyncio.Future[Any]


class MicroBatcher:
    """Store outcomes of one kind in a thread. Outcomes that arrive while it is busy are stored together.

    `store` takes a list of outcomes and returns a result for each. If `is_busy()`, the batcher pauses after
    each batch for as long as the batch took, so that more outcomes are stored together.
    """

    def __init__(
        self,
        thread: DbThread,
        store: Callable[[Sequence[Any]], Sequence[Any]],
        *,
        is_busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._thread, self._store, self._is_busy = thread, store, is_busy
        self._waiting: list[_Item] = []
        self._task: asyncio.Task[None] | None = None

    async def __call__(self, *outcome: Any) -> Any:
        """Store one outcome. Return its result, or raise its error."""
        item = _Item(outcome, asyncio.get_running_loop().create_future())
        self._waiting.append(item)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await item.result

    async def _run(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
            began = time.monotonic()
            await self._store_batch(batch)
            if self._is_busy():
                await asyncio.sleep(min(MAX_PAUSE_SECONDS, time.monotonic() - began))
        self._task = None

    async def _store_batch(self, batch: list[_Item]) -> None:
        try:
            results = await self._thread(self._store, [item.outcome for item in batch])
        except Exception as error:
            if len(batch) > 1 and _is_rolled_back(error):
                # Store them one by one, so that only the outcome that caused the error fails.
                clear_frames(error)
                logger.exception("%d outcomes could not be stored together", len(batch))
                for item in batch:
                    await self._store_batch([item])
                return
            cause = error.__cause__ if isinstance(error, RolledBack) else None
            for item in batch:
                if not item.result.done():  # Skip canceled futures.
                    item.result.set_exception(cause or error)
        else:
            for item, result in zip(batch, results, strict=True):
                if not item.result.done():
                    item.result.set_result(result)


def _is_rolled_back(error: Exception) -> bool:
    """Return whether it is certain that nothing was stored.

    After a database error other than `IntegrityError` and `RolledBack`, the outcomes might be stored. If one
    were stored again, it would count as a late outcome of a try-on that has ended.
    """
    is_database_error = isinstance(error, DatabaseError | InterfaceError)
    return isinstance(error, IntegrityError | RolledBack) or not is_database_error
