"""A merchant's word on each picture. What is published keeps its word until it is taken back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef
from django.utils import timezone

from ..models import Batch, BatchRender, Publication
from ..models.states import State

if TYPE_CHECKING:
    from django.db.models import QuerySet

Review = BatchRender.Review

PUBLISHED = Exists(
    Publication.objects.filter(image__request=OuterRef("request"), product=OuterRef("product"))
)
"""Whether a picture of the render is shown with its product."""


def reviewable(batch: Batch) -> QuerySet[BatchRender]:
    """Renders with pictures to look at, in order."""
    return batch.renders.filter(request__state=State.COMPLETED, request__erased_at__isnull=True).order_by(
        "position"
    )


def accept(batch: Batch, renders: Iterable[int], *, user: Any = None) -> int:
    """These (their ids) may be published; how many changed."""
    return _decide(batch, renders, Review.ACCEPTED, user)


def reject(batch: Batch, renders: Iterable[int], *, user: Any = None) -> int:
    """These may not; how many changed."""
    return _decide(batch, renders, Review.REJECTED, user)


def undo(batch: Batch, renders: Iterable[int], *, user: Any = None) -> int:
    """These are as if nobody had looked; how many changed."""
    return _decide(batch, renders, Review.NONE, user)


def _decide(batch: Batch, renders: Iterable[int], word: BatchRender.Review, user: Any) -> int:
    pks = list(reviewable(batch).filter(~PUBLISHED, pk__in=list(renders)).values_list("pk", flat=True))
    changed = BatchRender.objects.filter(pk__in=pks).exclude(review=word)
    return changed.update(review=word, reviewed_by=user, reviewed_at=timezone.now(), problem="")
