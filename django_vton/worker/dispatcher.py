"""The dispatcher claims due try-ons and runs them in one asyncio loop, so that no worker waits for a render.

`run` takes a lease, works for a time slice, finishes the running jobs and releases the lease. It checks for
work once more after that, so no wake-up is lost.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import threading
import time
from functools import partial

from django.db import DatabaseError, InterfaceError

from ..gateway.client import create_client
from ..lifecycle import CONNECTION_ERRORS
from ..models import DispatcherLease
from ..queue import dispatcher_leases, wake
from . import claims, shutdown
from .batch_feeder import BatchFeeder
from .claims import Job
from .db_thread import DbThread
from .jobs import RunningJobs
from .probes import GatewayProbes

logger = logging.getLogger(__name__)

TIME_SLICE_SECONDS = 10.0
"""The time after which a task of the queue claims no more jobs. The queue's timeout is much longer."""

LAST_POST_SECONDS = 10.0
"""The time after the time slice in which claimed submits may still be sent. Reading images takes time."""

CYCLE_SECONDS = 0.05
"""The minimum pause between polling cycles."""

BUSY_CYCLE_SECONDS = 0.5
"""The minimum pause while half of the capacity or more is used."""

IDLE_CYCLE_SECONDS = 1.0
"""The pause while there is nothing to do. No pause is longer."""


def pause_after_cycle(seconds: float, *, is_busy: bool = False, is_full: bool = False) -> float:
    """Return the pause after a polling cycle: twice its duration, so that outcomes are stored soon.

    If `is_full`, more submits are probably waiting, so no minimum applies. If `is_busy`, the minimum is
    longer, since the cost of a cycle hardly depends on its number of rows. After a cycle that a lock has
    delayed, the maximum keeps the dispatcher within the queue's timeout.
    """
    minimum = BUSY_CYCLE_SECONDS if is_busy else 0 if is_full else CYCLE_SECONDS
    return min(IDLE_CYCLE_SECONDS, max(minimum, 2 * seconds))


def run(*, forever: bool = False, stop: threading.Event | None = None) -> None:
    """Run due try-ons until there is nothing to do, or until the time slice is over.

    With `forever`, run until `stop` is set. On SIGTERM, claim no more jobs, store the outcomes of the running
    jobs, and then raise the signal again.
    """
    stop = stop or threading.Event()
    with shutdown.defer_sigterm(stop):
        if forever:
            _run_forever(stop)
            return
        asyncio.run(Dispatcher(stop=stop).main())
        # Wake a worker for the remaining work before SIGTERM is raised again.
        if claims.has_work():
            wake()


def _run_forever(stop: threading.Event) -> None:
    """Run dispatchers one after another. Wait while all leases are taken or the database is not available."""
    while not stop.is_set():
        try:
            asyncio.run(Dispatcher(forever=True, stop=stop).main())
        except CONNECTION_ERRORS:
            logger.exception("The database is not available. Trying again.")
        stop.wait(1)


def drain() -> None:
    """Run until no work is due soon, for `vton_worker --once` and processes without a queue."""
    stop = threading.Event()
    with shutdown.defer_sigterm(stop):
        while not stop.is_set() and claims.has_work():
            if not asyncio.run(Dispatcher(stop=stop).main()):
                stop.wait(1)  # Another dispatcher is running.


class Dispatcher:
    """One run, from taking a lease to releasing it."""

    def __init__(self, *, stop: threading.Event, forever: bool = False) -> None:
        self.stop = stop
        self.has_lease = True
        # Vary the time slice, so that dispatchers that began together do not all end at once.
        seconds = TIME_SLICE_SECONDS * random.uniform(0.7, 1.0)  # noqa: S311 - not a secret
        self.ends_at = math.inf if forever else time.monotonic() + seconds
        self.forever = forever
        self.next_check = 0.0
        self.db = DbThread("vton-db")
        self.feeder = BatchFeeder(self._may_continue)

    async def main(self) -> bool:
        """Take a lease, work, finish the jobs, and release the lease. Return False if no lease is free."""
        try:
            lease = await self.db(dispatcher_leases.acquire)
            if lease is None:
                return False
            renewal = asyncio.create_task(self._renew(lease))
            try:
                async with create_client() as pixazo:
                    posts_until = self.ends_at + LAST_POST_SECONDS
                    jobs = RunningJobs(pixazo, self._may_continue, posts_until=posts_until)
                    probes = GatewayProbes(pixazo, self.db)
                    try:
                        await self._work(jobs, probes)
                    finally:
                        await jobs.shutdown()
                        await self.feeder.shutdown()
                        await probes.shutdown()
            finally:
                renewal.cancel()
                await self.db(dispatcher_leases.release, lease)
            return True
        finally:
            self.feeder.close()
            self.db.close()

    async def _renew(self, lease: DispatcherLease) -> None:
        while self.has_lease:
            await asyncio.sleep(dispatcher_leases.RENEW_INTERVAL_SECONDS)
            try:
                self.has_lease = await self.db(dispatcher_leases.renew, lease)
            except (DatabaseError, InterfaceError):
                logger.exception("The dispatcher's lease could not be renewed.")
        logger.warning("Another dispatcher has taken this lease. No further jobs are claimed.")

    def _may_continue(self) -> bool:
        return self.has_lease and not self.stop.is_set() and time.monotonic() <= self.ends_at

    async def _work(self, jobs: RunningJobs, probes: GatewayProbes) -> None:
        """Claim and start jobs in polling cycles, until the run must end or there is nothing left to do."""
        while self._may_continue():
            began = time.monotonic()
            free, free_submits = jobs.free_capacity()
            claimed = await self._claim(free, free_submits, is_idle=not jobs.tasks)
            for job in claimed:
                jobs.start(job)
            is_full = 0 < free_submits <= sum(job.kind == "submit" for job in claimed)
            self.feeder.start_if_due()
            probes.start_if_due()
            is_idle = not jobs.tasks and not claimed and self.feeder.is_idle and probes.is_idle
            is_working = await self._has_work(began, is_idle=is_idle)
            if not is_working and not self.forever:
                return
            pause = pause_after_cycle(time.monotonic() - began, is_busy=jobs.is_busy(), is_full=is_full)
            await asyncio.sleep(pause if is_working else IDLE_CYCLE_SECONDS)

    async def _has_work(self, now: float, *, is_idle: bool) -> bool:
        """Return whether something is running or due soon. While idle, ask the database once a second."""
        if not is_idle:
            self.next_check = 0.0
        elif now >= self.next_check:
            self.next_check = now + IDLE_CYCLE_SECONDS
            return await self.db(claims.has_work)
        return True

    async def _claim(self, free: int, free_submits: int, *, is_idle: bool) -> list[Job]:
        try:
            return await self.db(partial(claims.claim_jobs, free, free_submits, is_idle=is_idle))
        except (DatabaseError, InterfaceError):
            if not self.forever:
                raise
            logger.exception("The database is not available. Trying again.")
            return []
