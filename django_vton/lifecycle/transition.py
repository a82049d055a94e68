"""Lock try-ons, change their state, record events, send signals, and settle the money."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from django.db.models import F, Max, Model
from django.dispatch import Signal

from ..billing import budget, quotas
from ..models import Attempt, TryOnEvent, TryOnRequest
from ..models.states import ALLOWED_SOURCES, TERMINAL, Money, State
from ..utils import clock, database
from .bulk_update import Row, RowsChanged, update_rows

logger = logging.getLogger(__name__)


CONNECTION_ERRORS = (OperationalError, InterfaceError, InternalError)
"""Database errors that can be temporary. Any other database error would occur again."""


# Locks ----------------------------------------------------------------------------------------------


class RolledBack(Exception):  # noqa: N818 - it says what happened
    """The transaction was rolled back for certain. The `__cause__` is the database error."""


@contextmanager
def atomic_outcome() -> Iterator[None]:
    """Store an outcome in a transaction. Tell a certain rollback from an unknown result of the COMMIT.

    Raise `RolledBack` if a database error occurs inside the block. The outcome can then be stored again.
    Leave `IntegrityError` and errors of the COMMIT unchanged. After the latter, the outcome might be stored.
    """
    with database.atomic():
        try:
            yield
        except IntegrityError:
            raise
        except DatabaseError as error:
            raise RolledBack from error


def lock_rows(keys: Iterable[UUID]) -> dict[UUID, TryOnRequest]:
    """Lock these try-ons until the transaction ends, read them again, and return them by primary key.

    All transactions lock in the order of the keys, which prevents deadlocks. Lock a source in a separate call
    before its followers.
    """
    rows = TryOnRequest.objects.filter(pk__in=list(keys))
    if not database.connection().features.has_select_for_update:
        # SQLite has no row locks. Take its only lock with a write that changes nothing: a transaction that
        # begins with a read would fail at its first write if another connection has written since.
        rows.update(claim_count=F("claim_count"))
    return {row.pk: row for row in rows.select_for_update().order_by("pk")}


def lock_attempts(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Lock the try-ons of these attempts, read the attempts again, and return them with their try-ons."""
    requests = lock_rows({attempt.request_id for attempt in attempts})
    current = Attempt.objects.in_bulk([attempt.pk for attempt in attempts])
    for attempt in current.values():
        attempt.request = requests[attempt.request_id]
    return [current[attempt.pk] for attempt in attempts]


def lock_current_attempt(request: TryOnRequest) -> Attempt:
    """Lock this try-on, read it again, and return its current attempt."""
    return current_attempt(lock_rows([request.pk])[request.pk])


def current_attempt(request: TryOnRequest) -> Attempt:
    """Return the attempt that decides about this try-on: the newest, unless an earlier one is charged."""
    return request.attempts.get(number=F("request__current_attempt_number"))


def is_current(attempt: Attempt) -> bool:
    """Return whether this locked attempt is the one that decides about its try-on."""
    return attempt.number == attempt.request.current_attempt_number


def next_number(request: TryOnRequest) -> int:
    """Return the number of the next attempt of this locked try-on."""
    last: int = request.attempts.aggregate(last=Max("number"))["last"]
    return last + 1


def create_next_attempt(attempt: Attempt, number: int, engine: str, amount: int) -> Attempt:
    """Create an attempt that takes over the held money of this one, and return it.

    The caller has reserved the difference if `amount` is another one. The day of the budget is the same.
    """
    if not Attempt.objects.filter(pk=attempt.pk, money=Money.HELD).update(money=Money.FREE):
        raise RuntimeError("An attempt without held money was queued again.")
    return Attempt.objects.create(
        request=attempt.request, number=number, engine=engine, amount=amount, budget_day=attempt.budget_day
    )


# State ----------------------------------------------------------------------------------------------


