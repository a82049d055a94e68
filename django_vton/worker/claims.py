"""Which rows a pump takes up: the database's side of its looks; what comes of them is in `news.py`.

Every function here is one unit of work in the pump's database thread. Times that matter to money are
taken before the claim is committed.
"""

from __future__ import annotations

import logging
import random
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeVar

from django.db import DatabaseError, IntegrityError, InterfaceError, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from .. import lifecycle
from ..batches import feeding
from ..conf import config
from ..gateway import circuit_breaker, polling
from ..gateway.engines import engines, get_engine
from ..gateway.links import create_links, supports_callback
from ..lifecycle import together
from ..models import Attempt, TryOnRequest
from ..models.states import ACTIVE, State
from ..utils.tokens import hash_token, new_token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db.models import QuerySet

    from ..pixazo import Engine

logger = logging.getLogger(__name__)

T = TypeVar("T")

LEASE = timedelta(seconds=60)
LONGEST_CALL = 20.0
HORIZON = timedelta(seconds=60)
"""A pump waits for what is due so soon; what is due later is found by the schedule's ring."""

OUTCOME_TIMEOUT_WITHOUT_CALLBACK = timedelta(seconds=90)
"""Where no callback can come, only the POST's own answer could still tell what became of it."""

POLLS_WITHOUT_CALLBACK = 4
"""So many renders whose callback has not come are asked for at one look. Where the vendor is slow all of them
are due and hardly one is done; where callbacks are lost, these few at each look are dozens a second."""

SENT = tuple(state for state in ACTIVE if state != State.QUEUED)
WAITING = frozenset({State.SUBMITTED, State.RENDERED})
"""In these a row waits for a question or for a fetch."""


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
    soon = soon.exclude(state=State.QUEUED, engine__in=circuit_breaker.stopped(now))
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
    queued = TryOnRequest.objects.due(now).filter(state=State.QUEUED)
    if not _some(queued):
        return
    # Shuffled: a thousand garments in the queue must not keep the glasses waiting.
    for name in random.sample(sorted(engines()), len(engines())):
        _take_submits_to(get_engine(name), queued.filter(engine=name), free - len(jobs), jobs)
    # Where places are left over: it means to look through all that are queued.
    for request in queued.exclude(engine__in=engines())[: free - len(jobs)]:
        lifecycle.give_up(request, "vendor", "engine_gone")


def _take_submits_to(engine: Engine, queued: QuerySet[TryOnRequest], free: int, jobs: list[Job]) -> None:
    """In a transaction for each engine: a trial of one keeps no other pump from that of another."""
    now = timezone.now()
    wanted: list[Attempt] = []
    # Where a photo was deleted since it was read, the next look ends its try-on.
    with suppress(IntegrityError), _in_hand(jobs) as claimed:
        wanted = _newest(queued, free, "photo", "product_image")
        usable = [attempt for attempt in wanted if _has_photo(attempt.request, now)]
        if usable:
            leave = circuit_breaker.allowance(engine.name, now, len(usable))
            for job in _claim_submits(usable[: leave.places], engine):
                claimed.append(replace(job, after_refusal=leave.after_refusal))
    # Each in a transaction of its own: no quota and no budget is held for one while the next is ended.
    for attempt in wanted:
        if not _has_photo(attempt.request, now):
            lifecycle.give_up(attempt.request, "deadline", "photo_gone")


@contextmanager
def _in_hand(claimed: list[T]) -> Iterator[list[T]]:
    """From the look to the claim, where pumps can keep rows from each other's looks.

    Only so that they do not want the same rows: what keeps two from claiming one is its swap. What the block
    claims is among `claimed` once it is committed: then it has to be flown, and else it must not be.
    """
    if not connection.features.has_select_for_update_skip_locked:
        yield claimed  # Each claim is committed by itself.
        return
    in_hand: list[T] = []
    with transaction.atomic():
        yield in_hand
    claimed += in_hand


def _some(rows: QuerySet[TryOnRequest]) -> bool:
    """Whether there are any. In their order: without it a planner may go through all that wait."""
    return bool(rows.values_list("pk")[:1])


def _newest(rows: QuerySet[TryOnRequest], number: int, *parts: str) -> list[Attempt]:
    """The newest attempts of the first rows that no other pump has in hand, each with its request."""
    if connection.features.has_select_for_update_skip_locked:
        rows = rows.select_for_update(skip_locked=True)
    keys = list(rows.values_list("pk", flat=True)[:number])
    if not keys:
        return []
    newest = Attempt.objects.filter(request__in=keys, number=F("request__last_attempt"))
    with_parts = newest.select_related("request", *(f"request__{part}" for part in parts))
    return list(with_parts.order_by("request__due_at"))


def _has_photo(request: TryOnRequest, now: datetime) -> bool:
    """Whether there is anything to send: its photo may be gone, or past its time."""
    photo = request.photo if request.product_image is not None else None
    return photo is not None and (photo.expires_at is None or photo.expires_at > now)


