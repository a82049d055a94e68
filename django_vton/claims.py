"""Which rows a pump takes up, and what it does with the news: the database's side of the pump.

Every function here is one unit of work in the pump's database thread. Times that matter to money are
taken before the claim is committed.
"""

from __future__ import annotations

import copy
import logging
import random
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from django.db import DatabaseError, IntegrityError, InterfaceError, transaction
from django.db.models import F, Q
from django.utils import timezone

from . import gateway, handover, lifecycle, polling
from .batches import feeding
from .conf import config
from .engines import engines, get_engine
from .models import Attempt, TryOnImage, TryOnRequest
from .pixazo import Answer, Engine, Status, Submission, Verdict
from .states import NOT_LOADED, State
from .tokens import hash_token, new_token

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

logger = logging.getLogger("django_vton.claims")

LEASE = timedelta(seconds=60)
LONGEST_CALL = 20.0
HORIZON = timedelta(seconds=60)
"""A pump waits for what is due so soon; what is due later is found by the schedule's ring."""

GRACE_WITHOUT_CALLBACK = timedelta(seconds=90)
"""Where no callback can come, only the POST's own answer could still tell what became of it."""

RETRY_NOT_SENT = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=5)

MAX_ATTEMPTS = 300
"""A day of them: own photos expire, but a house model's file that cannot be read would be tried for ever."""


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
    links: tuple[str, str] | None = field(default=None, repr=False)
    """Of a submit whose pictures the vendor fetches: the tokens of the photo's and the product's."""
    after_refusal: bool = False
    """Of a submit: whether the vendor had refused one of its engine, so that an accepted one is news."""


def has_work() -> bool:
    """Whether anything is due now or soon. What waits for a breaker is found by the minute's look."""
    now = timezone.now()
    soon = TryOnRequest.objects.to_drive().filter(due_at__lte=now + HORIZON)
    soon = soon.exclude(state=State.QUEUED, engine__in=gateway.stopped(now))
    return soon.exists() or feeding.has_work(now)


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
    # Shuffled: a thousand garments in the queue must not keep the glasses waiting.
    for name in random.sample(sorted(engines()), len(engines())):
        wanted = list(due.filter(engine=name)[: free - len(jobs)])
        usable = [request for request in wanted if not _without_photo(request, now)]
        if not usable:
            continue
        leave = gateway.leave(name, now, len(usable))
        newest = _newest_attempts(usable)
        for request in usable[: leave.places]:
            job = _claim_submit(request, newest[request.pk], get_engine(name))
            if job is not None:
                jobs.append(replace(job, after_refusal=leave.after_refusal))
    # Where places are left over: it means to look through all that are queued.
    for request in due.exclude(engine__in=engines())[: free - len(jobs)]:
        lifecycle.give_up(request, "vendor", "engine_gone")


def _without_photo(request: TryOnRequest, now: datetime) -> bool:
    """A queued try-on ends, free of charge, where its photo is gone or past its time."""
    photo = request.photo if request.product_picture is not None else None
    if photo is not None and (photo.expires_at is None or photo.expires_at > now):
        return False
    lifecycle.give_up(request, "deadline", "photo_gone")
    return True


def _newest_attempts(requests: list[TryOnRequest]) -> dict[UUID, Attempt]:
    """Of each, in one query."""
    if not requests:
        return {}
    newest = Attempt.objects.filter(request__in=requests, number=F("request__last_attempt"))
    return {attempt.request_id: attempt for attempt in newest}


def _claim_submit(request: TryOnRequest, attempt: Attempt, engine: Engine) -> Job | None:
    lease_ends = time.monotonic() + LEASE.total_seconds() - LONGEST_CALL
    token, links = new_token(), None
    try:
        with transaction.atomic():
            if not lifecycle.claim_submit(request, attempt, timezone.now(), LEASE, hash_token(token)):
                return None
            photo, picture = request.photo, request.product_picture
            if engine.images_as == "url" and photo is not None and picture is not None:
                links = handover.links(attempt, photo, picture)
    except IntegrityError:
        return None  # Its photo was deleted since it was read: the next look ends it.
    attempt.request = request
    return Job("submit", request, attempt, engine, lease_ends, token, links)


def _take_others(free: int, jobs: list[Job]) -> None:
    now = timezone.now()
    claimed = []
    for request in TryOnRequest.objects.due(now).exclude(state=State.QUEUED)[:free]:
        if request.state == State.SUBMITTING:
            _lease_is_over(request, now)
        elif request.state == State.UNKNOWN:
            lifecycle.grace_over(request)
        elif lifecycle.claim(request, now, LEASE):
            claimed.append(request)
    newest = _newest_attempts(claimed)
    for request in claimed:
        job = _job(request, newest[request.pk])
        if job is not None:
            jobs.append(job)


def _lease_is_over(request: TryOnRequest, now: datetime) -> None:
    """Its worker is gone, and with it what the vendor answered, if anything was sent at all."""
    attempt = lifecycle.current_attempt(request)
    attempt.request = request
    lifecycle.submit_unknown(
        attempt,
        grace=_grace(request.engine),
        error="the worker did not come back",
        where=Q(lease_until__lte=now),
    )


