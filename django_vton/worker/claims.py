"""Which due try-ons a dispatcher claims. Their outcomes are stored in ``outcomes``.

Every function here is one unit of work in the dispatcher's database thread. Times that decide about money are
taken before the claim is committed.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from .. import lifecycle
from ..batches import feeding
from ..conf import config
from ..gateway import circuit_breaker, polling
from ..gateway.engines import engines, get_engine
from ..gateway.links import create_links, supports_callback
from ..models import Attempt, TryOnRequest
from ..models.states import ACTIVE, State
from ..pixazo import Engine
from ..utils.tokens import hash_token, new_token

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=60)
"""How long a claimed try-on belongs to its worker. `lifecycle.operators.MAX_ANSWER_DELAY` must be longer."""

MAX_CALL_SECONDS = 20.0

HORIZON = timedelta(seconds=60)
"""A dispatcher waits for what is due within this time. The schedule wakes another one for what is due
later."""

OUTCOME_TIMEOUT_WITHOUT_CALLBACK = timedelta(seconds=90)
"""Without callbacks, only the submit's own response could tell its outcome."""

POLL_LIMIT_AWAITING_CALLBACK = 4
"""How many renders whose callback has not come are polled in one polling cycle. If the vendor is slow, all of
them are due and hardly one has finished; if callbacks are lost, this is still dozens of polls a second."""

SENT = tuple(state for state in ACTIVE if state != State.QUEUED)


@dataclass(frozen=True)
class Job:
    """A claimed try-on and the call to make for it now."""

    kind: Literal["submit", "poll", "download"]
    request: TryOnRequest
    """As claimed: its ``lease_until`` is this job's own lease."""
    attempt: Attempt
    engine: Engine
    lease_ends: float
    """On the monotonic clock. No socket is opened later."""
    token: str = field(default="", repr=False)
    links: tuple[str, str] | None = field(default=None, repr=False)
    """Tokens of the photo and the product image, if the vendor downloads them."""
    after_refusal: bool = False
    """Whether the vendor has refused a submit to this engine, so that an accepted one is recorded."""


def has_work() -> bool:
    """Whether anything is due now or soon. The schedule finds what waits for a circuit breaker."""
    now = timezone.now()
    soon = TryOnRequest.objects.scheduled().filter(due_at__lte=now + HORIZON)
    soon = soon.exclude(state=State.QUEUED, engine__in=circuit_breaker.blocked_engines(now))
    return soon.exists() or feeding.has_work(now)


def claim_jobs(free: int, free_submits: int) -> list[Job]:
    """Claim due try-ons: up to ``free`` in all, of these up to ``free_submits`` submits.

    Claimed jobs must be run, so a database error that comes after a claim is logged and not raised.
    """
    jobs: list[Job] = []
    try:
        if free_submits > 0:
            _claim_due_submits(free_submits, jobs)
        if free > len(jobs):
            _claim_due_polls(free - len(jobs), jobs)
    except (DatabaseError, InterfaceError):
        if not jobs:
            raise
        logger.exception("The database failed while jobs were claimed. Those claimed before are run.")
    return jobs


def _row_locks() -> AbstractContextManager[object]:
    """A transaction in which other dispatchers skip the selected rows, if the database can do so.

    It only saves useless work: the claim itself locks its rows and reads them again.
    """
    return transaction.atomic() if connection.features.has_select_for_update_skip_locked else nullcontext()


def _newest_attempts(rows: QuerySet[TryOnRequest], number: int, *related: str) -> list[Attempt]:
    """The newest attempts of the first of these try-ons that no other dispatcher has locked."""
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    keys = list(rows.values_list("pk", flat=True)[:number])
    if not keys:
        return []
    newest = Attempt.objects.filter(request__in=keys, number=F("request__last_attempt_number"))
    newest = newest.select_related("request", *(f"request__{name}" for name in related))
    return list(newest.order_by("request__due_at"))


def _has_any(rows: QuerySet[TryOnRequest]) -> bool:
    """Like ``exists``, but ordered: without the order, a planner may read all rows that wait."""
    return bool(rows.values_list("pk")[:1])


# Submits --------------------------------------------------------------------------------------------


def _claim_due_submits(free: int, jobs: list[Job]) -> None:
    queued = TryOnRequest.objects.due(timezone.now()).filter(state=State.QUEUED)
    if not _has_any(queued):
        return
    # In random order, so that a long queue of one engine does not delay the others.
    for name in random.sample(sorted(engines()), len(engines())):
        _claim_engine_submits(get_engine(name), queued.filter(engine=name), free - len(jobs), jobs)
    # Only if capacity is left, since this query reads all queued rows.
    for request in queued.exclude(engine__in=engines())[: free - len(jobs)]:
        lifecycle.give_up(request, "vendor", "engine_gone")


def _claim_engine_submits(engine: Engine, queued: QuerySet[TryOnRequest], free: int, jobs: list[Job]) -> None:
    """Claim in a separate transaction, so that a trial of this engine does not block other engines."""
    now = timezone.now()
    claimed: list[Job] = []
    with _row_locks():
        attempts = _newest_attempts(queued, free, "photo", "product_image")
        sendable = [attempt for attempt in attempts if _has_images(attempt.request, now)]
        if sendable:
            allowance = circuit_breaker.allowance(engine.name, now, len(sendable))
            allowed = sendable[: allowance.capacity]
            claimed = claim_submits(allowed, engine, after_refusal=allowance.after_refusal)
    jobs += claimed
    # Each in its own transaction, so that the quota and budget rows of one are not locked while another ends.
    for attempt in attempts:
        if not _has_images(attempt.request, now):
            lifecycle.give_up(attempt.request, "deadline", "photo_gone")