def _claim_submits(attempts: list[Attempt], engine: Engine) -> Iterator[Job]:
    """All that nobody was faster to claim: together, or else one by one, each as soon as it is claimed."""
    all_of_them = _claim_together(attempts, engine) if attempts else []
    if all_of_them is not None:
        yield from all_of_them
        return
    for attempt in attempts:
        job = _claim_submit(attempt.request, attempt, engine)
        if job is not None:
            yield job


def _claim_submit(request: TryOnRequest, attempt: Attempt, engine: Engine) -> Job | None:
    lease_ends = time.monotonic() + LEASE.total_seconds() - LONGEST_CALL
    token, links = new_token(), None
    attempt.request = request
    try:
        with transaction.atomic():
            if not lifecycle.claim_submit(request, attempt, timezone.now(), LEASE, hash_token(token)):
                return None
            if engine.images_as == "url":
                [links] = create_links([attempt])
    except IntegrityError:
        return None  # Its photo was deleted since it was read: the next look ends it.
    return Job("submit", request, attempt, engine, lease_ends, token, links)


def _claim_together(attempts: list[Attempt], engine: Engine) -> list[Job] | None:
    """All of them or, with None, none."""
    lease_ends = time.monotonic() + LEASE.total_seconds() - LONGEST_CALL
    tokens = [new_token() for _ in attempts]
    links: list[tuple[str, str]] | list[None] = [None] * len(attempts)
    try:
        with transaction.atomic():
            hashes = [hash_token(token) for token in tokens]
            if not together.claim_submits(attempts, timezone.now(), LEASE, hashes):
                return None
            if engine.images_as == "url":
                links = create_links(attempts)
    except IntegrityError:
        return None
    return [
        Job("submit", attempt.request, attempt, engine, lease_ends, token, link)
        for attempt, token, link in zip(attempts, tokens, links, strict=True)
    ]


def _take_others(free: int, jobs: list[Job]) -> None:
    now = timezone.now()
    rows = TryOnRequest.objects.due(now).filter(state__in=SENT)
    if not _some(rows):
        return
    claimed: list[Attempt] = []
    unheard = _unheard()
    with _in_hand(claimed) as taken:
        # However many are called back, one place is left for those that were not.
        due = _newest(rows.exclude(unheard), max(1, free - 1))
        if free > len(due):
            due += _newest(rows.filter(unheard), min(POLLS_WITHOUT_CALLBACK, free - len(due)))
        taken.extend(_claim([attempt for attempt in due if attempt.request.state in WAITING], now))
    for attempt in claimed:
        job = _job(attempt.request, attempt)
        if job is not None:
            jobs.append(job)
    for request in [attempt.request for attempt in due]:
        if request.state == State.SUBMITTING:
            _lease_is_over(request, now)
        elif request.state == State.UNKNOWN:
            lifecycle.outcome_timed_out(request)


def _unheard() -> Q:
    """Renders that are due though nobody has called back: mostly the vendor is not done."""
    call_back = [name for name in engines() if supports_callback(name)]
    return Q(state=State.SUBMITTED, called_back_at=None, engine__in=call_back)


def _claim(attempts: list[Attempt], now: datetime) -> list[Attempt]:
    """All that nobody was faster to claim, for a question or a fetch: together, or else one by one."""
    if attempts and together.claim([attempt.request for attempt in attempts], now, LEASE):
        return attempts
    return [attempt for attempt in attempts if lifecycle.claim(attempt.request, now, LEASE)]


def _lease_is_over(request: TryOnRequest, now: datetime) -> None:
    """Its worker is gone, and with it what the vendor answered, if anything was sent at all."""
    attempt = lifecycle.current_attempt(request)
    attempt.request = request
    lifecycle.submit_unknown(
        attempt,
        grace=grace(request.engine),
        error="the worker did not come back",
        where=Q(lease_until__lte=now),
    )


def grace(engine: str) -> timedelta:
    """How long a submit whose answer is lost is waited for, from when it was sent."""
    return config.DEADLINE if supports_callback(engine) else OUTCOME_TIMEOUT_WITHOUT_CALLBACK


def _job(request: TryOnRequest, attempt: Attempt) -> Job | None:
    """What a claimed row needs; one whose claims end in silence again and again comes to its end here."""
    attempt.request = request
    is_silent = request.claims > lifecycle.MAX_CLAIMS
    if request.state == State.RENDERED:
        if is_silent:
            lifecycle.give_up(request, "vendor", "fetch_kills")
            return None
    elif (is_silent or request.engine not in engines()) and timezone.now() >= deadline_of(request, attempt):
        lifecycle.deadline_over(request, attempt)
        return None
    engine = engines().get(request.engine)
    if engine is None:
        logger.error("try-on %s waits: the engine %s is not among the shop's.", request.pk, request.engine)
        return None
    kind: Literal["ask", "fetch"] = "fetch" if request.state == State.RENDERED else "ask"
    return Job(kind, request, attempt, engine, time.monotonic() + LONGEST_CALL)


def deadline_of(request: TryOnRequest, attempt: Attempt) -> datetime:
    """Until when the vendor is asked: a callback that came later still buys it a little time."""
    deadline = (attempt.posted_at or request.created_at) + config.DEADLINE
    return (
        deadline
        if request.called_back_at is None
        else max(deadline, request.called_back_at + polling.POLL_AFTER_CALLBACK)
    )
