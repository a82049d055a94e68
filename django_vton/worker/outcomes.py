"""What a pump does with the news of the jobs that it flew: each is one unit of work in its thread.

Mostly nothing is out of the ordinary: then news with the same key, which came while the thread was busy, is
stored together, in the statements of one.
"""

from __future__ import annotations

import copy
import logging
import time
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils import timezone

from .. import lifecycle
from ..conf import config
from ..gateway import circuit_breaker, links, polling
from ..lifecycle import together
from ..models import VendorLink
from ..models.states import NOT_LOADED
from ..pixazo import Status, Verdict
from .claims import LEASE, LONGEST_CALL, deadline_of, grace

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from datetime import datetime

    from ..models import TryOnImage
    from ..pixazo import Answer, Submission
    from .claims import Job

logger = logging.getLogger(__name__)

RETRY_NOT_SENT = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=5)

MAX_ATTEMPTS = 300
"""A day of them: own photos expire, but a house model's file that cannot be read would be tried for ever."""

ALONE = None
"""The key of news that is like no other."""


class Kind(NamedTuple):
    """How news of one kind is stored."""

    alone: Callable[..., Any]
    """One, and what its flight needs to know."""
    together: Callable[[Sequence[Any]], Sequence[Any] | None]
    """Several with the same key, or with None not one of them."""
    key: Callable[..., Hashable]
    """What they have in common, or ALONE."""


def submitted(job: Job, submission: Submission) -> None:
    """Store what became of a submit, and what the answer says of all submits of its engine.

    May come twice: where a connection broke just after the commit, its news is brought once more.
    """
    match submission.verdict:
        case Verdict.ACCEPTED:
            assert submission.answer is not None
            lifecycle.submit_answered(job.attempt, submission, submission.answer)
            if submission.answer.final:
                _ended(job, submission.answer)
            if job.after_refusal:
                assert job.attempt.posted_at is not None
                circuit_breaker.accepted(job.engine.name, job.attempt.posted_at)
        case Verdict.NOT_SENT:
            pause = min(LONGEST_RETRY, RETRY_NOT_SENT * 2 ** min(job.attempt.number - 1, 10))
            logger.warning("try-on %s: its submit %s", job.request.pk, not_sent(submission.error))
            retry_at = None if job.attempt.number >= MAX_ATTEMPTS else timezone.now() + pause
            lifecycle.submit_refused(job.attempt, submission, retry_at=retry_at)
        case Verdict.REFUSED:
            retry_at = circuit_breaker.refused(job.attempt, submission)
            code = submission.error_code or "vendor"
            lifecycle.submit_refused(job.attempt, submission, retry_at=retry_at, code=code)
        case Verdict.UNKNOWN:
            lifecycle.submit_unknown(
                job.attempt,
                grace=grace(job.engine.name),
                error=submission.error,
                status=submission.status_code,
            )


def not_sent(error: str) -> str:
    """What an operator is told of a submit: whoever forgot to start the sandbox sees nothing else."""
    is_away = config.is_sandbox and error.startswith("Connect")
    return f"was not sent to {config.PIXAZO_BASE_URL}: {error}" + " (is vton_sandbox running?)" * is_away


def _submitted_together(news: Sequence[tuple[Job, Submission]]) -> Sequence[None] | None:
    is_stored = together.submits_answered([(job.attempt, submission) for job, submission in news])
    return [None] * len(news) if is_stored else None


def _submitted_key(job: Job, submission: Submission) -> Hashable:
    """An id that came, and nothing else."""
    answer = submission.answer
    if submission.verdict != Verdict.ACCEPTED or answer is None or answer.final or job.after_refusal:
        return ALONE
    return job.engine.name, job.attempt.number


SUBMITTED = Kind(submitted, _submitted_together, _submitted_key)


def asked(job: Job, answer: Answer | None, retry_after: float | None, may_fetch: bool = False) -> Job | None:
    """Store what the vendor said of a render; where it said nothing final, when to ask again.

    Where it is done and the pump `may_fetch`, the same pump has the row for the fetch, which is returned.
    """
    if answer is not None and answer.final:
        fetch_ends = time.monotonic() + LONGEST_CALL
        is_mine = _ended(job, answer, lease=LEASE if may_fetch else None)
        return _fetch(job, fetch_ends) if is_mine else None
    if timezone.now() >= deadline_of(job.request, job.attempt):
        lifecycle.deadline_over(job.request, job.attempt)
    else:
        lifecycle.release(job.request, _asks_again_at(job, retry_after))
    return None


