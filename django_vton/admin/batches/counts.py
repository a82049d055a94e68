"""The few numbers that the list shows of each batch, for a whole page at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, Sum

from ...models import Attempt, Batch, BatchRender
from ...models.states import ACTIVE, Money


@dataclass
class Numbers:
    """Of one batch."""

    unended: int = 0
    """Rows that wait, or are being made."""
    spent: int = 0
    """In micro-USD."""

    def open(self, batch: Batch) -> int:
        """How many are still to come, those without a row yet among them."""
        is_fed = batch.status in (Batch.Status.RUNNING, Batch.Status.PAUSED)
        return self.unended + (batch.total - batch.written if is_fed else 0)


def numbers_of(batches: Iterable[int]) -> dict[int, Numbers]:
    """The numbers of these batches, by id, in two queries."""
    pks = list(batches)
    found: dict[int, Numbers] = defaultdict(Numbers)
    unended = Q(status=BatchRender.Status.WAITING) | Q(
        status=BatchRender.Status.ASKED, request__state__in=ACTIVE
    )
    rows = BatchRender.objects.filter(unended, batch__in=pks).order_by()
    for pk, number in rows.values_list("batch").annotate(number=Count("pk")):
        found[pk].unended = number
    paid = Attempt.objects.filter(request__batch__in=pks, money=Money.SPENT).order_by()
    for pk, total in paid.values_list("request__batch").annotate(total=Sum("amount")):
        found[pk].spent = total
    return found