def transition(
    requests: Sequence[TryOnRequest],
    target: State,
    event: str,
    *,
    attempts: Sequence[Attempt] = (),
    own_fields: Sequence[dict[str, Any]] = (),
    actor_id: Any = None,
    detail: dict[str, Any] | None = None,
    **fields: Any,
) -> None:
    """Change the state of these locked try-ons, in the rows and in the objects, and record an event for each.

    `fields` apply to all try-ons, each item of `own_fields` to one. The caller has checked the states. Raise
    `RowsChanged` if a transition is not allowed, or if a row has another state than its object.
    """
    fields = state_fields(target) | fields
    values = [fields | own for own in own_fields] or [fields] * len(requests)
    changes = []
    for request, new in zip(requests, values, strict=True):
        if request.state not in ALLOWED_SOURCES[target]:
            raise RowsChanged(f"The transition from {request.state} to {target} is not allowed.")
        changes.append((request.pk, {"state": request.state}, new))
    update_rows(TryOnRequest, changes)
    events = []
    for place, (request, new) in enumerate(zip(requests, values, strict=True)):
        events.append(
            TryOnEvent(
                request=request,
                attempt=attempts[place] if attempts else None,
                name=event,
                from_state=request.state,
                to_state=target,
                actor_id=actor_id,
                detail=detail or {},
            )
        )
        for name, value in new.items():
            setattr(request, name, value)
    record_events(events)


def state_fields(target: State) -> dict[str, Any]:
    """Return the fields that every change to this state sets."""
    fields: dict[str, Any] = {"state": target, "lease_until": None, "claim_count": 0}
    if target in TERMINAL:
        fields |= {"finished_at": clock.now(), "due_at": None, "result_urls": [], "address_key": ""}
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
    """Add an event without a change of state."""
    found = {"request": request, "attempt": attempt, "actor_id": actor_id, "detail": detail or {}}
    record_events([TryOnEvent(name=event, from_state=before, to_state=request.state, **found)])


def record_events(events: Sequence[TryOnEvent]) -> None:
    """Add these events to the history, and log a line for each, without its actor and detail."""
    TryOnEvent.objects.bulk_create(events)
    for event in events:
        logger.info(
            "try_on=%s attempt=%s event=%s from=%s to=%s",
            event.request_id,
            event.attempt.number if event.attempt else "-",
            event.name,
            event.from_state or "-",
            event.to_state,
        )


# Signals and money ----------------------------------------------------------------------------------


def send_signal(signal: Signal, try_on: TryOnRequest, **arguments: Any) -> None:
    """Send a signal after the commit. If a receiver raises an error, log it and continue."""

    def send() -> None:
        if not signal.has_listeners(TryOnRequest):
            return
        arguments.update(try_on=try_on, product=_find_product(try_on))
        for receiver, response in signal.send_robust(sender=TryOnRequest, **arguments):
            if isinstance(response, Exception):
                logger.error("A receiver of a try-on signal failed: %r", receiver, exc_info=response)

    database.on_commit(send, robust=True)


def _find_product(try_on: TryOnRequest) -> Model | None:
    """Return the product, even if `TryOn.get_queryset` excludes it. Return None if it cannot be loaded."""
    label, _colon, pk = try_on.product.partition(":")
    try:
        product: Model | None = apps.get_model(label)._default_manager.filter(pk=pk).first()
    except Exception:
        # The signal must be sent even if the shop's manager raises an error.
        logger.exception("The product of try-on %s could not be loaded.", try_on.pk)
        return None
    return product


def settle(
    attempts: Sequence[Attempt],
    money: Money,
    *,
    source: Money = Money.HELD,
    refunds: bool = True,
    own_fields: Sequence[dict[str, Any]] = (),
) -> None:
    """Change the money of the locked attempts from `source` to `money`, and update the budgets.

    Skip attempts whose money is not `source`, but store their item of `own_fields`. Refund the quotas of
    freed attempts, unless another attempt goes on. To prevent deadlocks, lock quotas before budgets, as when
    a try-on is accepted. Callers free only one attempt per transaction.
    """
    changing = [attempt for attempt in attempts if attempt.money == source]
    changes: list[Row] = []
    for attempt, own in zip(attempts, own_fields or [{}] * len(attempts), strict=True):
        if attempt.money == source:
            changes.append((attempt.pk, {"money": source}, {"money": money} | own))
        elif own:
            changes.append((attempt.pk, {}, own))
    update_rows(Attempt, changes)
    for attempt in changing:
        attempt.money = money
        if money == Money.FREE and refunds:
            refund_quotas(attempt.request)
    budget.update_periods(changing, source, money)


def refund_quotas(request: TryOnRequest) -> None:
    """Refund the quotas that this locked try-on counts towards. A second call changes nothing."""
    quotas.refund(request)
    # A shared render counts towards the quota of the follower that ordered it.
    for follower in request.followers.filter(counted_images__gt=0):
        quotas.refund(follower)
