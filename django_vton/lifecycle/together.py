"""What mostly happens, for many try-ons in a few statements: all of them, or none.

Each function here does for all of its rows what its namesake beside does for one: the same swap with its
event, money and signals, in one transaction. Where a single row cannot move as expected, it changes nothing
and is False; then the caller brings each by itself, to where every other case is known.

The attempts of one call are alike: of one engine, and of one number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from .. import signals
from ..billing import budget
from ..gateway import polling
from ..gateway.links import supports_callback
from ..models import Attempt, TryOnImage, TryOnRequest, VendorLink
from ..models.states import Money, State
from .each import update_each
from .followers import finish_after_commit
from .transition import ANY, at, record_all, send

if TYPE_CHECKING:
    from ..pixazo import Answer, Submission

P = ParamSpec("P")


class NotAll(Exception):  # noqa: N818 - it says what happened, and nothing is wrong
    """One of them could not move: the transaction is taken back."""


def all_or_none(work: Callable[P, None]) -> Callable[P, bool]:
    """One transaction; False where it was taken back for certain, because of one row or of the database.

    Where only the answer to its commit is lost, nobody knows: that error comes out.
    """

    @wraps(work)
    def whether_all(*args: P.args, **kwargs: P.kwargs) -> bool:
        try:
            with transaction.atomic():
                try:
                    work(*args, **kwargs)
                except DatabaseError:
                    raise NotAll from None
        except (NotAll, IntegrityError):
            return False
        return True

    return whether_all


@all_or_none
def claim_submits(
    attempts: Sequence[Attempt], now: datetime, lease: timedelta, token_hashes: Sequence[str]
) -> None:
    """As `submits.claim_submit`."""
    requests = [attempt.request for attempt in attempts]
    until = now + lease
    fields = {"lease_until": until, "due_at": until, "started_at": now}
    moved = at(State.SUBMITTING) | fields
    _swap(requests, State.QUEUED, moved, where=Q(due_at__lte=now))
    posts = [{"posted_at": now, "token_hash": token_hash} for token_hash in token_hashes]
    unsent = [{"pk": attempt.pk, "posted_at": None} for attempt in attempts]
    _require(update_each(Attempt, list(zip(unsent, posts, strict=True))), attempts)
    for attempt, post in zip(attempts, posts, strict=True):
        _set(attempt, post)
    record_all(requests, "claimed", State.QUEUED, moved)


@all_or_none
def submits_answered(news: Sequence[tuple[Attempt, Submission]]) -> None:
    """As `submits.submit_answered`, of accepted ones."""
    attempts = [attempt for attempt, _ in news]
    requests = [attempt.request for attempt in attempts]
    pause = polling.first_poll_delay(supports_callback=supports_callback(attempts[0].engine))
    moved = at(State.SUBMITTED) | {"error_code": "", "finished_at": None, "due_at": timezone.now() + pause}
    _swap(requests, State.SUBMITTING, moved, where=Q(last_attempt=attempts[0].number))
    told: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for attempt, submission in news:
        assert submission.answer is not None
        answered = {"vendor_id": submission.answer.vendor_id, "raw": submission.answer.raw}
        sorted_as = {"verdict": submission.verdict, "http_status": submission.status_code}
        told.append(({"pk": attempt.pk}, answered | sorted_as))
    _require(update_each(Attempt, told), attempts)
    for attempt, (_, values) in zip(attempts, told, strict=True):
        attempt.vendor_id = values["vendor_id"]
    record_all(requests, "submitted", State.SUBMITTING, moved, attempts=attempts)


@all_or_none
def claim(requests: Sequence[TryOnRequest], now: datetime, lease: timedelta) -> None:
    """As `renders.claim`."""
    until = now + lease
    for state in {request.state for request in requests}:
        alike = [request for request in requests if request.state == state]
        due = TryOnRequest.objects.due(now).filter(pk__in=_keys(alike), state=state).order_by()
        _require(due.update(lease_until=until, due_at=until, claims=F("claims") + 1), alike)
    for request in requests:
        _set(request, {"lease_until": until, "due_at": until, "claims": request.claims + 1})


@all_or_none
def release(rows: Sequence[tuple[TryOnRequest, datetime]]) -> None:
    """As `renders.release`, of those that no callback has made due meanwhile."""
    moves = []
    for request, due_at in rows:
        leased = {"pk": request.pk, "lease_until": request.lease_until, "due_at": request.lease_until}
        moves.append((leased, {"lease_until": None, "due_at": due_at, "claims": 0}))
    _require(update_each(TryOnRequest, moves), rows)


@all_or_none
def rendered(news: Sequence[tuple[TryOnRequest, Attempt, Answer]], *, lease: timedelta | None = None) -> None:
    """As `renders.rendered`."""
    now = timezone.now()
    attempts = [attempt for _, attempt, _ in news]
    moved = at(State.RENDERED) | {"due_at": now + (lease or timedelta(0)), "rendered_at": now}
    if lease is not None:
        moved |= {"lease_until": now + lease, "claims": 1}
    swaps, closes = [], []
    for request, attempt, answer in news:
        waiting = {"pk": request.pk, "state": State.SUBMITTED, "last_attempt": attempt.number}
        swaps.append((waiting, moved | {"result_urls": list(answer.images)}))
        held = {"pk": attempt.pk, "vendor_id": answer.vendor_id, "money": Money.HELD}
        closes.append((held, {"money": Money.SPENT, "raw": answer.raw, "answered_at": now}))
    _require(update_each(TryOnRequest, swaps), news)
    _require(update_each(Attempt, closes), news)
    budget.book(attempts, Money.HELD, Money.SPENT)
    VendorLink.objects.filter(attempt__in=attempts).delete()
    for request, attempt, answer in news:
        attempt.money = Money.SPENT
        request.result_urls = list(answer.images)
    record_all([request for request, _, _ in news], "rendered", State.SUBMITTED, moved, attempts=attempts)


@all_or_none
def completed(news: Sequence[tuple[TryOnRequest, Sequence[TryOnImage]]]) -> None:
    """As `renders.completed`; each has as many pictures as the others."""
    requests = [request for request, _ in news]
    moved = at(State.COMPLETED) | {"image_count": len(news[0][1])}
    _swap(requests, State.RENDERED, moved)
    TryOnImage.objects.bulk_create([image for _, images in news for image in images])
    record_all(requests, "completed", State.RENDERED, moved)
    waiting = TryOnRequest.objects.filter(source__in=requests, state=State.QUEUED)
    for source_pk in waiting.order_by().values_list("source__pk", flat=True).distinct():
        finish_after_commit(source_pk)
    for request in requests:
        send(signals.tryon_completed, request)


# What they have in common ---------------------------------------------------------------------------


def _keys(rows: Sequence[TryOnRequest]) -> list[Any]:
    return [row.pk for row in rows]


def _require(number: int, rows: Sequence[Any]) -> None:
    if number != len(rows):
        raise NotAll


def _swap(requests: Sequence[TryOnRequest], source: State, moved: dict[str, Any], *, where: Q = ANY) -> None:
    rows = TryOnRequest.objects.filter(where, pk__in=_keys(requests), state=source)
    _require(rows.update(**moved), requests)


def _set(row: Any, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
