"""The counts that the list shows, for all batches of a page at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, Sum

from ...models import Attempt, Batch, BatchRender
from ...models.states import ACTIVE, Money


@dataclass
class BatchCounts:
    """The counts of one batch."""

    unfinished: int = 0
    """Rows that are waiting or running."""
    spent: int = 0
    """In micro-USD."""

    def remaining(self, batch: Batch) -> int:
        """How many renders are still to come, including those without a row yet."""
        is_open = batch.status in (Batch.Status.RUNNING, Batch.Status.PAUSED)
        return self.unfinished + (batch.total - batch.next_position if is_open else 0)


def counts_by_batch(batches: Iterable[int]) -> dict[int, BatchCounts]:
    """Return the counts of these batches by primary key, with two queries."""
    pks = list(batches)
    found: dict[int, BatchCounts] = defaultdict(BatchCounts)
    unfinished = Q(status=BatchRender.Status.WAITING) | Q(
        status=BatchRender.Status.REQUESTED, request__state__in=ACTIVE
    )
    rows = BatchRender.objects.filter(unfinished, batch__in=pks).order_by()
    for pk, number in rows.values_list("batch").annotate(number=Count("pk")):
        found[pk].unfinished = number
    spent = Attempt.objects.filter(request__batch__in=pks, money=Money.SPENT).order_by()
    for pk, total in spent.values_list("request__batch").annotate(total=Sum("amount")):
        found[pk].spent = total
    return found
