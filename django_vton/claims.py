"""Which rows a pump takes up, and what it does with the news: the database's side of the pump.

Every function here is one unit of work in the pump's database thread. Times that matter to money are
taken before the claim is committed.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from . import gateway, lifecycle
from .conf import config
from .engines import engines, get_engine
from .models import Attempt, TryOnImage, TryOnRequest
from .pixazo import Answer, Engine, Status, Submission, Verdict
from .states import State
from .tokens import hash_token, new_token

if TYPE_CHECKING:
    from datetime import datetime

logger = logging.getLogger("django_vton.claims")

LEASE = timedelta(seconds=60)
LONGEST_CALL = 20.0
HORIZON = timedelta(seconds=60)
"""A pump waits for what is due so soon; what is due later is found by the schedule's ring."""

GRACE_WITHOUT_CALLBACK = timedelta(seconds=90)
"""Where no callback can come, only the POST's own answer could still tell what became of it."""

RETRY_NOT_SENT = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=5)
AFTER_HINT = timedelta(minutes=1)
ASK_EVERY = timedelta(seconds=10)
ASK_EVERY_WITHOUT_CALLBACK = timedelta(seconds=5)


@dataclass(frozen=True)
class Job:
    """A claimed row and what to do with it now."""

    kind: Literal["submit", "ask", "fetch"]
    request: TryOnRequest
    attempt: Attempt
    engine: Engine
    lease_ends: float
    """On the monotonic clock: after it no socket is opened any more."""
    token: str = field(default="", repr=False)


def has_work() -> bool:
    """Whether anything is due now or soon."""
    return TryOnRequest.objects.to_drive().filter(due_at__lte=timezone.now() + HORIZON).exists()


def take(free: int, free_submits: int) -> list[Job]:
    """Claim due rows: as many submits as there are free places for, and asks and fetches in the others.

    A row that is claimed must be flown: where the database goes in the middle, those before are returned.
    """
    jobs: list[Job] = []
    try:
        if free_submits > 0:
            _take_submits(free_submits, jobs)
        if free > len(jobs):
            _take_others(free - len(jobs), jobs)
    except (DatabaseError, InterfaceError):
        if not jobs:
            raise
        logger.exception("Claiming broke off; what is claimed is driven.")
    return jobs


def _take_submits(free: int, jobs: list[Job]) -> None:
    now = timezone.now()
    due = TryOnRequest.objects.due(now).filter(state=State.QUEUED).select_related("photo", "product_picture")
    for name in engines():
        wanted = list(due.filter(engine=name)[: free - len(jobs)])
        usable = [request for request in wanted if not _without_photo(request, now)]
        if not usable:
            continue
        for request in usable[: gateway.places(name, now, len(usable))]:
            job = _claim_submit(request, get_engine(name))
            if job is not None:
                jobs.append(job)


def _without_photo(request: TryOnRequest, now: datetime) -> bool:
    """A queued try-on ends, free of charge, where its photo is gone or past its time."""
    photo = request.photo if request.product_picture is not None else None
    if photo is not None and (photo.expires_at is None or photo.expires_at > now):
        return False
    lifecycle.give_up(request, "deadline", "photo_gone")
    return True


def _claim_submit(request: TryOnRequest, engine: Engine) -> Job | None:
    lease_ends = time.monotonic() + LEASE.total_seconds() - LONGEST_CALL
    token = new_token()
    attempt = lifecycle.claim_submit(request, timezone.now(), LEASE, hash_token(token))
    if attempt is None:
        return None
    attempt.request = request
    return Job("submit", request, attempt, engine, lease_ends, token)


def _take_others(free: int, jobs: list[Job]) -> None:
    now = timezone.now()
    for request in TryOnRequest.objects.due(now).exclude(state=State.QUEUED)[:free]:
        if request.state == State.SUBMITTING:
            _lease_is_over(request)
        elif request.state == State.UNKNOWN:
            lifecycle.grace_over(request)
        elif lifecycle.claim(request, now, LEASE):
            job = _job(request)
            if job is not None:
                jobs.append(job)


