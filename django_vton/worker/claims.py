"""Claim due try-ons for a dispatcher, in its database thread. The module `outcomes` stores their outcomes.

A lease's end on the monotonic clock is computed before the claim, so it is never after the stored end.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from django.db import DatabaseError, InterfaceError
from django.db.models import F, Q, QuerySet

from .. import lifecycle
from ..batches import feeding
from ..conf import config
from ..gateway import circuit_breaker, polling
from ..gateway.engines import engines, get_engine
from ..gateway.links import create_links, supports_callback
from ..models import Attempt, GatewayState, PersonPhoto, TryOnRequest
from ..models.states import ACTIVE, State
from ..pixazo import Engine, ExchangeRecord, SubmitOutcome
from ..utils import clock, database
from ..utils.tokens import hash_token, new_token
from . import fallbacks
from .due_rows import SUSPECT, DueRow, DueRows

logger = logging.getLogger(__name__)

MAX_CALL_SECONDS = 20.0
"""The maximum duration of a poll or a download. A submit takes at most `Engine.submit_seconds`.

Both must be shorter than `lifecycle.LEASE`.
"""

HORIZON = timedelta(seconds=60)
"""A dispatcher waits for work that is due within this time. The schedule wakes a worker for later work."""

OUTCOME_TIMEOUT_WITHOUT_CALLBACK = timedelta(seconds=90)
"""The time for which an unknown outcome is awaited without callbacks. Only a late response can tell it."""

POLL_LIMIT_AWAITING_CALLBACK = 4
"""The maximum number of renders that one polling cycle polls before their callback has arrived.

If the vendor is slow, all these renders are due, but few have finished. If callbacks are lost, this limit
still allows dozens of polls a second.
"""

SENT = tuple(state for state in ACTIVE if state != State.QUEUED)


@dataclass(frozen=True)
class Job:
    """A claimed try-on and the call to make for it now."""

    kind: Literal["submit", "poll", "download"]
    request: TryOnRequest
    """The claimed try-on. Its `lease_until` is this job's lease."""
    attempt: Attempt
    engine: Engine
    lease_ends: float
    """The time on the monotonic clock after which no socket is opened."""
    token: str = field(default="", repr=False)
    links: tuple[str, str] | None = field(default=None, repr=False)
    """The tokens of the photo and the product image, if the vendor downloads them."""
    after_refusal: bool = False
    """Whether the circuit breaker must be told if the vendor accepts this submit after a refusal."""
    claimed_at: float = field(default_factory=time.monotonic)
    """The time of the claim on the monotonic clock."""
    photo: PersonPhoto | None = None
    """The photo with which a result is compared."""
    exchanges: list[ExchangeRecord] = field(default_factory=list, repr=False)
    """What was exchanged with the vendor, if a transcript is kept."""

    @property
    def is_suspect(self) -> bool:
        """Whether an earlier claim of this download has no outcome. It then runs while no other job does."""
        return self.kind == "download" and self.request.claim_count > 1


def has_work() -> bool:
    """Return whether any work is due now or soon, except submits to engines that are stopped or paused.

    A try-on that can leave such an engine for a second one is work, and so is the probe of a stopped engine.
    """
    now = clock.now()
    blocked = circuit_breaker.blocked_engines(now, now + HORIZON)
    soon = TryOnRequest.objects.scheduled().filter(due_at__lte=now + HORIZON)
    soon = soon.exclude(Q(state=State.QUEUED, engine__in=blocked) & ~fallbacks.movable(now))
    return soon.exists() or feeding.has_work(now) or circuit_breaker.has_due_probe(now)


def claim_jobs(free: int, free_submits: int, *, is_idle: bool = True) -> list[Job]:
    """Claim up to `free` due try-ons, of which at most `free_submits` are submits.

    A suspect runs alone, so that an image that kills workers fails no other try-on. If one is due, claim
    nothing until `is_idle`, which says that no job is running.

    Claimed jobs must be run, so a database error after the first claim is logged and not raised.
    """
    if free <= 0:
        return []
    now = clock.now()
    due = DueRows.read(now)
    if due.may_include(DueRow.is_suspect):
        suspects = TryOnRequest.objects.due(now).filter(SUSPECT)
        if is_idle:
            if claimed := _claim_polls(suspects, 1):
                return create_jobs(claimed)
        # Not `exists`, which drops the order: a planner might then read all waiting rows.
        elif suspects.values_list("pk")[:1]:
            return []
    jobs: list[Job] = []
    try:
        if free_submits > 0 and due.may_include(DueRow.is_queued):
            _claim_due_submits(due, free_submits, jobs)
        if free > len(jobs) and due.may_include(DueRow.is_sent):
            _claim_due_polls(due, free - len(jobs), jobs)
    except (DatabaseError, InterfaceError):
        if not jobs:
            raise
        logger.exception("A database error stopped the claiming of jobs. The jobs claimed before are run.")
    return jobs


