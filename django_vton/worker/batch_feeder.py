"""The feeder beside the pump's flights, in its own thread: no answer waits for a product's picture."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from ..batches import feeding
from .db_thread import DbThread

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

EVERY = 0.5
"""Seconds between looks while there is nothing to feed, or no place."""

AFTER_TROUBLE = 2.0


class Feeder:
    """Made with its pump and closed with it; `may_go_on` is the pump's word."""

    def __init__(self, may_go_on: Callable[[], bool]) -> None:
        self.may_go_on = may_go_on
        self.thread = DbThread("vton-feed")
        self.task: asyncio.Task[None] | None = None
        self.looks_at = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether no step is being done."""
        return self.task is None or self.task.done()

    def look(self) -> None:
        """Begin to feed where it is time."""
        if self.is_idle and time.monotonic() >= self.looks_at:
            self.task = asyncio.create_task(self._feed())

    async def _feed(self) -> None:
        pause = EVERY
        try:
            while self.may_go_on() and await self.thread(feeding.step):
                pass
        except Exception:
            # Its siblings fly on; the next look takes it up again.
            logger.exception("Feeding the batches broke off")
            pause = AFTER_TROUBLE
        finally:
            self.looks_at = time.monotonic() + pause

    async def land(self) -> None:
        """Wait for the step that is being done."""
        if self.task is not None:
            await self.task

    def close(self) -> None:
        """End its thread."""
        self.thread.close()