def _has_images(request: TryOnRequest, now: datetime) -> bool:
    """Whether there is anything to send: the photo may be deleted or expired."""
    photo = request.photo if request.product_image is not None else None
    return photo is not None and (photo.expires_at is None or photo.expires_at > now)


def claim_submits(attempts: Sequence[Attempt], engine: Engine, *, after_refusal: bool = False) -> list[Job]:
    """Claim these attempts of one engine for submission, and create their vendor links in one transaction."""
    if not attempts:
        return []
    lease_ends = time.monotonic() + LEASE.total_seconds() - MAX_CALL_SECONDS
    tokens = {attempt.pk: new_token() for attempt in attempts}
    hashes = [hash_token(token) for token in tokens.values()]
    with transaction.atomic():
        claimed = lifecycle.claim_submits(attempts, hashes, timezone.now(), LEASE)
        links = create_links(claimed) if engine.images_as == "url" else [None] * len(claimed)
    return [
        Job("submit", attempt.request, attempt, engine, lease_ends, tokens[attempt.pk], pair, after_refusal)
        for attempt, pair in zip(claimed, links, strict=True)
    ]


# Polls and downloads --------------------------------------------------------------------------------


def _claim_due_polls(free: int, jobs: list[Job]) -> None:
    """Claim polls and downloads, and end what has waited long enough."""
    now = timezone.now()
    rows = TryOnRequest.objects.due(now).filter(state__in=SENT)
    if not _has_any(rows):
        return
    awaiting_callback = _awaiting_callback()
    with _row_locks():
        # Reserve one slot for renders that still await a callback.
        attempts = _newest_attempts(rows.exclude(awaiting_callback), max(1, free - 1))
        if free > len(attempts):
            limit = min(POLL_LIMIT_AWAITING_CALLBACK, free - len(attempts))
            attempts += _newest_attempts(rows.filter(awaiting_callback), limit)
        claimed = claim_polls(attempts, now)
    jobs += create_jobs(claimed)
    for request in [attempt.request for attempt in attempts]:
        if request.state == State.SUBMITTING:
            end_expired_lease(request, now)
        elif request.state == State.UNKNOWN:
            lifecycle.fail_unknown_outcome(request)


def _awaiting_callback() -> Q:
    """Renders that are due although no callback has come: usually the vendor has not finished."""
    with_callbacks = [name for name in engines() if supports_callback(name)]
    return Q(state=State.SUBMITTED, called_back_at=None, engine__in=with_callbacks)


def claim_polls(attempts: Sequence[Attempt], now: datetime) -> list[Attempt]:
    """Claim the attempts that wait for a poll or a download."""
    waiting = [attempt for attempt in attempts if attempt.request.state in (State.SUBMITTED, State.RENDERED)]
    return lifecycle.claim_due(waiting, now, LEASE) if waiting else []


def create_jobs(claimed: Sequence[Attempt]) -> list[Job]:
    """The polls and downloads of claimed attempts. Some try-ons end here instead."""
    return [job for job in map(_create_job, claimed) if job is not None]


def _create_job(attempt: Attempt) -> Job | None:
    """Return the job of a claimed try-on. If its claims have ended without an outcome too often, fail it."""
    request = attempt.request
    has_crashed = request.claim_count > lifecycle.MAX_CLAIMS
    if request.state == State.RENDERED:
        if has_crashed:
            lifecycle.give_up(request, "vendor", "download_crashed")
            return None
    elif (has_crashed or request.engine not in engines()) and timezone.now() >= deadline_of(request, attempt):
        lifecycle.fail_at_deadline(attempt)
        return None
    engine = engines().get(request.engine)
    if engine is None:
        logger.error("try-on %s waits: its engine %s is not in the settings.", request.pk, request.engine)
        return None
    kind: Literal["poll", "download"] = "download" if request.state == State.RENDERED else "poll"
    return Job(kind, request, attempt, engine, time.monotonic() + MAX_CALL_SECONDS)


def end_expired_lease(request: TryOnRequest, now: datetime) -> None:
    """Mark a submit as unknown after its worker's lease has expired, since the response is lost."""
    attempt = lifecycle.current_attempt(request)
    timeout, error = outcome_timeout(request.engine), "the worker did not come back"
    lifecycle.mark_unknown(attempt, timeout=timeout, error=error, expired_at=now)


def outcome_timeout(engine: str) -> timedelta:
    """How long after a submit its unknown outcome is awaited."""
    return config.DEADLINE if supports_callback(engine) else OUTCOME_TIMEOUT_WITHOUT_CALLBACK


def deadline_of(request: TryOnRequest, attempt: Attempt) -> datetime:
    """The time at which polling stops. A late callback extends it a little."""
    deadline = (attempt.posted_at or request.created_at) + config.DEADLINE
    if request.called_back_at is None:
        return deadline
    return max(deadline, request.called_back_at + polling.POLL_AFTER_CALLBACK)
