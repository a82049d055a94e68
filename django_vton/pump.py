"""The pump: claims due rows and drives them all at once in one asyncio loop; no worker waits for a render.

`run()` takes a slot, drives what is due for a slice of time, finishes what flies, releases the slot, and
only then looks once more for work, so that no wake-up is lost. Rows are claimed in `claims.py`; what a
claimed row needs is done by one of the three flights below; what came of it is stored in `news.py`.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError

from . import claims, handover, news, results, sigterm, slots
from .batches.feeder import Feeder
from .conf import config
from .discreet import forget_locals
from .pixazo import AskFailed, FetchFailed, Submission, Verdict
from .pixazo.client import Pixazo
from .queue import ring
from .threads import DbThread, Gathering

if TYPE_CHECKING:
    from collections.abc import Callable

    from .claims import Job
    from .models import PumpSlot

logger = logging.getLogger("django_vton.pump")

T = TypeVar("T")

SLICE = 10.0
"""Seconds after which a task of the queue takes up nothing new, so that the queue's timeout is far."""

LAST_POST = 10.0
"""Seconds after the slice's end until which a claimed row may still be sent: its photo is being read."""

TICK = 0.1
"""Seconds between looks, at least, where not more is known to wait."""

CROWDED_TICK = 0.5
"""The same, where half of the places are taken or more."""

IDLE_TICK = 1.0
"""Seconds between looks where nothing is to be done, and the longest rest of all."""

FETCH_SECONDS = 20.0

PICTURES_AT_ONCE = 8
"""So many results are in memory, from their first byte until they are written anew: each may have 32 MB."""

AWAY = (OperationalError, InterfaceError, InternalError)
"""The database may be back in a moment; any other error would be the same again."""


class LeaseOver(Exception):  # noqa: N818 - it says what happened, and nothing is wrong
    """The time for it ran out before the first byte was sent: another pump may think the worker dead."""


def rest_after(took: float, *, is_crowded: bool = False, is_full: bool = False) -> float:
    """Seconds from one look to the next: twice as long as it took, so that looks leave room for the news.

    At least a tick, but where it took up all that may be sent at once: more is waiting. Longer where half of
    the places are taken: a look for a few costs as much as one for many. Never long: a look that a lock held
    up for half a minute must not carry its pump past the queue's timeout.
    """
    least = CROWDED_TICK if is_crowded else 0 if is_full else TICK
    return min(IDLE_TICK, max(least, 2 * took))


def run(*, forever: bool = False, stop: threading.Event | None = None) -> None:
    """Drive due try-ons until there is nothing to do or the slice is over; `forever` knows neither.

    On SIGTERM it claims nothing more, stores the answers in flight, and then lets the signal have its way.
    """
    stop = stop or threading.Event()
    with sigterm.held_back(stop):
        if forever:
            _run_forever(stop)
            return
        asyncio.run(Pump(stop=stop).main())
        # Before the signal has its way: nobody else would ring for what is left.
        if claims.has_work():
            ring()


def _run_forever(stop: threading.Event) -> None:
    """Also where the place is taken, and where the database is away: both pass."""
    while not stop.is_set():
        try:
            asyncio.run(Pump(forever=True, stop=stop).main())
        except AWAY:
            logger.exception("The database is away; looking again.")
        stop.wait(1)


def drain() -> None:
    """Drive until nothing is due soon: `vton_pump --once`, and whoever has no queue at hand."""
    stop = threading.Event()
    with sigterm.held_back(stop):
        while not stop.is_set() and claims.has_work():
            if not asyncio.run(Pump(stop=stop).main()):
                stop.wait(1)  # Another pump is at it.


