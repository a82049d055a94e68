"""The pump: claims due rows and drives them all at once in one asyncio loop; no worker waits for a render.

`run()` takes a slot, drives what is due for a slice of time, finishes what flies, releases the slot, and
only then looks once more for work, so that no wake-up is lost. Rows are claimed in `claims.py`; what a
claimed row needs is done in `flights.py`; what came of it is stored in `news.py`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import threading
import time
from typing import TYPE_CHECKING

from django.db import DatabaseError, InterfaceError

from ..conf import config
from ..pixazo.client import Pixazo
from ..queue import leases, wake
from . import claims, shutdown
from .batch_feeder import Feeder
from .db_thread import AWAY, DbThread
from .jobs import RunningJobs

if TYPE_CHECKING:
    from ..models import DispatcherLease
    from .claims import Job

logger = logging.getLogger(__name__)

SLICE = 10.0
"""Seconds after which a task of the queue takes up nothing new, so that the queue's timeout is far."""

LAST_POST = 10.0
"""Seconds after the slice's end until which a claimed row may still be sent: its photo is being read."""

CYCLE_SECONDS = 0.1
"""Seconds between looks, at least, where not more is known to wait."""

BUSY_CYCLE_SECONDS = 0.5
"""The same, where half of the places are taken or more."""

IDLE_CYCLE_SECONDS = 1.0
"""Seconds between looks where nothing is to be done, and the longest rest of all."""


def pause_after_cycle(took: float, *, is_crowded: bool = False, is_full: bool = False) -> float:
    """Seconds from one look to the next: twice as long as it took, so that looks leave room for the news.

    At least a tick, but where it took up all that may be sent at once: more is waiting. Longer where half of
    the places are taken: a look for a few costs as much as one for many. Never long: a look that a lock held
    up for half a minute must not carry its pump past the queue's timeout.
    """
    least = BUSY_CYCLE_SECONDS if is_crowded else 0 if is_full else CYCLE_SECONDS
    return min(IDLE_CYCLE_SECONDS, max(least, 2 * took))


def run(*, forever: bool = False, stop: threading.Event | None = None) -> None:
    """Drive due try-ons until there is nothing to do or the slice is over; `forever` knows neither.

    On SIGTERM it claims nothing more, stores the answers in flight, and then lets the signal have its way.
    """
    stop = stop or threading.Event()
    with shutdown.defer_sigterm(stop):
        if forever:
            _run_forever(stop)
            return
        asyncio.run(Dispatcher(stop=stop).main())
        # Before the signal has its way: nobody else would ring for what is left.
        if claims.has_work():
            wake()


def _run_forever(stop: threading.Event) -> None:
    """Also where the place is taken, and where the database is away: both pass."""
    while not stop.is_set():
        try:
            asyncio.run(Dispatcher(forever=True, stop=stop).main())
        except AWAY:
            logger.exception("The database is away; looking again.")
        stop.wait(1)


def drain() -> None:
    """Drive until nothing is due soon: `vton_worker --once`, and whoever has no queue at hand."""
    stop = threading.Event()
    with shutdown.defer_sigterm(stop):
        while not stop.is_set() and claims.has_work():
            if not asyncio.run(Dispatcher(stop=stop).main()):
                stop.wait(1)  # Another pump is at it.


class Dispatcher:
    """One run. Made, used and thrown away within one call of `run`."""

    def __init__(self, *, stop: threading.Event, forever: bool = False) -> None:
        self.stop = stop
        self.has_place = True
        # Not as long as the others': pumps that began together would all hand over at once.
        slice_ = SLICE * random.uniform(0.7, 1.0)  # noqa: S311 - not a secret
        self.ends_at = math.inf if forever else time.monotonic() + slice_
        self.forever = forever
        self.db = DbThread("vton-db")
        self.feeder = Feeder(self._goes_on)

    async def main(self) -> bool:
        """Take a slot, drive, land, release. False where every place is taken."""
        try:
            slot = await self.db(leases.acquire)
            if slot is None:
                return False
            beat = asyncio.create_task(self._keep(slot))
            try:
                async with Pixazo(
                    base_url=config.PIXAZO_BASE_URL,
                    api_key=config.PIXAZO_API_KEY,
                    result_hosts=config.RESULT_HOSTS,
                    loopback=config.is_sandbox,
                ) as pixazo:
                    flights = RunningJobs(pixazo, self._goes_on, posts_until=self.ends_at + LAST_POST)
                    try:
                        await self._drive(flights)
                    finally:
                        await flights.land()
                        await self.feeder.land()
            finally:
                beat.cancel()
                await self.db(leases.release, slot)
            return True
        finally:
            self.feeder.close()
            self.db.close()

    async def _keep(self, slot: DispatcherLease) -> None:
        while self.has_place:
            await asyncio.sleep(leases.RENEW_SECONDS)
            try:
                self.has_place = await self.db(leases.renew, slot)
            except (DatabaseError, InterfaceError):
                logger.exception("The pump's place could not be renewed.")
        logger.warning("Another pump has this place: claiming nothing more.")

    def _goes_on(self) -> bool:
        return self.has_place and not self.stop.is_set() and time.monotonic() <= self.ends_at

    async def _drive(self, flights: RunningJobs) -> None:
        """Claim and start, until told to stop or there is nothing to wait for."""
        while self._goes_on():
            began = time.monotonic()
            free, free_submits = flights.places()
            jobs = await self._claim(free, free_submits)
            for job in jobs:
                flights.start(job)
            is_full = 0 < free_submits <= sum(job.kind == "submit" for job in jobs)
            self.feeder.look()
            busy = flights.in_air or jobs or not self.feeder.is_idle or await self.db(claims.has_work)
            if not busy and not self.forever:
                return
            took = time.monotonic() - began
            rest = pause_after_cycle(took, is_crowded=flights.is_crowded(), is_full=is_full)
            await asyncio.sleep(rest if busy else IDLE_CYCLE_SECONDS)

    async def _claim(self, free: int, free_submits: int) -> list[Job]:
        try:
            return await self.db(claims.take, free, free_submits)
        except (DatabaseError, InterfaceError):
            if not self.forever:
                raise
            logger.exception("The database is away; looking again.")
            return []