def _lease_is_over(request: TryOnRequest) -> None:
    """Its worker is gone, and with it what the vendor answered, if anything was sent at all."""
    engine = get_engine(request.engine)
    waits = config.callbacks and engine.callbacks
    grace = config.DEADLINE if waits else GRACE_WITHOUT_CALLBACK
    lifecycle.submit_unknown(request, grace=grace, error="the worker did not come back")


def _job(request: TryOnRequest) -> Job | None:
    if request.state == State.RENDERED and request.claims > lifecycle.MAX_CLAIMS:
        lifecycle.give_up(request, "vendor", "fetch_kills")
        return None
    attempt = lifecycle.current_attempt(request)
    attempt.request = request
    kind: Literal["ask", "fetch"] = "fetch" if request.state == State.RENDERED else "ask"
    return Job(kind, request, attempt, get_engine(request.engine), time.monotonic() + LONGEST_CALL)


# News -----------------------------------------------------------------------------------------------


def submitted(job: Job, submission: Submission) -> None:
    """Store what became of a submit; see DESIGN, "Sorting a POST"."""
    now = timezone.now()
    match submission.verdict:
        case Verdict.ACCEPTED:
            assert submission.answer is not None
            gateway.accepted(job.engine.name)
            lifecycle.submit_answered(job.attempt, submission, submission.answer)
            if submission.answer.status != Status.RUNNING:
                _answered(job, submission.answer)
        case Verdict.NOT_SENT:
            pause = min(LONGEST_RETRY, RETRY_NOT_SENT * 2 ** min(job.attempt.number - 1, 10))
            lifecycle.submit_not_sent(job.attempt, retry_at=now + pause, error=submission.error)
        case Verdict.REFUSED:
            retry_at = gateway.refused(job.engine.name, submission, job.attempt.number)
            code = submission.error_code or "vendor"
            lifecycle.submit_refused(job.attempt, submission, retry_at=retry_at, code=code)
        case Verdict.UNKNOWN:
            waits = config.callbacks and job.engine.callbacks
            lifecycle.submit_unknown(
                job.request,
                grace=config.DEADLINE if waits else GRACE_WITHOUT_CALLBACK,
                error=submission.error,
                status=submission.status_code,
            )


def asked(job: Job, answer: Answer | None, retry_after: float | None) -> None:
    """Store what the vendor said of a render; where it said nothing final, when to ask again."""
    if answer is not None and answer.status != Status.RUNNING:
        _answered(job, answer)
        return
    now = timezone.now()
    deadline = (job.attempt.posted_at or now) + config.DEADLINE
    if job.request.hinted_at is not None:
        # A callback that came after the deadline has reopened it: it is asked about for a while.
        deadline = max(deadline, job.request.hinted_at + AFTER_HINT)
    if now >= deadline:
        lifecycle.deadline_over(job.request, job.attempt)
        return
    pause = ASK_EVERY if config.callbacks and job.engine.callbacks else ASK_EVERY_WITHOUT_CALLBACK
    if retry_after:
        pause = max(pause, timedelta(seconds=retry_after))
    lifecycle.release(job.request, min(now + pause, deadline))


def _answered(job: Job, answer: Answer) -> None:
    if answer.status == Status.COMPLETED:
        lifecycle.rendered(job.request, job.attempt, answer)
    else:
        lifecycle.render_failed(job.request, job.attempt, answer, charged=answer.status == Status.FAILED)


def fetched(job: Job, images: list[TryOnImage]) -> bool:
    """The files are stored: the rows and the last swap. False where the try-on ended meanwhile."""
    return lifecycle.completed(job.request, images)


def not_fetched(job: Job, is_bad_picture: bool, error: str) -> None:
    """A finished picture did not come, or is none."""
    lifecycle.fetch_failed(job.request, is_bad_picture=is_bad_picture, error=error)
