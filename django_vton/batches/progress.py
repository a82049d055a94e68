"""The progress and the cost of a batch, read from its rows in the same few queries whatever its size."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Sum

from ..models import Attempt, Batch, BatchRender
from ..models.states import ACTIVE, Money, State
from .review import IS_PUBLISHED


@dataclass(frozen=True)
class Progress:
    """The counts of a batch; the first seven add up to `total`. Amounts are micro-USD."""

    waiting: int
    running: int
    completed: int
    failed: int
    refused: int
    """Not possible, for example because the product has no image. `BatchRender.problem` gives the reason."""
    canceled: int
    """Canceled one by one by an operator."""
    dropped: int
    """Still waiting when the batch was canceled."""
    total: int
    unknown_outcomes: int
    """Failed renders that may have been charged."""
    shared: int
    """Requested renders that another request pays for."""
    unreviewed: int
    accepted: int
    rejected: int
    published: int
    held: int
    spent: int
    is_prepared: bool
    """Whether all rows exist; until then `total` is an upper bound."""
    waiting_for: str
    """Why the batch is postponed, such as "budget_exhausted"; "" if it is not."""
    waiting_until: datetime | None

    @property
    def ended(self) -> int:
        """Renders that will not change any more."""
        return self.total - self.waiting - self.running

    @property
    def is_finished(self) -> bool:
        """Whether no render is waiting or running."""
        return not self.waiting and not self.running

    @property
    def retryable(self) -> int:
        """How many renders `retry` would put back."""
        return self.failed - self.unknown_outcomes + self.refused


COUNT_FIELDS = (
    *("waiting", "running", "completed", "failed", "refused", "canceled", "dropped"),
    *("unknown_outcomes", "shared", "unreviewed", "accepted", "rejected"),
)


def progress(batch: Batch) -> Progress:
    """Return the present counts of the batch, in four queries."""
    now = Batch.objects.defer("products").get(pk=batch.pk)
    counts = _counts(now)
    is_prepared = (
        now.status in (Batch.Status.DRAFT, Batch.Status.CANCELED) or now.products_done >= now.product_count
    )
    # Renders without a row yet.
    if now.status == Batch.Status.CANCELED:
        counts["dropped"] += now.total - now.next_position
    elif not is_prepared:
        counts["waiting"] += now.total - now.next_position
    attempts = Attempt.objects.filter(request__batch=now).order_by()
    money = dict(attempts.values_list("money").annotate(total=Sum("amount")))
    return Progress(
        **{name: counts[name] for name in COUNT_FIELDS},
        total=now.total,
        published=now.renders.filter(IS_PUBLISHED).count(),
        held=money.get(Money.HELD, 0),
        spent=money.get(Money.SPENT, 0),
        is_prepared=is_prepared,
        waiting_for=now.waiting_for,
        waiting_until=now.waiting_until,
    )


def _counts(batch: Batch) -> Counter[str]:
    groups = (
        batch.renders.order_by()
        .values_list("status", "request__state", "request__error_code", "request__batch", "review")
        .annotate(number=Count("pk"))
    )
    counts: Counter[str] = Counter()
    for status, state, code, payer, review, number in groups:
        for name in _count_names(status, state, code, review, is_shared=payer != batch.pk):
            counts[name] += number
    return counts


def _count_names(status: str, state: Any, code: str, review: str, *, is_shared: bool) -> list[str]:
    """Return the counts that one render belongs to."""
    if status != BatchRender.Status.REQUESTED:
        return [status]
    names = ["running" if state in ACTIVE else str(state or State.CANCELED)]
    if is_shared:
        names.append("shared")
    if state == State.FAILED and code == "outcome_unknown":
        names.append("unknown_outcomes")
    if state == State.COMPLETED:
        names.append(review or "unreviewed")
    return names
