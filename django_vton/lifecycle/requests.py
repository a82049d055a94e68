"""The shopper's side: a try-on begins, shares another's render, or is stopped by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.utils import timezone

from ..billing import budget
from ..models import Attempt, Batch, TryOnRequest, VendorLink
from ..models.states import ACTIVE, Money, State
from .followers import finish, followers_end
from .transition import record, settle, transition


def accept(request: TryOnRequest, *, amount: int | None, detail: dict[str, Any] | None = None) -> None:
    """Store a new try-on. With an `amount` (micro-USD) the money is set aside and a pump will drive it.

    Without one it is a follower, whose source does the work. Raises BudgetExhausted.
    """
    with transaction.atomic(savepoint=False):  # Its callers' transaction, mostly.
        now = timezone.now()
        request.state = State.QUEUED
        request.due_at = None if amount is None else now
        request.save(force_insert=True)
        attempt = None
        if amount is not None:
            day = budget.reserve(amount)
            attempt = Attempt.objects.create(
                request=request, engine=request.engine, amount=amount, budget_day=day
            )
        record(request, "accepted", attempt=attempt, detail=detail)


def follow(follower: TryOnRequest, source: TryOnRequest) -> None:
    """Complete a follower at once where its source has completed; in a transaction that holds the source."""
    if source.state == State.COMPLETED:
        finish([follower], source)


def cancel(request: TryOnRequest, *, actor_id: Any = None, sources: Iterable[State] = ACTIVE) -> bool:
    """Stop it where it still runs; False where it has ended.

    Before the submit it costs nothing; after, the render is paid and dropped.
    """
    with transaction.atomic():
        rows = TryOnRequest.objects.select_for_update()
        # The source before its follower, as when a source ends: else the two wait for each other.
        if request.source_id is not None:
            rows.filter(pk=request.source_id).first()
        request = rows.get(pk=request.pk)
        before = request.state
        if not transition(request, sources, State.CANCELED, "canceled", actor_id=actor_id):
            return False
        attempt = request.attempts.order_by("-number").first()
        if attempt is not None:
            settle(request, attempt, Money.FREE if before == State.QUEUED else Money.SPENT)
            VendorLink.objects.filter(attempt__request=request).delete()
            followers_end(request)
        elif (source := request.source) is not None:
            cancel_unwanted(source)
    return True


def cancel_unwanted(shared: TryOnRequest, *, actor_id: Any = None) -> bool:
    """Where nobody waits for a shared render any more, no follower and no batch: not paid, it need not be."""
    with transaction.atomic():
        # Whoever comes to share it waits here, or is seen here.
        TryOnRequest.objects.select_for_update().filter(pk=shared.pk).first()
        batches = shared.batch_renders.exclude(batch__status=Batch.Status.CANCELED)
        if batches.exists() or shared.followers.active().exists():
            return False
        return cancel(shared, actor_id=actor_id, sources=[State.QUEUED])
