"""Accept new try-ons, complete those that share a finished render, and cancel try-ons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .. import signals
from ..billing import budget
from ..models import Attempt, Batch, TryOnRequest, VendorLink
from ..models.states import ACTIVE, Money, State
from ..pixazo import SubmitOutcome
from ..utils import clock, database
from .followers import complete_or_fail, finish_followers_after_commit
from .transition import lock_rows, record, send_signal, settle, transition


def accept(request: TryOnRequest, *, amount: int | None, detail: dict[str, Any] | None = None) -> None:
    """Store a new try-on, and reserve `amount` micro-USD for it. For a follower, `amount` is None.

    Raise `BudgetExhausted` if the budget does not cover the amount.
    """
    with database.atomic(savepoint=False):  # Usually the caller's transaction.
        request.state = State.QUEUED
        request.due_at = None if amount is None else clock.now()
        request.save(force_insert=True)
        attempt = None
        if amount is not None:
            day = budget.reserve(amount)
            attempt = Attempt.objects.create(
                request=request, engine=request.engine, amount=amount, budget_day=day
            )
        record(request, "accepted", attempt=attempt, detail=detail)


def complete_follower(follower: TryOnRequest, source: TryOnRequest) -> None:
    """Complete a new follower at once if its source, which the caller has locked, has completed."""
    if source.state == State.COMPLETED:
        complete_or_fail([follower], source)


@database.retry
def cancel(request: TryOnRequest, *, actor_id: Any = None, sources: Iterable[State] = ACTIVE) -> bool:
    """Cancel a try-on whose state is one of `sources`. Return False if its state is another one.

    A try-on that was not submitted yet costs nothing. A submitted render is paid, and its images are ignored.
    """
    with database.atomic():
        # Lock the source before its follower, as when a source ends. Otherwise there could be a deadlock.
        if request.source_id is not None:
            lock_rows([request.source_id])
        request = lock_rows([request.pk])[request.pk]
        before = request.state
        if before not in list(sources):
            return False
        transition([request], State.CANCELED, "canceled", actor_id=actor_id)
        send_signal(signals.tryon_canceled, request)
        attempt = request.attempts.filter(number=request.current_attempt_number).first()
        if attempt is not None:
            # While a refused submit awaits a callback, it counts as charged only after that.
            is_refused = before == State.UNKNOWN and attempt.outcome == SubmitOutcome.REFUSED
            is_free = before == State.QUEUED or is_refused
            settle([attempt], Money.FREE if is_free else Money.SPENT)
            VendorLink.objects.filter(attempt__request=request).delete()
            finish_followers_after_commit([request])
        elif request.source is not None:
            cancel_if_unwanted(request.source)
    return True


@database.retry
def cancel_if_unwanted(source: TryOnRequest, *, actor_id: Any = None) -> bool:
    """Cancel a queued shared render if no follower and no batch wants it. Return whether it was canceled."""
    with database.atomic():
        # A new follower needs the same lock, so no follower is stored between this check and the commit.
        lock_rows([source.pk])
        batches = source.batch_renders.exclude(batch__status=Batch.Status.CANCELED)
        if batches.exists() or source.followers.active().exists():
            return False
        return cancel(source, actor_id=actor_id, sources=[State.QUEUED])