def _asks_again_at(job: Job, retry_after: float | None = None) -> datetime:
    pause = polling.next_poll_delay(supports_callback=links.supports_callback(job.engine.name))
    if retry_after:
        pause = max(pause, timedelta(seconds=retry_after))
    return min(timezone.now() + pause, deadline_of(job.request, job.attempt))


def _fetch(job: Job, lease_ends: float) -> Job:
    return replace(job, kind="fetch", lease_ends=lease_ends)


def _asked_together(news: Sequence[tuple[Job, Answer, None, bool]]) -> Sequence[Job | None] | None:
    _, answer, _, may_fetch = news[0]
    if not answer.final:
        waiting = [(job.request, _asks_again_at(job)) for job, *_ in news]
        return [None] * len(news) if together.release(waiting) else None
    fetch_ends = time.monotonic() + LONGEST_CALL
    done = [(job.request, job.attempt, answer) for job, answer, *_ in news]
    if not together.rendered(done, lease=LEASE if may_fetch else None):
        return None
    return [_fetch(job, fetch_ends) if may_fetch else None for job, *_ in news]


def _asked_key(job: Job, answer: Answer | None, _retry_after: float | None, may_fetch: bool) -> Any:
    """A render that is done, and one that is on its way within its time."""
    if answer is None or (answer.final and answer.status != Status.COMPLETED):
        return ALONE
    if not answer.final and timezone.now() >= deadline_of(job.request, job.attempt):
        return ALONE
    return answer.final, may_fetch


ASKED = Kind(asked, _asked_together, _asked_key)


def _ended(job: Job, answer: Answer, *, lease: timedelta | None = None) -> bool:
    """The vendor will say nothing else. True where the row is now leased for its fetch."""
    if answer.status == Status.COMPLETED:
        is_news = lifecycle.rendered(job.request, job.attempt, answer, lease=lease)
    else:
        lease = None
        is_charged = answer.status == Status.FAILED
        if answer.error_code in NOT_LOADED and job.engine.images_as == "url":
            answer = _not_loaded(job, answer)
        is_news = lifecycle.render_failed(job.request, job.attempt, answer, charged=is_charged)
    if not is_news:
        # It ended meanwhile, or its vendor's id was corrected: then the right render is asked about now.
        lifecycle.release(job.request, timezone.now())
    return is_news and lease is not None


def _not_loaded(job: Job, answer: Answer) -> Answer:
    if not VendorLink.objects.filter(attempt=job.attempt).exists():
        # It was given up, and its links with it, before the vendor came for them: no picture is at fault.
        return replace(answer, error_code="vendor")
    # Ours can be read, so mostly they were not to be had.
    hint = "try-on %s: a picture was not loaded. Does the vendor reach PUBLIC_BASE_URL (%s)?"
    logger.warning(hint, job.request.pk, config.PUBLIC_BASE_URL)
    return answer


def fetched(job: Job, images: list[TryOnImage]) -> bool:
    """The files are stored: the rows and the last swap. False where the try-on ended meanwhile."""
    # A copy: where the commit fails, or only its answer is lost, the job still knows its own lease.
    return lifecycle.completed(copy.copy(job.request), images)


def _fetched_together(news: Sequence[tuple[Job, list[TryOnImage]]]) -> Sequence[bool] | None:
    is_stored = together.completed([(copy.copy(job.request), images) for job, images in news])
    return [True] * len(news) if is_stored else None


def _fetched_key(_job: Job, images: list[TryOnImage]) -> Hashable:
    return len(images)


FETCHED = Kind(fetched, _fetched_together, _fetched_key)


def not_fetched(job: Job, is_bad_picture: bool, error: str) -> None:
    """A finished picture did not come, or is none."""
    lifecycle.fetch_failed(job.request, is_bad_picture=is_bad_picture, error=error)
