"""Store the outcomes of jobs, in the dispatcher's outcome thread.

Each function takes all outcomes of one kind that came while the thread was busy. It stores frequent outcomes
together, but only after the rare outcomes, which it stores one at a time. If storing a rare outcome fails, no
frequent outcome is stored yet, so the caller can repeat the whole list.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from .. import lifecycle
from ..conf import config
from ..gateway import circuit_breaker, links, polling
from ..gateway.backoff import SERVER_ERRORS
from ..health.statuses import record_unknown_status
from ..models import TryOnImage
from ..pixazo import SubmitOutcome, SubmitResult, VendorResponse, VendorStatus
from ..utils import clock
from . import input_files
from .claims import MAX_CALL_SECONDS, Job, deadline_of, outcome_timeout

logger = logging.getLogger(__name__)

RETRY_NOT_SENT = timedelta(seconds=5)
MAX_RETRY_PAUSE = timedelta(minutes=5)

MAX_POSTPONEMENT = timedelta(hours=24)
"""How long after its deadline a render is still polled if the vendor asks to poll it later."""

MAX_ATTEMPTS = 300
"""The maximum number of attempts, enough for about a day. It ends retries if a photo cannot be read."""


def on_submit(outcomes: Sequence[tuple[Job, SubmitResult]]) -> list[None]:
    """Store the results of submits, and update the circuit breakers of their engines.

    If the connection breaks right after the commit, the caller passes the same outcome again.
    """
    _allow_for_clock_step([job for job, _ in outcomes])
    accepted = [(job, result) for job, result in outcomes if result.outcome == SubmitOutcome.ACCEPTED]
    for job, result in outcomes:
        if result.outcome != SubmitOutcome.ACCEPTED:
            _on_failed_submit(job, result)
    if accepted:
        lifecycle.mark_submitted([(job.attempt, result) for job, result in accepted])
    for job, result in accepted:
        if result.answer is not None and result.answer.is_final:
            if result.answer.status == VendorStatus.COMPLETED:
                lifecycle.mark_rendered([(job.attempt, result.answer, None)])
            else:
                _on_failed_render(job, result.answer)
        if job.after_refusal:
            assert job.attempt.posted_at is not None
            circuit_breaker.record_accepted(job.engine.name, job.attempt.posted_at)
    return [None] * len(outcomes)


def _allow_for_clock_step(jobs: Sequence[Job]) -> None:
    """Postpone the deadlines of jobs during which the clock was set forward, by the monotonic clock."""
    for job in jobs:
        if job.request.lease_until is not None:
            claimed_at = job.request.lease_until - lifecycle.LEASE
            step = clock.now() - claimed_at - timedelta(seconds=time.monotonic() - job.claimed_at)
            if step > lifecycle.UNHANDLED_AFTER:
                lifecycle.postpone_deadline(job.request, step)


def _on_failed_submit(job: Job, result: SubmitResult) -> None:
    if result.outcome == SubmitOutcome.NOT_SENT:
        pause = min(MAX_RETRY_PAUSE, RETRY_NOT_SENT * 2 ** min(job.attempt.number - 1, 10))
        logger.warning("try-on %s: the submit %s", job.request.pk, describe_not_sent(result.error))
        if result.is_unreachable:
            circuit_breaker.record_unreachable(job.engine.name)
        is_final = result.error_code is not None or job.attempt.number >= MAX_ATTEMPTS
        retry_at = None if is_final else clock.now() + pause
        lifecycle.mark_refused(job.attempt, result, retry_at=retry_at, code=result.error_code or "vendor")
        if result.error_code is not None:
            input_files.record_gone(job.request, result.error_code)
    elif result.outcome == SubmitOutcome.REFUSED and not _may_be_charged(job, result):
        retry_at = circuit_breaker.record_refused(job.attempt, result)
        code, callback_until = result.error_code or "vendor", _callback_until(job, result)
        lifecycle.mark_refused(
            job.attempt, result, retry_at=retry_at, code=code, callback_until=callback_until
        )
    else:
        circuit_breaker.record_server_error(job.attempt, result)
        timeout = outcome_timeout(job.engine.name)
        lifecycle.mark_unknown(job.attempt, timeout=timeout, error=result.error, status=result.status_code)


def _may_be_charged(job: Job, result: SubmitResult) -> bool:
    """Return whether the vendor has recently charged for submits with such an answer."""
    recent = circuit_breaker.charged_errors(clock.now()).filter(pk=job.engine.name)
    return result.status_code in SERVER_ERRORS and recent.exists()


def _callback_until(job: Job, result: SubmitResult) -> datetime | None:
    """Return how long a callback may prove that the submit was accepted; None if none can come."""
    posted_at = job.attempt.posted_at
    may_come = result.status_code in SERVER_ERRORS and links.supports_callback(job.engine.name)
    return posted_at + polling.CALLBACK_WAIT if may_come and posted_at is not None else None


def describe_not_sent(error: str) -> str:
    """Describe a submit that was not sent. Developers see only this text if the sandbox is not running."""
    is_sandbox_down = config.is_sandbox and error.startswith("Connect")
    return (
        f"was not sent to {config.PIXAZO_BASE_URL}: {error}" + " (is vton_sandbox running?)" * is_sandbox_down
    )


def on_poll(outcomes: Sequence[tuple[Job, VendorResponse | None, float | None, bool]]) -> list[Job | None]:
    """Store the results of polls: the job, the response or None, Retry-After in seconds, and `may_download`.

    Return a download for each finished render whose try-on stays claimed, and None for the other polls.
    """
    _allow_for_clock_step([job for job, *_ in outcomes])
    now, lease_ends = clock.now(), time.monotonic() + MAX_CALL_SECONDS
    rendered, releases = [], []
    for job, answer, retry_after, may_download in outcomes:
        if answer is not None and not answer.is_declared:
            record_unknown_status(job.engine, answer)
        if answer is None or not answer.is_final:
            # A poll that the vendor has postponed does not show that the render takes too long.
            extra = MAX_POSTPONEMENT if retry_after else timedelta(0)
            if now >= deadline_of(job.request, job.attempt) + extra:
                lifecycle.fail_at_deadline(job.attempt)
            else:
                releases.append((job.request, _next_poll_at(job, retry_after)))
        elif answer.status == VendorStatus.COMPLETED:
            rendered.append((job.attempt, answer, lifecycle.LEASE if may_download else None))
        elif not _on_failed_render(job, answer):
            releases.append((job.request, now))
    claimed = {it.request_id: it for it in (lifecycle.mark_rendered(rendered) if rendered else [])}
    # Release the rest, so that a render whose vendor's id was corrected is polled now.
    rows = {job.attempt.pk: job.request for job, *_ in outcomes}
    releases += [(rows[it.pk], now) for it, *_ in rendered if it.request_id not in claimed]
    if releases:
        lifecycle.release(releases)
    downloads: list[Job | None] = []
    for job, *_, may_download in outcomes:
        attempt = claimed.get(job.request.pk) if may_download else None
        if attempt is None:
            downloads.append(None)
        else:
            request = attempt.request
            downloads.append(
                replace(job, kind="download", request=request, attempt=attempt, lease_ends=lease_ends)
            )
    return downloads


def _next_poll_at(job: Job, retry_after: float | None) -> datetime:
    pause = polling.next_poll_delay(supports_callback=links.supports_callback(job.engine.name))
    if retry_after:
        return clock.now() + max(pause, timedelta(seconds=retry_after))
    return min(clock.now() + pause, deadline_of(job.request, job.attempt))


def _on_failed_render(job: Job, answer: VendorResponse) -> bool:
    """Fail a try-on whose render has failed. Return False if the response is about another render."""
    is_charged = answer.status == VendorStatus.FAILED  # The vendor charges FAILED, but not ERROR.
    return lifecycle.mark_render_failed(job.attempt, answer, is_charged=is_charged)


def on_download(outcomes: Sequence[tuple[Job, list[TryOnImage]]]) -> list[bool]:
    """Complete try-ons whose image files are stored. Return for each whether it was completed."""
    completed = lifecycle.mark_completed([(job.request, images) for job, images in outcomes])
    keys = {request.pk for request in completed}
    return [job.request.pk in keys for job, _ in outcomes]
