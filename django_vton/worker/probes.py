"""Probe stopped engines, so that the shop opens again although nobody may order a trial."""

from __future__ import annotations

import asyncio
import logging
import time

from ..gateway import circuit_breaker
from ..gateway.client import NO_RENDER
from ..gateway.engines import get_engine
from ..pixazo import PollFailed
from ..pixazo.client import PixazoClient
from ..utils import clock
from .db_thread import DbThread

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 10.0
"""The pause between two checks whether a probe is due."""


class GatewayProbes:
    """The probes of one dispatcher run."""

    def __init__(self, pixazo: PixazoClient, db: DbThread) -> None:
        self.pixazo = pixazo
        self.db = db
        self.task: asyncio.Task[None] | None = None
        self.next_check = 0.0

    @property
    def is_idle(self) -> bool:
        """Return whether no probe is running."""
        return self.task is None or self.task.done()

    def start_if_due(self) -> None:
        """Start the probes that are due if the pause since the last time is over."""
        if self.is_idle and time.monotonic() >= self.next_check:
            self.next_check = time.monotonic() + INTERVAL_SECONDS
            self.task = asyncio.create_task(self._probe_all())

    async def _probe_all(self) -> None:
        try:
            for engine in await self.db(lambda: circuit_breaker.claim_probes(clock.now())):
                status = await self._probe(engine)
                await self.db(circuit_breaker.record_probe, engine, status)
        except Exception:
            logger.exception("A stopped engine could not be probed. The next probe is in a minute.")

    async def _probe(self, engine: str) -> int | None:
        """Return the HTTP status of the vendor's response, or None if there was none."""
        try:
            await self.pixazo.poll(get_engine(engine), NO_RENDER)
        except PollFailed as failure:
            return failure.status_code
        return 200

    async def shutdown(self) -> None:
        """Wait for the running probes."""
        if self.task is not None:
            await self.task