def _row_locks() -> AbstractContextManager[object]:
    """Return a transaction whose locked rows other dispatchers skip, if the database supports that.

    The locks only save useless work, since the claim locks its rows and reads them again.
    """
    can_skip = database.connection().features.has_select_for_update_skip_locked
    return database.atomic() if can_skip else nullcontext()


def _current_attempts(rows: QuerySet[TryOnRequest], number: int, *related: str) -> list[Attempt]:
    """Return the current attempts of the first `number` try-ons that no other dispatcher has locked."""
    if database.connection().features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    keys = list(rows.values_list("pk", flat=True)[:number])
    if not keys:
        return []
    found = Attempt.objects.filter(request__in=keys, number=F("request__current_attempt_number"))
    found = found.select_related("request", *(f"request__{name}" for name in related))
    return list(found.order_by("request__due_at"))


# Submits --------------------------------------------------------------------------------------------


def _claim_due_submits(due: DueRows, free: int, jobs: list[Job]) -> None:
    now = clock.now()
    states = circuit_breaker.states()
    is_paused = any(state.is_paused(now) for state in states.values())
    moved = fallbacks.move_due(now) if is_paused else 0
    queued = TryOnRequest.objects.due(now).filter(state=State.QUEUED)
    # In random order, so that a long queue of one engine does not delay the other engines.
    for name in random.sample(sorted(engines()), len(engines())):
        if moved or due.may_include(partial(DueRow.is_queued, engine=name)):
            rows, state = queued.filter(engine=name), states.get(name)
            _claim_engine_submits(get_engine(name), rows, state, free - len(jobs), jobs)
    # Run this query only if capacity is left, since it reads all queued rows.
    if due.may_include(lambda row: row.is_queued() and row.engine not in engines()):
        for request in queued.exclude(engine__in=engines())[: free - len(jobs)]:
            lifecycle.give_up(request, "vendor", "engine_gone")


def _claim_engine_submits(
    engine: Engine, queued: QuerySet[TryOnRequest], state: GatewayState | None, free: int, jobs: list[Job]
) -> None:
    """Claim submits of one engine in a separate transaction, so that a trial blocks no other engine."""
    now = clock.now()
    claimed: list[Job] = []
    with _row_locks():
        attempts = _current_attempts(queued, free, "photo", "product_image")
        sendable = [attempt for attempt in attempts if _has_images(attempt.request, now)]
        if sendable:
            allowance = circuit_breaker.allowance(state, now, len(sendable))
            allowed = sendable[: allowance.capacity]
            claimed = claim_submits(allowed, engine, after_refusal=allowance.after_refusal)
    jobs += claimed
    # Each `give_up` is a transaction, so that quotas and budgets of several try-ons are not locked at once.
    for attempt in attempts:
        if not _has_images(attempt.request, now):
            lifecycle.give_up(attempt.request, "photo_gone", "photo_gone")


def _has_images(request: TryOnRequest, now: datetime) -> bool:
    photo = request.photo if request.product_image is not None else None
    return photo is not None and photo.has_release and (photo.expires_at is None or photo.expires_at > now)


def claim_submits(attempts: Sequence[Attempt], engine: Engine, *, after_refusal: bool = False) -> list[Job]:
    """Claim these submits of one engine, and create their vendor links in the same transaction.

    Skip attempts of another engine: after their try-ons were selected, they may have moved to it.
    """
    attempts = [attempt for attempt in attempts if attempt.engine == engine.name]
    if not attempts:
        return []
    lease_ends = time.monotonic() + lifecycle.LEASE.total_seconds() - engine.submit_seconds
    tokens = {attempt.pk: new_token() for attempt in attempts}
    hashes = [hash_token(token) for token in tokens.values()]
    with database.atomic(savepoint=False):
        claimed = lifecycle.claim_submits(attempts, hashes, clock.now(), lifecycle.LEASE)
        links = create_links(claimed) if engine.images_as == "url" else [None] * len(claimed)
    return [
        Job("submit", attempt.request, attempt, engine, lease_ends, tokens[attempt.pk], pair, after_refusal)
        for attempt, pair in zip(claimed, links, strict=True)
    ]


# Polls and downloads --------------------------------------------------------------------------------


