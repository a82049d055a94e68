"""Locking try-ons, changing their state, and what goes with a change: event, signal, money."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, Model
from django.dispatch import Signal
from django.utils import timezone

from ..billing import budget, quotas
from ..models import Attempt, TryOnEvent, TryOnRequest
from ..models.states import ALLOWED_SOURCES, TERMINAL, Money, State
from .bulk_update import RowsChanged, update_rows

logger = logging.getLogger(__name__)


# Locks ----------------------------------------------------------------------------------------------


class RolledBack(Exception):  # noqa: N818 - it says what happened
    """A database error before the commit: nothing is stored. The error is the ``__cause__``."""


@contextmanager
def atomic_outcome() -> Iterator[None]:
    """A transaction that tells a certain rollback from a commit whose result is unknown.

    Raise ``RolledBack`` for a database error inside the block, so that the same outcome may be stored again.
    An error of the COMMIT itself is raised as it is: the outcome may be stored already.
    """
    with transaction.atomic():
        try:
            yield
        except IntegrityError:
            raise
        except DatabaseError as error:
            raise RolledBack from error


def lock_rows(keys: Iterable[UUID]) -> dict[UUID, TryOnRequest]:
    """Lock these try-ons until the transaction ends, and return them as they are now, by primary key.

    They are locked in the order of their keys, so that two transactions cannot wait for each other. Lock a
    source before its followers, in a call of its own. SQLite has no row locks. There, a write takes the only
    lock first: a transaction that begins with a read fails at its first write if another connection has
    written since.
    """
    rows = TryOnRequest.objects.filter(pk__in=list(keys))
    if not connection.features.has_select_for_update:
        rows.update(claim_count=F("claim_count"))  # The write changes nothing.
    return {row.pk: row for row in rows.select_for_update().order_by("pk")}


def lock_attempts(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Lock the try-ons of these attempts, and return the attempts as they are now, each with its try-on."""
    requests = lock_rows({attempt.request_id for attempt in attempts})
    current = Attempt.objects.in_bulk([attempt.pk for attempt in attempts])
    for attempt in current.values():
        attempt.request = requests[attempt.request_id]
    return [current[attempt.pk] for attempt in attempts]


def lock_newest_attempt(request: TryOnRequest) -> Attempt:
    """Lock this try-on, and return its newest attempt as it is now, with the try-on as it is now."""
    return current_attempt(lock_rows([request.pk])[request.pk])


def current_attempt(request: TryOnRequest) -> Attempt:
    """The newest attempt."""
    return request.attempts.order_by("-number")[:1].get()


def is_newest(attempt: Attempt) -> bool:
    """Whether no other attempt has followed this locked one."""
    return attempt.number == attempt.request.last_attempt_number


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
    """Change the state of locked try-ons, all or none, with an event for each; update the objects as well.

    ``fields`` are set on all of them, ``own_fields`` on one each. The caller has checked the locked rows.
    The statement still repeats the condition on the old state: raise ``RowsChanged`` if it does not hold.
    """
    fields = state_fields(target) | fields
    values = [fields | own for own in own_fields] or [fields] * len(requests)
    changes = []
    for request, new in zip(requests, values, strict=True):
        if request.state not in ALLOWED_SOURCES[target]:
            raise RowsChanged(f"{request.state} does not become {target}.")
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
    """The fields that every try-on gets with this state."""
    fields: dict[str, Any] = {"state": target, "lease_until": None, "claim_count": 0}
    if target in TERMINAL:
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
    """Add an event without a change of state."""
    found = {"request": request, "attempt": attempt, "actor_id": actor_id, "detail": detail or {}}
    record_events([TryOnEvent(name=event, from_state=before, to_state=request.state, **found)])


def record_events(events: Sequence[TryOnEvent]) -> None:
    """Add to the history, and a line with ids only to the log for each."""
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


# What goes with it ----------------------------------------------------------------------------------


def send_signal(signal: Signal, try_on: TryOnRequest, **arguments: Any) -> None:
    """Send a signal after the commit. An error of a receiver is logged and stops nothing."""

    def send() -> None:
        if not signal.has_listeners(TryOnRequest):
            return
        arguments.update(try_on=try_on, product=_find_product(try_on))
        for receiver, response in signal.send_robust(sender=TryOnRequest, **arguments):
            if isinstance(response, Exception):
                logger.error("A receiver of a try-on signal failed: %r", receiver, exc_info=response)

    transaction.on_commit(send, robust=True)


def _find_product(try_on: TryOnRequest) -> Model | None:
    """The product, also if `TryOn.get_queryset` no longer contains it; None if it was deleted."""
    label, _colon, pk = try_on.product.partition(":")
    try:
        product: Model | None = apps.get_model(label)._default_manager.filter(pk=pk).first()
    except Exception:
        # An error in the shop's manager must not lose the signal.
        logger.exception("The product of try-on %s could not be loaded.", try_on.pk)
        return None
    return product


def settle(attempts: Sequence[Attempt], money: Money, *, source: Money = Money.HELD) -> None:
    """For the locked attempts whose money is in ``source``, change it to ``money`` and update the budgets.

    Free attempts are refunded to the quotas. Quotas are locked before budgets, as when a try-on is accepted:
    in another order, two transactions could wait for each other. For the same reason, free only one at a
    time.
    """
    changing = [attempt for attempt in attempts if attempt.money == source]
    update_rows(Attempt, [(attempt.pk, {"money": source}, {"money": money}) for attempt in changing])
    for attempt in changing:
        attempt.money = money
        if money == Money.FREE:
            quotas.refund(attempt.request)
            # If several share the render, only the shopper who ordered it was counted.
            for follower in attempt.request.followers.filter(counted_images__gt=0):
                quotas.refund(follower)
    budget.update_periods(changing, source, money)
