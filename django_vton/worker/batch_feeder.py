"""Feed batches in a separate thread, since reading a product image must not delay storing an outcome."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from ..batches import feeding
from .db_thread import DbThread

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.5
"""The pause between two checks while no batch is due or no capacity is free."""

PAUSE_AFTER_ERROR_SECONDS = 2.0


class BatchFeeder:
    """The feeder of one dispatcher run. It continues while `may_continue` returns True."""

    def __init__(self, may_continue: Callable[[], bool]) -> None:
        self.may_continue = may_continue
        self.thread = DbThread("vton-feed")
        self.task: asyncio.Task[None] | None = None
        self.next_check = 0.0

    @property
    def is_idle(self) -> bool:
        """Return whether no step is running."""
        return self.task is None or self.task.done()

    def start_if_due(self) -> None:
        """Start feeding if the pause since the last time is over."""
        if self.is_idle and time.monotonic() >= self.next_check:
            self.task = asyncio.create_task(self._feed())

    async def _feed(self) -> None:
        pause = INTERVAL_SECONDS
        try:
            while self.may_continue() and await self.thread(feeding.step):
                pass
        except Exception:
            # Continue with the jobs, and try again at the next check.
            logger.exception("Feeding the batches failed")
            pause = PAUSE_AFTER_ERROR_SECONDS
        finally:
            self.next_check = time.monotonic() + pause

    async def shutdown(self) -> None:
        """Wait for the running step."""
        if self.task is not None:
            await self.task

    def close(self) -> None:
        """End the thread."""
        self.thread.close()
