"""Run the jobs of claimed try-ons (submits, polls and downloads) in one asyncio loop.

The module `outcomes` stores the results of jobs.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

from .. import lifecycle, marks
from ..conf import config
from ..gateway import links, transcripts
from ..images import ImageRefused
from ..images.isolated import Comparison, ResultImage, decode_result
from ..lifecycle import CONNECTION_ERRORS
from ..pixazo import DownloadFailed, PollFailed, SubmitOutcome, SubmitResult
from ..pixazo.client import PixazoClient
from ..pixazo.exchanges import Observer
from ..utils.redaction import clear_frames
from . import input_files, outcomes, result_images
from .claims import Job
from .db_thread import DbThread, MicroBatcher
from .input_files import NotSendable
from .submit_concurrency import SubmitConcurrency

logger = logging.getLogger(__name__)

T = TypeVar("T")

DOWNLOAD_SECONDS = 20.0

MAX_IMAGES_IN_MEMORY = 8
"""The maximum number of result images that are downloaded or decoded at a time. Each can have 32 MB."""


class LeaseExpired(Exception):  # noqa: N818 - it says what happened
    """It is too late to send a submit: another dispatcher might soon assume that this worker has died."""


class RunningJobs:
    """The jobs of one dispatcher run. A poll is followed by a download only if `may_continue()`."""

    def __init__(self, pixazo: PixazoClient, may_continue: Callable[[], bool], *, posts_until: float) -> None:
        self.pixazo = pixazo
        self.may_continue = may_continue
        self.posts_until = posts_until
        """The time on the monotonic clock after which no claimed submit is sent."""
        self.tasks: set[asyncio.Task[None]] = set()
        self.submits = 0
        self.submit_concurrency = SubmitConcurrency()
        self.has_suspect = False
        self.image_slots = asyncio.Semaphore(MAX_IMAGES_IN_MEMORY)
        self.image_threads = ThreadPoolExecutor(2, thread_name_prefix="vton-images")
        # A separate thread, so that outcomes are not delayed by polling cycles.
        self.db = DbThread("vton-outcomes")
        self.background_db = DbThread("vton-background")  # For product images and transcripts.
        # The result of a submit cannot be requested again, so store it immediately. Other outcomes can wait.
        self.store_submit = MicroBatcher(self.db, outcomes.on_submit)
        self.store_poll = MicroBatcher(self.db, outcomes.on_poll, is_busy=self.is_busy)
        self.store_download = MicroBatcher(self.db, outcomes.on_download, is_busy=self.is_busy)

    def free_capacity(self) -> tuple[int, int]:
        """Return how many jobs may start, and how many of them may be submits."""
        if self.has_suspect:
            return 0, 0
        free = config.CONCURRENCY - len(self.tasks)
        return free, min(free, self.submit_concurrency.limit - self.submits)

    def is_busy(self) -> bool:
        """Return whether half of the capacity is used. Outcomes are then stored in larger batches."""
        return 2 * len(self.tasks) >= config.CONCURRENCY

    def start(self, job: Job) -> None:
        """Run a claimed job."""
        work = {"submit": self._submit, "poll": self._poll, "download": self._download}[job.kind]
        if job.kind == "submit":
            self.submits += 1
        self.has_suspect = job.is_suspect

        async def run() -> None:
            try:
                await work(job)
            except Exception as error:
                # The lease will expire, and a later polling cycle will handle the try-on.
                clear_frames(error)
                logger.exception("try-on %s: the %s crashed", job.request.pk, job.kind)
            finally:
                if job.kind == "submit":
                    self.submits -= 1
                self.has_suspect = False
            if job.exchanges:
                await self._store_transcript(job)

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
            self.background_db.close()
            self.image_threads.shutdown(wait=False)

    async def _store_transcript(self, job: Job) -> None:
        """Store the exchanges after the outcome, and in another thread, so that no outcome waits for them."""
        try:
            await self.background_db(transcripts.store, job.attempt, job.exchanges)
        except Exception as error:
            clear_frames(error)
            logger.exception("try-on %s: the transcript is not stored", job.request.pk)

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
            began = time.monotonic()
            result = await self.pixazo.submit(
                job.engine,
                body,
                callback_url=callback_url,
                before_send=before_send,
                on_exchange=_observer(job),
            )
            is_used = self.submits >= self.submit_concurrency.limit
            self.submit_concurrency.record(result, began, is_used=is_used)
        except NotSendable as problem:
            outcome = SubmitOutcome.NOT_SENT
            result = SubmitResult(outcome=outcome, error=str(problem), error_code=problem.code)
        except Exception as error:
            clear_frames(error)
            logger.exception("try-on %s: the submit failed with an unexpected error", job.request.pk)
            outcome = SubmitOutcome.UNKNOWN if is_sent else SubmitOutcome.NOT_SENT
            result = SubmitResult(outcome=outcome, error=type(error).__name__)
        await self._store_submit_result(job, result)

    async def _create_payload(self, job: Job) -> tuple[dict[str, Any], str | None]:
        photo, product_image = job.request.photo, job.request.product_image
        if photo is None or product_image is None:
            raise ValueError("The photo or the product image was deleted.")
        _, has_product_image = await asyncio.gather(
            self._run_in_thread(input_files.require_photo, photo.file),
            self._run_in_thread(input_files.has_file, product_image.file),
        )
        if not has_product_image:
            await self.background_db(input_files.restore_product_image, job.request)
        if job.links is not None:
            person, product = (links.public_url("vendor-file", token) for token in job.links)
        else:
            person, product = await asyncio.gather(
                self._run_in_thread(input_files.read_base64, photo.file),
                self._run_in_thread(input_files.read_base64, product_image.file),
            )
        has_callback = links.supports_callback(job.engine.name)
        callback_url = links.public_url("callback", job.token) if has_callback else None
        return job.engine.submit_body(person, product, job.request.options, callback_url), callback_url

    async def _store_submit_result(self, job: Job, result: SubmitResult) -> None:
        """Store the result. Retry after connection errors, since the vendor does not repeat its response."""
        pause = 0.2
        while True:
            try:
                await self.store_submit(job, result)
            except Exception as error:
                clear_frames(error)
                logger.exception(
                    "The result of attempt %s of try-on %s (vendor's id %s) is not stored",
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
            answer = await self.pixazo.poll(
                job.engine, job.attempt.vendor_id or "", on_exchange=_observer(job)
            )
        except PollFailed as failure:
            logger.info("try-on %s: the poll failed: %s", job.request.pk, failure.error)
            await self.store_poll(job, None, failure.retry_after, False)
        else:
            download = await self.store_poll(job, answer, None, self.may_continue())
            if download is not None:
                await self._download(download)

    async def _download(self, job: Job) -> None:
        record = lifecycle.record_download_failure
        try:
            await self._download_all(job)
        except ImageRefused as refusal:
            await self.db(record, job.request, True, str(refusal))
        except DownloadFailed as failure:
            await self.db(record, job.request, not failure.is_retryable, str(failure))
        except Exception as error:
            # For example, the disk is full. A recorded failure does not count towards MAX_CLAIMS.
            clear_frames(error)
            logger.exception("try-on %s: the image was not stored", job.request.pk)
            await self.db(record, job.request, False, type(error).__name__)

    async def _download_all(self, job: Job) -> None:
        # Ignore surplus images: only the ordered number was budgeted.
        urls = job.request.result_urls[: job.engine.image_count(job.request.options)]
        comparison = await self._run_in_thread(result_images.comparison, job.request, job.photo)
        results: list[ResultImage] = []
        for result in await asyncio.gather(
            *(self._download_one(url, comparison, _observer(job)) for url in urls), return_exceptions=True
        ):
            if isinstance(result, BaseException):
                raise result
            results.append(result)
        images = await self._run_in_thread(result_images.store, job.request, results)
        if not await self.store_download(job, images):
            await self._run_in_thread(result_images.delete_files, images)

    async def _download_one(
        self, url: str, comparison: Comparison, on_exchange: Observer | None
    ) -> ResultImage:
        ends = time.monotonic() + DOWNLOAD_SECONDS
        try:
            async with asyncio.timeout(DOWNLOAD_SECONDS):
                await self.image_slots.acquire()
        except TimeoutError:
            raise DownloadFailed("too many images at once", is_retryable=True) from None
        try:
            data = await self.pixazo.download(url, seconds=ends - time.monotonic(), on_exchange=on_exchange)
            return await self._run_in_thread(decode_result, data, marks.signing_key(), comparison)
        finally:
            self.image_slots.release()

    async def _run_in_thread(self, work: Callable[..., T], *args: Any) -> T:
        """Run work on images and files outside of the loop and the database threads."""
        return await asyncio.get_running_loop().run_in_executor(self.image_threads, partial(work, *args))


def _observer(job: Job) -> Observer | None:
    """Return what collects the job's exchanges, or None if no transcript is kept."""
    return job.exchanges.append if transcripts.is_kept(job.request) else None