def _claim_due_polls(due: DueRows, free: int, jobs: list[Job]) -> None:
    """Claim polls and downloads, and end submits with an expired lease or an outcome that never came."""
    now = clock.now()
    rows = TryOnRequest.objects.due(now).filter(state__in=SENT).exclude(SUSPECT)
    awaiting_callback = _awaiting_callback()
    with _row_locks():
        # Reserve one slot for renders that still await a callback.
        attempts = _current_attempts(rows.exclude(awaiting_callback), max(1, free - 1), "photo")
        if free > len(attempts) and due.may_include(DueRow.may_await_callback):
            limit = min(POLL_LIMIT_AWAITING_CALLBACK, free - len(attempts))
            attempts += _current_attempts(rows.filter(awaiting_callback), limit, "photo")
        claimed = claim_polls(attempts, now)
    jobs += create_jobs(claimed)
    for attempt in attempts:
        request = attempt.request
        if request.state == State.SUBMITTING:
            if not lifecycle.wait_once_more(request, now, lifecycle.LEASE):
                end_expired_lease(request, now)
        elif request.state == State.UNKNOWN:
            _end_unknown_outcome(attempt, now)


def _end_unknown_outcome(attempt: Attempt, now: datetime) -> None:
    # A refused submit only waits for a callback, which web servers receive while no worker runs.
    is_refused = attempt.outcome == SubmitOutcome.REFUSED
    timeout = outcome_timeout(attempt.engine)
    if is_refused or not lifecycle.wait_once_more(attempt.request, now, timeout):
        lifecycle.end_unknown_outcome(attempt.request)


def _claim_polls(rows: QuerySet[TryOnRequest], number: int) -> list[Attempt]:
    with _row_locks():
        return claim_polls(_current_attempts(rows, number, "photo"), clock.now())


def _awaiting_callback() -> Q:
    """Return a filter for renders without their callback. The vendor has usually not finished them."""
    with_callbacks = [name for name in engines() if supports_callback(name)]
    return Q(state=State.SUBMITTED, called_back_at=None, engine__in=with_callbacks)


def claim_polls(attempts: Sequence[Attempt], now: datetime) -> list[Attempt]:
    """Claim the attempts that wait for a poll or a download. Return the claimed attempts."""
    waiting = [attempt for attempt in attempts if attempt.request.state in (State.SUBMITTED, State.RENDERED)]
    return lifecycle.claim_due(waiting, now, lifecycle.LEASE) if waiting else []


def create_jobs(claimed: Sequence[Attempt]) -> list[Job]:
    """Return the polls and downloads of claimed attempts, without the try-ons that cannot continue."""
    return [job for job in map(_create_job, claimed) if job is not None]


def _create_job(attempt: Attempt) -> Job | None:
    """Return the job of a claimed try-on. Return None if it fails, or if its engine is not configured."""
    request = attempt.request
    has_crashed = request.claim_count > lifecycle.MAX_CLAIMS
    if request.state == State.RENDERED:
        if has_crashed:
            lifecycle.give_up(request, "vendor", "download_crashed")
            return None
    elif (has_crashed or request.engine not in engines()) and clock.now() >= deadline_of(request, attempt):
        lifecycle.fail_at_deadline(attempt)
        return None
    engine = engines().get(request.engine)
    if engine is None:
        logger.error("try-on %s waits because its engine %s is not configured", request.pk, request.engine)
        return None
    kind: Literal["poll", "download"] = "download" if request.state == State.RENDERED else "poll"
    return Job(kind, request, attempt, engine, time.monotonic() + MAX_CALL_SECONDS, photo=request.photo)


def end_expired_lease(request: TryOnRequest, now: datetime) -> None:
    """Mark the outcome of a submit as unknown after its lease has expired, since the response is lost."""
    attempt, timeout = lifecycle.current_attempt(request), outcome_timeout(request.engine)
    lifecycle.mark_unknown(attempt, timeout=timeout, error="The lease has expired.", expired_at=now)


def outcome_timeout(engine: str) -> timedelta:
    """Return how long an unknown outcome is awaited after the submit."""
    return config.DEADLINE if supports_callback(engine) else OUTCOME_TIMEOUT_WITHOUT_CALLBACK


def deadline_of(request: TryOnRequest, attempt: Attempt) -> datetime:
    """Return the time at which polling stops. A late callback postpones it a little."""
    duration = config.DEADLINE + timedelta(seconds=request.unhandled_seconds)
    deadline = (attempt.posted_at or request.created_at) + duration
    if request.called_back_at is None:
        return deadline
    return max(deadline, request.called_back_at + polling.POLL_AFTER_CALLBACK)
