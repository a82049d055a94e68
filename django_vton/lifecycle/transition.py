"""The compare-and-swap itself, and what goes with it: event, signal, money."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ..billing import budget, quotas
from ..models import Attempt, TryOnEvent, TryOnRequest
from ..models.states import SOURCES, Money, State

logger = logging.getLogger(__name__)

ANY = Q()


def transition(
    request: TryOnRequest,
    sources: Iterable[State],
    target: State,
    event: str,
    *,
    attempt: Attempt | None = None,
    actor_id: Any = None,
    detail: dict[str, Any] | None = None,
    where: Q = ANY,
    **fields: Any,
) -> bool:
    """Move a row from one of `sources` to `target`, inside the caller's transaction; False if too late.

    From more than one it is held before, so that the history tells from which.
    """
    allowed = [state for state in sources if state in SOURCES[target]]
    fields = at(target) | fields
    row = TryOnRequest.objects.filter(where, pk=request.pk, state__in=allowed)
    if not row.update(**fields):
        return False
    before = allowed[0] if len(allowed) == 1 else request.state
    for name, value in fields.items():
        setattr(request, name, value)
    record(request, event, before, attempt=attempt, actor_id=actor_id, detail=detail)
    return True


def at(target: State) -> dict[str, Any]:
    """The fields of a row that comes to `target`, whatever else it bears."""
    fields: dict[str, Any] = {"state": target, "lease_until": None, "claims": 0}
    if target in (State.COMPLETED, State.FAILED, State.CANCELED):
        fields |= {"finished_at": timezone.now(), "due_at": None, "result_urls": [], "address_key": ""}
    if target in (State.FAILED, State.CANCELED):
        fields["shared_key"] = None
    return fields


def record(
    request: TryOnRequest,
    event: str,
    before: str = "",
    *,
    attempt: Attempt | None = None,
    actor_id: Any = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Add to the history, and one line to the log: ids only."""
    TryOnEvent.objects.create(
        request=request,
        attempt=attempt,
        name=event,
        from_state=before,
        to_state=request.state,
        actor_id=actor_id,
        detail=detail or {},
    )
    log(request, event, before, attempt)


def record_all(
    requests: Sequence[TryOnRequest],
    event: str,
    before: State,
    moved: dict[str, Any],
    *,
    attempts: Sequence[Attempt] | None = None,
) -> None:
    """As `record`, of rows that one statement has `moved`: those in hand are as in the table afterwards.

    Call it last, when nothing else can fail.
    """
    of_each: Sequence[Attempt | None] = attempts or [None] * len(requests)
    pairs = list(zip(requests, of_each, strict=True))
    TryOnEvent.objects.bulk_create(
        [
            TryOnEvent(
                request=request, attempt=attempt, name=event, from_state=before, to_state=moved["state"]
            )
            for request, attempt in pairs
        ]
    )
    for request, attempt in pairs:
        for name, value in moved.items():
            setattr(request, name, value)
        log(request, event, before, attempt)


def log(request: TryOnRequest, event: str, before: str, attempt: Attempt | None) -> None:
    """One line: ids only."""
    logger.info(
        "try_on=%s attempt=%s event=%s from=%s to=%s",
        request.pk,
        attempt.number if attempt else "-",
        event,
        before or "-",
        request.state,
    )


def send(signal: Any, request: TryOnRequest, **arguments: Any) -> None:
    """Tell the shop after the commit; a receiver's error is logged and harms nobody."""

    def send() -> None:
        for receiver, answer in signal.send_robust(
            sender=TryOnRequest, request_id=request.pk, product=request.product, **arguments
        ):
            if isinstance(answer, Exception):
                logger.error("A receiver of a try-on signal failed: %r", receiver, exc_info=answer)

    transaction.on_commit(send, robust=True)


def settle(
    request: TryOnRequest, attempt: Attempt, money: Money, source: Money = Money.HELD, **told: Any
) -> bool:
    """Close the hold once, or free what counted as spent: `source` is where the money lies.

    False where it lies elsewhere, and nothing has changed; else what the vendor `told` is stored with it.
    What cost nothing counts against nobody's quota. Quotas are touched before budgets, as when a try-on is
    accepted: in another order the two could wait for each other.
    """
    with transaction.atomic(savepoint=False):  # Its callers' transaction, mostly.
        if not budget.close(attempt, source, money, **told):
            return False
        if money == Money.FREE:
            quotas.give_back(request)
            # Of all who share it only the one that ordered it was counted.
            for follower in request.followers.filter(counted_images__gt=0):
                quotas.give_back(follower)
        budget.book([attempt], source, money)
    return True


def lock_row(request: TryOnRequest) -> None:
    """Lock the row until the transaction ends, and read what may have moved since it was read."""
    names = ("state", "called_back_at", "last_attempt")
    locked = TryOnRequest.objects.select_for_update().filter(pk=request.pk)
    for name, value in zip(names, locked.values_list(*names).get(), strict=True):
        setattr(request, name, value)


def is_newest(attempt: Attempt) -> Q:
    """For `where`: no other attempt has followed it."""
    return Q(last_attempt=attempt.number)


def current_attempt(request: TryOnRequest) -> Attempt:
    """The newest attempt."""
    return request.attempts.order_by("-number")[:1].get()
