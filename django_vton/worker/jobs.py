"""The dispatcher's running jobs: submits, polls and downloads of claimed try-ons, in one asyncio loop.

What a job results in is stored by ``outcomes``.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from ..conf import config
from ..gateway import links
from ..pixazo import DownloadFailed, PollFailed, SubmitOutcome, SubmitResult
from ..pixazo.client import PixazoClient
from ..utils.redaction import clear_frames
from . import outcomes, result_images
from .claims import Job
from .db_thread import CONNECTION_ERRORS, DbThread, MicroBatcher

logger = logging.getLogger(__name__)

T = TypeVar("T")

DOWNLOAD_SECONDS = 20.0

MAX_IMAGES_IN_MEMORY = 8
"""From the first byte until the image is encoded again. Each may have 32 MB."""


class LeaseExpired(Exception):  # noqa: N818 - it says what happened
    """No time is left to send the request: another dispatcher may soon assume that this worker has died."""


class RunningJobs:
    """One per dispatcher run. No download follows a poll unless ``may_continue``."""

    def __init__(self, pixazo: PixazoClient, may_continue: Callable[[], bool], *, posts_until: float) -> None:
        self.pixazo = pixazo
        self.may_continue = may_continue
        self.posts_until = posts_until
        """On the monotonic clock. No claimed submit is sent later."""
        self.tasks: set[asyncio.Task[None]] = set()
        self.submits = 0
        self.image_slots = asyncio.Semaphore(MAX_IMAGES_IN_MEMORY)
        self.image_threads = ThreadPoolExecutor(2, thread_name_prefix="vton-images")
        # A separate thread, so that outcomes are not delayed by polling cycles.
        self.db = DbThread("vton-outcomes")
        # A submit's result cannot be requested again, so store it immediately. Other outcomes may wait.
        self.store_submit = MicroBatcher(self.db, outcomes.on_submit)
        self.store_poll = MicroBatcher(self.db, outcomes.on_poll, is_busy=self.is_busy)
        self.store_download = MicroBatcher(self.db, outcomes.on_download, is_busy=self.is_busy)

    def free_capacity(self) -> tuple[int, int]:
        """How many jobs may start, and how many of these may be submits."""
        free = config.CONCURRENCY - len(self.tasks)
        return free, min(free, config.SUBMIT_CONCURRENCY - self.submits)

    def is_busy(self) -> bool:
        """Whether half of the capacity is used: then larger batches save database time."""
        return 2 * len(self.tasks) >= config.CONCURRENCY

    def start(self, job: Job) -> None:
        """Run a claimed job."""
        work = {"submit": self._submit, "poll": self._poll, "download": self._download}[job.kind]
        if job.kind == "submit":
            self.submits += 1

        async def run() -> None:
            try:
                await work(job)
            except Exception as error:
                # The lease expires and a later polling cycle finds the row. The other jobs go on.
                clear_frames(error)
                logger.exception("try-on %s: %s stopped", job.request.pk, job.kind)
            finally:
                if job.kind == "submit":
                    self.submits -= 1

        task = asyncio.create_task(run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def shutdown(self) -> None:
        """Wait for all jobs, and end the threads."""
        try:
            while self.tasks:
                await asyncio.wait(self.tasks)
        finally:
            self.db.close()
            self.image_threads.shutdown(wait=False)

    # Submits ----------------------------------------------------------------------------------------

    async def _submit(self, job: Job) -> None:
        is_sent = False

        def before_send() -> None:
            nonlocal is_sent
            if time.monotonic() > min(job.lease_ends, self.posts_until):
                raise LeaseExpired
            is_sent = True

        try:
            body, callback_url = await self._create_payload(job)
            result = await self.pixazo.submit(
                job.engine, body, callback_url=callback_url, before_send=before_send
            )
        except Exception as error:
            clear_frames(error)
            logger.exception("try-on %s: its submit broke off", job.request.pk)
            outcome = SubmitOutcome.UNKNOWN if is_sent else SubmitOutcome.NOT_SENT
            result = SubmitResult(outcome=outcome, error=type(error).__name__)
        await self._store_submit_result(job, result)

    async def _create_payload(self, job: Job) -> tuple[dict[str, Any], str | None]:
        """The body of the submit, and the callback URL."""
        photo, product_image = job.request.photo, job.request.product_image
        if photo is None or product_image is None:
            raise ValueError("The photo or the product image was deleted.")
        if job.links is not None:
            person, product = (links.public_url("vendor-file", token) for token in job.links)
        else:
            person, product = await asyncio.gather(
                self._run_in_thread(links.as_base64, photo.file),
                self._run_in_thread(links.as_base64, product_image.file),
            )
        has_callback = links.supports_callback(job.engine.name)
        callback_url = links.public_url("callback", job.token) if has_callback else None
        return job.engine.submit_body(person, product, job.request.options), callback_url

    async def _store_submit_result(self, job: Job, result: SubmitResult) -> None:
        """Try again while the process lives, since the vendor does not repeat its response."""
        pause = 0.2
        while True:
            try:
                await self.store_submit(job, result)
            except Exception as error:
                clear_frames(error)
                logger.exception(
                    "attempt %s of try-on %s (vendor's id %s): its result is not stored",
                    job.attempt.number,
                    job.request.pk,
                    result.answer.vendor_id if result.answer else "none",
                )
                if not isinstance(error, CONNECTION_ERRORS):
                    return
                await asyncio.sleep(pause)
                pause = min(5.0, pause * 2)
            else:
                return

    # Polls and downloads ----------------------------------------------------------------------------

    async def _poll(self, job: Job) -> None:
        try:
            answer = await self.pixazo.poll(job.engine, job.attempt.vendor_id or "")
        except PollFailed as failure:
            logger.info("try-on %s: the poll failed: %s", job.request.pk, failure.error)
            await self.store_poll(job, None, failure.retry_after, False)
        else:
            download = await self.store_poll(job, answer, None, self.may_continue())
            if download is not None:
                await self._download(download)

    async def _download(self, job: Job) -> None:
        try:
            await self._download_all(job)
        except Exception as error:
            # For example, the disk is full. A recorded failure does not count towards MAX_CLAIMS.
            clear_frames(error)
            logger.exception("try-on %s: its image was not stored", job.request.pk)
            await self.db(outcomes.on_download_failed, job, False, type(error).__name__)

    async def _download_all(self, job: Job) -> None:
        # Ignore surplus images: only the ordered number was budgeted.
        urls = job.request.result_urls[: job.engine.image_count(job.request.options)]
        found = await asyncio.gather(*[self._download_one(url) for url in urls], return_exceptions=True)
        results = [result for result in found if isinstance(result, result_images.ResultImage)]
        for error in found:
            if isinstance(error, result_images.ImageRefused | DownloadFailed):
                is_unreadable = not (isinstance(error, DownloadFailed) and error.is_retryable)
                await self.db(outcomes.on_download_failed, job, is_unreadable, str(error))
                return
            if isinstance(error, BaseException):
                raise error
        images = await self._run_in_thread(result_images.store, job.request, results)
        if not await self.store_download(job, images):
            await self._run_in_thread(result_images.delete_files, images)

    async def _download_one(self, url: str) -> result_images.ResultImage:
        ends = time.monotonic() + DOWNLOAD_SECONDS
        try:
            async with asyncio.timeout(DOWNLOAD_SECONDS):
                await self.image_slots.acquire()
        except TimeoutError:
            raise DownloadFailed("too many images at once", is_retryable=True) from None
        try:
            data = await self.pixazo.download(url, seconds=ends - time.monotonic())
            return await self._run_in_thread(result_images.decode, data)
        finally:
            self.image_slots.release()

    async def _run_in_thread(self, work: Callable[..., T], *args: Any) -> T:
        """Work on images and files, outside the loop and the database thread."""
        return await asyncio.get_running_loop().run_in_executor(self.image_threads, partial(work, *args))
