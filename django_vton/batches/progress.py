"""How far a batch is and what it has cost: read from the rows, in the same few queries whatever its size."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Sum

from ..models import Attempt, Batch, BatchRender
from ..models.states import ACTIVE, Money, State
from .review import PUBLISHED

Status = BatchRender.Status


@dataclass(frozen=True)
class Progress:
    """The numbers of a batch; the first seven add up to `total`. Amounts are micro-USD."""

    waiting: int
    running: int
    completed: int
    failed: int
    refused: int
    """Not possible: the product has no picture, say. Each has its problem in words."""
    canceled: int
    """Stopped by hand, each by itself."""
    dropped: int
    """What still waited when the batch was canceled."""
    total: int
    in_doubt: int
    """Of the failed, those that may have been charged."""
    shared: int
    """Of all that were asked for, those that somebody else pays: not paid again."""
    unreviewed: int
    accepted: int
    rejected: int
    published: int
    held: int
    spent: int
    is_prepared: bool
    """Whether all rows are there; until then `total` is the most that it may be."""
    waits_for: str
    """The code of what holds it, such as "budget_exhausted"; "" if nothing does."""
    waits_until: datetime | None

    @property
    def ended(self) -> int:
        """Those of which no more will come."""
        return self.total - self.waiting - self.running

    @property
    def is_finished(self) -> bool:
        """Whether nothing waits and nothing is in flight."""
        return not self.waiting and not self.running

    @property
    def retryable(self) -> int:
        """So many `retry` would take up again."""
        return self.failed - self.in_doubt + self.refused


def progress(batch: Batch) -> Progress:
    """The numbers of this moment, in four queries."""
    now = Batch.objects.defer("products").get(pk=batch.pk)
    counts = _counts(now)
    is_prepared = now.status in (Batch.Status.DRAFT, Batch.Status.CANCELED) or now.cursor >= now.product_count
    if now.status == Batch.Status.CANCELED:
        # Rows that were not written yet are dropped without ever having been.
        counts["dropped"] += now.total - now.written
    elif not is_prepared:
        counts["waiting"] += now.total - now.written
    money = dict(
        Attempt.objects.filter(request__batch=now)
        .order_by()
        .values_list("money")
        .annotate(total=Sum("amount"))
    )
    return Progress(
        **{name: counts[name] for name in COUNTED},
        total=now.total,
        published=now.renders.filter(PUBLISHED).count(),
        held=money.get(Money.HELD, 0),
        spent=money.get(Money.SPENT, 0),
        is_prepared=is_prepared,
        waits_for=now.waits_for,
        waits_until=now.waits_until,
    )


COUNTED = (
    *("waiting", "running", "completed", "failed", "refused", "canceled", "dropped"),
    *("in_doubt", "shared", "unreviewed", "accepted", "rejected"),
)


def _counts(batch: Batch) -> Counter[str]:
    groups = (
        batch.renders.order_by()
        .values_list("status", "request__state", "request__error_code", "request__batch", "review")
        .annotate(number=Count("pk"))
    )
    counts: Counter[str] = Counter()
    for status, state, code, payer, review, number in groups:
        for name in _names(status, state, code, review, is_shared=payer != batch.pk):
            counts[name] += number
    return counts


def _names(status: str, state: Any, code: str, review: str, *, is_shared: bool) -> list[str]:
    """What one render counts as."""
    if status != Status.ASKED:
        return [status]
    names = ["running" if state in ACTIVE else str(state or State.CANCELED)]
    if is_shared:
        names.append("shared")
    if state == State.FAILED and code == "outcome_unknown":
        names.append("in_doubt")
    if state == State.COMPLETED:
        names.append(review or "unreviewed")
    return names
