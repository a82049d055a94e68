"""What a pump has in the air: each claimed row's submit, ask or fetch, all at once in the pump's loop.

What a claimed row needs is done by one of the three flights below; what came of it is stored in `news.py`.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..conf import config
from ..gateway import links
from ..pixazo import DownloadFailed, PollFailed, Submission, Verdict
from ..utils.redaction import clear_frames
from . import outcomes as news
from . import result_images
from .db_thread import AWAY, DbThread, MicroBatcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..pixazo.client import Pixazo
    from .claims import Job

logger = logging.getLogger(__name__)

T = TypeVar("T")

FETCH_SECONDS = 20.0

PICTURES_AT_ONCE = 8
"""So many results are in memory, from their first byte until they are written anew: each may have 32 MB."""


class LeaseExpired(Exception):  # noqa: N818 - it says what happened, and nothing is wrong
    """The time for it ran out before the first byte was sent: another pump may think the worker dead."""


class RunningJobs:
    """Made with its pump's connection, and landed before that closes; `may_go_on` is the pump's word."""

    def __init__(self, pixazo: Pixazo, may_go_on: Callable[[], bool], *, posts_until: float) -> None:
        self.pixazo = pixazo
        self.may_go_on = may_go_on
        self.posts_until = posts_until
        """On the monotonic clock: after it no claimed row is sent any more."""
        self.in_air: set[asyncio.Task[None]] = set()
        self.submits = 0
        self.pictures = asyncio.Semaphore(PICTURES_AT_ONCE)
        self.image_threads = ThreadPoolExecutor(2, thread_name_prefix="vton-images")
        self.news = DbThread("vton-news")  # A picture that has come waits for no look.
        self.submitted = MicroBatcher(self.news, news.SUBMITTED)
        # Its answer comes once, so it is stored at once; the others only wait for each other.
        self.asked = MicroBatcher(self.news, news.ASKED, is_crowded=self.is_crowded)
        self.fetched = MicroBatcher(self.news, news.FETCHED, is_crowded=self.is_crowded)

    def places(self) -> tuple[int, int]:
        """How many may still start, and how many of these may be submits."""
        free = config.CONCURRENCY - len(self.in_air)
        return free, min(free, config.SUBMIT_CONCURRENCY - self.submits)

    def is_crowded(self) -> bool:
        """Whether half of the places are taken: what comes is better looked at, and stored, in company."""
        return 2 * len(self.in_air) >= config.CONCURRENCY

    def start(self, job: Job) -> None:
        """Begin what was claimed."""
        work = {"submit": self._submit, "ask": self._ask, "fetch": self._fetch}[job.kind]
        if job.kind == "submit":
            self.submits += 1

        async def fly() -> None:
            try:
                await work(job)
            except Exception as trouble:
                # The row's lease runs out and the next look finds it; its siblings fly on.
                clear_frames(trouble)
                logger.exception("try-on %s: %s stopped", job.request.pk, job.kind)
            finally:
                if job.kind == "submit":
                    self.submits -= 1

        flight = asyncio.create_task(fly())
        self.in_air.add(flight)
        flight.add_done_callback(self.in_air.discard)

    async def land(self) -> None:
        """Wait for all of them, and end their threads."""
        try:
            while self.in_air:
                await asyncio.wait(self.in_air)
        finally:
            self.news.close()
            self.image_threads.shutdown(wait=False)

    # The three flights ------------------------------------------------------------------------------

    async def _submit(self, job: Job) -> None:
        is_sent = False

        def about_to_send() -> None:
            nonlocal is_sent
            if time.monotonic() > min(job.lease_ends, self.posts_until):
                raise LeaseExpired
            is_sent = True

        try:
            body, callback_url = await self._parcel(job)
            submission = await self.pixazo.submit(
                job.engine, body, callback_url=callback_url, before_send=about_to_send
            )
        except Exception as trouble:
            clear_frames(trouble)
            logger.exception("try-on %s: its submit broke off", job.request.pk)
            verdict = Verdict.UNKNOWN if is_sent else Verdict.NOT_SENT
            submission = Submission(verdict=verdict, error=type(trouble).__name__)
        await self._persist(job, submission)

    async def _parcel(self, job: Job) -> tuple[dict[str, Any], str | None]:
        """The submit's body, and where the callback goes."""
        photo, picture = job.request.photo, job.request.product_image
        if photo is None or picture is None:
            raise ValueError("The photo was deleted.")
        if job.links is not None:
            person, product = (links.public_url("vendor-file", token) for token in job.links)
        else:
            person, product = await asyncio.gather(
                self._image(links.as_base64, photo.file), self._image(links.as_base64, picture.file)
            )
        ordered = links.supports_callback(job.engine.name)
        callback_url = links.public_url("callback", job.token) if ordered else None
        return job.engine.submit_body(person, product, job.request.options), callback_url

    async def _persist(self, job: Job, submission: Submission) -> None:
        """Store what became of the submit; tried again while the process lives: it was said only once."""
        pause = 0.2
        while True:
            try:
                await self.submitted(job, submission)
            except Exception as trouble:
                clear_frames(trouble)
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
        except PollFailed as failure:
            logger.info("try-on %s: asked in vain: %s", job.request.pk, failure.error)
            await self.asked(job, None, failure.retry_after, False)
        else:
            # A pump that lands takes up nothing more: the fetch is the next one's.
            fetch = await self.asked(job, answer, None, self.may_go_on())
            if fetch is not None:
                await self._fetch(fetch)

    async def _fetch(self, job: Job) -> None:
        try:
            await self._fetch_all(job)
        except Exception as trouble:
            # A full disk, say. It passes or somebody sees to it: only claims that end in silence are counted.
            clear_frames(trouble)
            logger.exception("try-on %s: its picture was not stored", job.request.pk)
            await self.news(news.not_fetched, job, False, type(trouble).__name__)

    async def _fetch_all(self, job: Job) -> None:
        # What was not asked for is not paid, and nobody said that it may be so much.
        urls = job.request.result_urls[: job.engine.image_count(job.request.options)]
        outcomes = await asyncio.gather(*[self._fetch_one(url) for url in urls], return_exceptions=True)
        pictures = [outcome for outcome in outcomes if isinstance(outcome, result_images.Rendered)]
        for trouble in outcomes:
            if isinstance(trouble, result_images.ImageRefused | DownloadFailed):
                final = not (isinstance(trouble, DownloadFailed) and trouble.retryable)
                await self.news(news.not_fetched, job, final, str(trouble))
                return
            if isinstance(trouble, BaseException):
                raise trouble
        images = await self._image(result_images.store, job.request, pictures)
        if not await self.fetched(job, images):
            await self._image(result_images.discard, images)

    async def _fetch_one(self, url: str) -> result_images.Rendered:
        ends = time.monotonic() + FETCH_SECONDS
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                await self.pictures.acquire()
        except TimeoutError:
            raise DownloadFailed("too many pictures at once", retryable=True) from None
        try:
            data = await self.pixazo.fetch(url, seconds=ends - time.monotonic())
            return await self._image(result_images.read, data)
        finally:
            self.pictures.release()

    # Threads ----------------------------------------------------------------------------------------

    async def _image(self, work: Callable[..., T], *args: Any) -> T:
        """Work on pictures and files, away from the loop and from the database's thread."""
        return await asyncio.get_running_loop().run_in_executor(self.image_threads, partial(work, *args))