class Pump:
    """One run. Made, used and thrown away within one call of `run`."""

    def __init__(self, *, stop: threading.Event, forever: bool = False) -> None:
        self.stop = stop
        self.has_place = True
        # Not as long as the others': pumps that began together would all hand over at once.
        slice_ = SLICE * random.uniform(0.7, 1.0)  # noqa: S311 - not a secret
        self.ends_at = math.inf if forever else time.monotonic() + slice_
        self.forever = forever
        self.flights: set[asyncio.Task[None]] = set()
        self.submits = 0
        self.pictures: asyncio.Semaphore
        self.pixazo: Pixazo
        self.db = DbThread("vton-db")
        self.news = DbThread("vton-news")  # A picture that has come waits for no look.
        self.submitted = Gathering(self.news, news.SUBMITTED)
        # Its answer comes once, so it is stored at once; the others only wait for each other.
        self.asked = Gathering(self.news, news.ASKED, is_crowded=self._is_crowded)
        self.fetched = Gathering(self.news, news.FETCHED, is_crowded=self._is_crowded)
        self.feeder = Feeder(self._goes_on)
        self.image_threads = ThreadPoolExecutor(2, thread_name_prefix="vton-images")

    async def main(self) -> bool:
        """Take a slot, drive, land, release. False where every place is taken."""
        self.pictures = asyncio.Semaphore(PICTURES_AT_ONCE)
        try:
            slot = await self.db(slots.take)
            if slot is None:
                return False
            beat = asyncio.create_task(self._keep(slot))
            try:
                async with Pixazo(
                    base_url=config.PIXAZO_BASE_URL,
                    api_key=config.PIXAZO_API_KEY,
                    result_hosts=config.RESULT_HOSTS,
                    loopback=config.is_sandbox,
                ) as self.pixazo:
                    try:
                        await self._drive()
                    finally:
                        while self.flights:
                            await asyncio.wait(self.flights)
                        await self.feeder.land()
            finally:
                beat.cancel()
                await self.db(slots.release, slot)
            return True
        finally:
            self.feeder.close()
            self.news.close()
            self.db.close()
            self.image_threads.shutdown(wait=False)

    async def _keep(self, slot: PumpSlot) -> None:
        while self.has_place:
            await asyncio.sleep(slots.RENEW_SECONDS)
            try:
                self.has_place = await self.db(slots.renew, slot)
            except (DatabaseError, InterfaceError):
                logger.exception("The pump's place could not be renewed.")
        logger.warning("Another pump has this place: claiming nothing more.")

    def _goes_on(self) -> bool:
        return self.has_place and not self.stop.is_set() and time.monotonic() <= self.ends_at

    def _is_crowded(self) -> bool:
        """Whether half of the places are taken: what comes is better looked at, and stored, in company."""
        return 2 * len(self.flights) >= config.CONCURRENCY

    async def _drive(self) -> None:
        """Claim and start, until told to stop or there is nothing to wait for."""
        while self._goes_on():
            began = time.monotonic()
            free = config.CONCURRENCY - len(self.flights)
            free_submits = min(free, config.SUBMIT_CONCURRENCY - self.submits)
            jobs = await self._claim(free, free_submits)
            for job in jobs:
                self._start(job)
            is_full = 0 < free_submits <= sum(job.kind == "submit" for job in jobs)
            self.feeder.look()
            busy = self.flights or jobs or not self.feeder.is_idle or await self.db(claims.has_work)
            if not busy and not self.forever:
                return
            took = time.monotonic() - began
            rest = rest_after(took, is_crowded=self._is_crowded(), is_full=is_full)
            await asyncio.sleep(rest if busy else IDLE_TICK)

    async def _claim(self, free: int, free_submits: int) -> list[Job]:
        try:
            return await self.db(claims.take, free, free_submits)
        except (DatabaseError, InterfaceError):
            if not self.forever:
                raise
            logger.exception("The database is away; looking again.")
            return []

    def _start(self, job: Job) -> None:
        work = {"submit": self._submit, "ask": self._ask, "fetch": self._fetch}[job.kind]
        if job.kind == "submit":
            self.submits += 1

        async def fly() -> None:
            try:
                await work(job)
            except Exception as trouble:
                # The row's lease runs out and the next look finds it; its siblings fly on.
                forget_locals(trouble)
                logger.exception("try-on %s: %s stopped", job.request.pk, job.kind)
            finally:
                if job.kind == "submit":
                    self.submits -= 1

        flight = asyncio.create_task(fly())
        self.flights.add(flight)
        flight.add_done_callback(self.flights.discard)

    # The three flights ------------------------------------------------------------------------------

    async def _submit(self, job: Job) -> None:
        is_sent = False

        def about_to_send() -> None:
            nonlocal is_sent
            if time.monotonic() > min(job.lease_ends, self.ends_at + LAST_POST):
                raise LeaseOver
            is_sent = True

        try:
            body, callback_url = await self._parcel(job)
            submission = await self.pixazo.submit(
                job.engine, body, callback_url=callback_url, before_send=about_to_send
            )
        except Exception as trouble:
            forget_locals(trouble)
            logger.exception("try-on %s: its submit broke off", job.request.pk)
            verdict = Verdict.UNKNOWN if is_sent else Verdict.NOT_SENT
            submission = Submission(verdict=verdict, error=type(trouble).__name__)
        await self._persist(job, submission)

    async def _parcel(self, job: Job) -> tuple[dict[str, Any], str | None]:
        """The submit's body, and where the callback goes."""
        photo, picture = job.request.photo, job.request.product_picture
        if photo is None or picture is None:
            raise ValueError("The photo was deleted.")
        if job.links is not None:
            person, product = (handover.public_url("vendor-file", token) for token in job.links)
        else:
            person, product = await asyncio.gather(
                self.image(handover.encoded, photo.file), self.image(handover.encoded, picture.file)
            )
        ordered = handover.calls_back(job.engine.name)
        callback_url = handover.public_url("callback", job.token) if ordered else None
        return job.engine.submit_body(person, product, job.request.options), callback_url

    async def _persist(self, job: Job, submission: Submission) -> None:
        """Store what became of the submit; tried again while the process lives: it was said only once."""
        pause = 0.2
        while True:
            try:
                await self.submitted(job, submission)
            except Exception as trouble:
                forget_locals(trouble)
                logger.exception(
                    "attempt %s of try-on %s (vendor's id %s): its answer is not stored",
                    job.attempt.number,
                    job.request.pk,
                    submission.answer.vendor_id if submission.answer else "none",
                )
                if not isinstance(trouble, AWAY):
                    return
                await asyncio.sleep(pause)
                pause = min(5.0, pause * 2)
            else:
                return

    async def _ask(self, job: Job) -> None:
        try:
            answer = await self.pixazo.ask(job.engine, job.attempt.vendor_id or "")
        except AskFailed as failure:
            logger.info("try-on %s: asked in vain: %s", job.request.pk, failure.error)
            await self.asked(job, None, failure.retry_after, False)
        else:
            # A pump that lands takes up nothing more: the fetch is the next one's.
            fetch = await self.asked(job, answer, None, self._goes_on())
            if fetch is not None:
                await self._fetch(fetch)

    async def _fetch(self, job: Job) -> None:
        try:
            await self._fetch_all(job)
        except Exception as trouble:
            # A full disk, say. It passes or somebody sees to it: only claims that end in silence are counted.
            forget_locals(trouble)
            logger.exception("try-on %s: its picture was not stored", job.request.pk)
            await self.news(news.not_fetched, job, False, type(trouble).__name__)

    async def _fetch_all(self, job: Job) -> None:
        # What was not asked for is not paid, and nobody said that it may be so much.
        urls = job.request.result_urls[: job.engine.image_count(job.request.options)]
        outcomes = await asyncio.gather(*[self._fetch_one(url) for url in urls], return_exceptions=True)
        pictures = [outcome for outcome in outcomes if isinstance(outcome, results.Rendered)]
        for trouble in outcomes:
            if isinstance(trouble, results.ImageRefused | FetchFailed):
                final = not (isinstance(trouble, FetchFailed) and trouble.retryable)
                await self.news(news.not_fetched, job, final, str(trouble))
                return
            if isinstance(trouble, BaseException):
                raise trouble
        images = await self.image(results.store, job.request, pictures)
        if not await self.fetched(job, images):
            await self.image(results.discard, images)

    async def _fetch_one(self, url: str) -> results.Rendered:
        ends = time.monotonic() + FETCH_SECONDS
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                await self.pictures.acquire()
        except TimeoutError:
            raise FetchFailed("too many pictures at once", retryable=True) from None
        try:
            data = await self.pixazo.fetch(url, seconds=ends - time.monotonic())
            return await self.image(results.read, data)
        finally:
            self.pictures.release()

    # Threads ----------------------------------------------------------------------------------------

    async def image(self, work: Callable[..., T], *args: Any) -> T:
        """Work on pictures and files, away from the loop and from the database's thread."""
        return await asyncio.get_running_loop().run_in_executor(self.image_threads, partial(work, *args))
