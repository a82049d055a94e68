"""Store the merchant's reviews. The review of a render cannot be changed while the render is published."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from ..models import Batch, BatchRender, Publication
from ..models.states import State

Review = BatchRender.Review

IS_PUBLISHED = Exists(
    Publication.objects.filter(image__request=OuterRef("request"), product=OuterRef("product"))
)
"""Whether at least one image of the render is published with the render's product."""

_CURRENT = BatchRender.objects.filter(
    product=OuterRef("product"),
    photo=OuterRef("photo"),
    is_outdated=False,
    request__state=State.COMPLETED,
    request__erased_at__isnull=True,
)
OUTDATED = Q(is_outdated=True, request__state=State.COMPLETED, request__erased_at__isnull=True) & (
    Q(IS_PUBLISHED) | (Q(photo__is_active=True) & ~Q(Exists(_CURRENT)))
)
"""Whether the render shows an earlier image of its product, and is in the shop or not replaced yet."""


def reviewable(batch: Batch) -> QuerySet[BatchRender]:
    """Return the renders that have images, in order."""
    return batch.renders.filter(request__state=State.COMPLETED, request__erased_at__isnull=True).order_by(
        "position"
    )


def accept(batch: Batch, renders: Iterable[int], *, user: Any = None) -> int:
    """Allow publishing the renders with these primary keys. Return the number of changed renders."""
    return _set_review(batch, renders, Review.ACCEPTED, user)


def reject(batch: Batch, renders: Iterable[int], *, user: Any = None) -> int:
    """Forbid publishing the renders with these primary keys. Return the number of changed renders."""
    return _set_review(batch, renders, Review.REJECTED, user)


def undo(batch: Batch, renders: Iterable[int], *, user: Any = None) -> int:
    """Remove the review of the renders with these primary keys. Return the number of changed renders."""
    return _set_review(batch, renders, Review.NONE, user)


def _set_review(batch: Batch, renders: Iterable[int], review: BatchRender.Review, user: Any) -> int:
    pks = list(reviewable(batch).filter(~IS_PUBLISHED, pk__in=list(renders)).values_list("pk", flat=True))
    changed = BatchRender.objects.filter(pk__in=pks).exclude(review=review)
    return changed.update(review=review, reviewed_by=user, reviewed_at=timezone.now(), problem="")