def _grace(engine: str) -> timedelta:
    """How long a submit whose answer is lost is waited for, from when it was sent."""
    return config.DEADLINE if handover.calls_back(engine) else GRACE_WITHOUT_CALLBACK


def _job(request: TryOnRequest, attempt: Attempt) -> Job | None:
    """What a claimed row needs; one whose claims end in silence again and again comes to its end here."""
    attempt.request = request
    is_silent = request.claims > lifecycle.MAX_CLAIMS
    if request.state == State.RENDERED:
        if is_silent:
            lifecycle.give_up(request, "vendor", "fetch_kills")
            return None
    elif (is_silent or request.engine not in engines()) and timezone.now() >= _deadline(request, attempt):
        lifecycle.deadline_over(request, attempt)
        return None
    engine = engines().get(request.engine)
    if engine is None:
        logger.error("try-on %s waits: the engine %s is not among the shop's.", request.pk, request.engine)
        return None
    kind: Literal["ask", "fetch"] = "fetch" if request.state == State.RENDERED else "ask"
    return Job(kind, request, attempt, engine, time.monotonic() + LONGEST_CALL)


def _deadline(request: TryOnRequest, attempt: Attempt) -> datetime:
    """Until when the vendor is asked: a callback that came later still buys it a little time."""
    deadline = (attempt.posted_at or request.created_at) + config.DEADLINE
    return deadline if request.hinted_at is None else max(deadline, request.hinted_at + polling.AFTER_HINT)


# News -----------------------------------------------------------------------------------------------


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
                gateway.accepted(job.engine.name, job.attempt.posted_at)
        case Verdict.NOT_SENT:
            pause = min(LONGEST_RETRY, RETRY_NOT_SENT * 2 ** min(job.attempt.number - 1, 10))
            retry_at = None if job.attempt.number >= MAX_ATTEMPTS else timezone.now() + pause
            lifecycle.submit_refused(job.attempt, submission, retry_at=retry_at)
        case Verdict.REFUSED:
            retry_at = gateway.refused(job.attempt, submission)
            code = submission.error_code or "vendor"
            lifecycle.submit_refused(job.attempt, submission, retry_at=retry_at, code=code)
        case Verdict.UNKNOWN:
            lifecycle.submit_unknown(
                job.attempt,
                grace=_grace(job.engine.name),
                error=submission.error,
                status=submission.status_code,
            )


def asked(
    job: Job, answer: Answer | None, retry_after: float | None, *, may_fetch: bool = False
) -> Job | None:
    """Store what the vendor said of a render; where it said nothing final, when to ask again.

    Where it is done and the pump `may_fetch`, the same pump has the row for the fetch, which is returned.
    """
    if answer is not None and answer.final:
        fetch_ends = time.monotonic() + LONGEST_CALL
        is_mine = _ended(job, answer, lease=LEASE if may_fetch else None)
        return replace(job, kind="fetch", lease_ends=fetch_ends) if is_mine else None
    now = timezone.now()
    deadline = _deadline(job.request, job.attempt)
    if now >= deadline:
        lifecycle.deadline_over(job.request, job.attempt)
        return None
    pause = polling.next_pause(calls_back=handover.calls_back(job.engine.name))
    if retry_after:
        pause = max(pause, timedelta(seconds=retry_after))
    lifecycle.release(job.request, min(now + pause, deadline))
    return None


def _ended(job: Job, answer: Answer, *, lease: timedelta | None = None) -> bool:
    """The vendor will say nothing else. True where the row is now leased for its fetch."""
    if answer.status == Status.COMPLETED:
        is_news = lifecycle.rendered(job.request, job.attempt, answer, lease=lease)
    else:
        lease = None
        is_charged = answer.status == Status.FAILED
        if answer.error_code in NOT_LOADED and job.engine.images_as == "url":
            # Ours can be read, so mostly they were not to be had.
            hint = "try-on %s: a picture was not loaded. Does the vendor reach PUBLIC_BASE_URL (%s)?"
            logger.warning(hint, job.request.pk, config.PUBLIC_BASE_URL)
        is_news = lifecycle.render_failed(job.request, job.attempt, answer, charged=is_charged)
    if not is_news:
        # It ended meanwhile, or its vendor's id was corrected: then the right render is asked about now.
        lifecycle.release(job.request, timezone.now())
    return is_news and lease is not None


def fetched(job: Job, images: list[TryOnImage]) -> bool:
    """The files are stored: the rows and the last swap. False where the try-on ended meanwhile."""
    # A copy: where the commit fails, or only its answer is lost, the job still knows its own lease.
    return lifecycle.completed(copy.copy(job.request), images)


def not_fetched(job: Job, is_bad_picture: bool, error: str) -> None:
    """A finished picture did not come, or is none."""
    lifecycle.fetch_failed(job.request, is_bad_picture=is_bad_picture, error=error)
