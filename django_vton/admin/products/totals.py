"""Totals of products: try-ons, renders, costs, feedback and conversions, of all time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import BigIntegerField, Count, Q, QuerySet, Sum
from django.db.models.functions import Cast

from ...batches.review import OUTDATED
from ...intake.feedback import DISLIKE, LIKE
from ...models import Attempt, BatchRender, Conversion, TryOnRequest
from ...models.states import Money, State
from ...monitoring.reports import BY_SHOPPERS

_TRY_ONS = TryOnRequest.objects.filter(BY_SHOPPERS)
_PRESENT = BatchRender.objects.filter(
    is_outdated=False,
    request__state=State.COMPLETED,
    request__erased_at__isnull=True,
    request__shopper=None,  # This is always so, and lets the database ignore the try-ons of shoppers.
)
_IS_REJECTED = Q(review=BatchRender.Review.REJECTED)
_ADDED = Conversion.objects.filter(kind=Conversion.Kind.ADDED)
_BOUGHT = Conversion.objects.filter(kind=Conversion.Kind.PURCHASED)
_REQUESTS = Count("request", distinct=True)
_AMOUNT = Cast(Sum("amount"), BigIntegerField())  # PostgreSQL's sum is a decimal, which is slow to read.

TOTALS: dict[str, tuple[QuerySet[Any], str, Any]] = {
    "try_ons": (_TRY_ONS, "product", Count("pk")),
    "likes": (_TRY_ONS.filter(feedback=LIKE), "product", Count("pk")),
    "dislikes": (_TRY_ONS.filter(feedback=DISLIKE), "product", Count("pk")),
    "current": (_PRESENT.exclude(_IS_REJECTED), "product", _REQUESTS),
    "rejected": (_PRESENT.filter(_IS_REJECTED), "product", _REQUESTS),
    "outdated": (BatchRender.objects.filter(OUTDATED), "product", _REQUESTS),
    "cost": (Attempt.objects.filter(money=Money.SPENT), "request__product", _AMOUNT),
    "added": (_ADDED, "request__product", _REQUESTS),
    "bought": (_BOUGHT, "request__product", _REQUESTS),
}
"""The rows, the path to the product, and what is counted or summed. The cost is in micro-USD."""


def totals_by_product(name: str, refs: Sequence[str] | None = None) -> dict[str, int]:
    """Return a total by product, without zeros, of all products or of those with these references."""
    rows, path, number = TOTALS[name]
    if refs is not None:
        rows = rows.filter(**{f"{path}__in": refs})
    return dict(rows.order_by().values_list(path).annotate(number=number))
