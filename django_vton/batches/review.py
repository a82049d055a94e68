"""Store the merchant's reviews. The review of a render cannot be changed while the render is published.

No further try-on shares a rejected render, so the next one is paid and gives another picture. With
`REVIEW_BY_TWO`, `reviewed_by` accepts a render first, and another user, `confirmed_by`, second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from .. import lifecycle
from ..conf import config
from ..models import Batch, BatchRender, Publication, TryOnImage, TryOnRequest
from ..models.states import State
from ..utils import clock, database

Review = BatchRender.Review
RejectionReason = BatchRender.RejectionReason

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
_SHOWS_EARLIER_IMAGE = Q(is_outdated=True, request__state=State.COMPLETED, request__erased_at__isnull=True)
_IS_NOT_REPLACED = Q(photo__is_active=True) & ~Q(Exists(_CURRENT))

HAS_UNCHANGED_IMAGE = Exists(
    TryOnImage.objects.filter(request=OuterRef("request"), flaw=TryOnImage.Flaw.UNCHANGED)
)
"""Whether at least one image of the render probably is the photo, so that a person has to look at it."""

OUTDATED = _SHOWS_EARLIER_IMAGE & (Q(IS_PUBLISHED) | _IS_NOT_REPLACED)
"""Whether the render shows an earlier image of its product, and is in the shop or not replaced yet."""


def outdated_products() -> set[str]:
    """Return all products with outdated renders.

    There are two queries, since PostgreSQL plans one with either of two subqueries badly.
    """
    renders = BatchRender.objects.filter(_SHOWS_EARLIER_IMAGE).order_by().values_list("product", flat=True)
    return {*renders.filter(IS_PUBLISHED), *renders.filter(_IS_NOT_REPLACED)}


def reviewable(batch: Batch) -> QuerySet[BatchRender]:
    """Return the renders that have images, in order."""
    return batch.renders.filter(request__state=State.COMPLETED, request__erased_at__isnull=True).order_by(
        "position"
    )


UNCONFIRMED = Q(~IS_PUBLISHED, review=Review.ACCEPTED, confirmed_at=None)
"""Whether one user has accepted the render, which is not published. It matters only with `REVIEW_BY_TWO`."""


def may_be_published() -> Q:
    """Select the renders that were accepted by as many users as the settings require."""
    accepted = Q(review=Review.ACCEPTED)
    return accepted & Q(confirmed_at__isnull=False) if config.REVIEW_BY_TWO else accepted


def accept(batch: Batch, renders: Iterable[int], *, user: Any = None) -> int:
    """Allow publishing the renders with these primary keys. Return the number of changed renders.

    With `REVIEW_BY_TWO`, that takes a call for each of two users.
    """
    rows = _changeable(batch, renders)
    return _accept(rows, rows.exclude(review=Review.ACCEPTED), user)


def accept_undecided(batch: Batch, renders: Iterable[int], *, user: Any = None) -> int:
    """Like `accept`, but leave out rejected renders, and unchanged photos, which a person has to look at."""
    rows = _changeable(batch, renders).exclude(HAS_UNCHANGED_IMAGE)
    return _accept(rows, rows.filter(review=Review.NONE), user)


@database.retry
def _accept(rows: QuerySet[BatchRender], undecided: QuerySet[BatchRender], user: Any) -> int:
    with database.atomic():
        if not config.REVIEW_BY_TWO or user is None:
            changed = _set_review(undecided, Review.ACCEPTED, user)
        else:
            unconfirmed = rows.filter(review=Review.ACCEPTED, confirmed_at=None)
            # If the first user is unknown or deleted, that may be the same person, so this user is the first.
            changed = _set_review(undecided | unconfirmed.filter(reviewed_by=None), Review.ACCEPTED, user)
            by_another = unconfirmed.exclude(reviewed_by=None).exclude(reviewed_by=user)
            changed += by_another.update(confirmed_by=user, confirmed_at=clock.now(), problem="")
        _share_again(rows)
    return changed


def reject(
    batch: Batch, renders: Iterable[int], *, reason: str = RejectionReason.OTHER, user: Any = None
) -> int:
    """Forbid publishing the renders with these primary keys. Return the number of changed renders.

    `reason` is one of `BatchRender.RejectionReason`.
    """
    return _reject(_changeable(batch, renders), RejectionReason(reason), user)


@database.retry
def _reject(rows: QuerySet[BatchRender], reason: RejectionReason, user: Any) -> int:
    others = rows.exclude(review=Review.REJECTED, rejection_reason=reason)
    with database.atomic():
        changed = _set_review(others, Review.REJECTED, user, reason)
        lifecycle.stop_sharing(TryOnRequest.objects.filter(batch_renders__in=rows))
    return changed


def undo(batch: Batch, renders: Iterable[int], *, user: Any = None) -> int:
    """Remove the review of the renders with these primary keys. Return the number of changed renders."""
    return _undo(_changeable(batch, renders), user)


@database.retry
def _undo(rows: QuerySet[BatchRender], user: Any) -> int:
    with database.atomic():
        changed = _set_review(rows.exclude(review=Review.NONE), Review.NONE, user)
        _share_again(rows)
    return changed


def _changeable(batch: Batch, renders: Iterable[int]) -> QuerySet[BatchRender]:
    pks = list(reviewable(batch).filter(~IS_PUBLISHED, pk__in=list(renders)).values_list("pk", flat=True))
    return BatchRender.objects.filter(pk__in=pks)


def _share_again(rows: QuerySet[BatchRender]) -> None:
    """Share the renders that were rejected before, and are not rejected for another product."""
    renders = TryOnRequest.objects.filter(batch_renders__in=rows, shared_key=None, state=State.COMPLETED)
    for render in renders.exclude(batch_renders__review=Review.REJECTED).distinct():
        lifecycle.share(render)


def _set_review(rows: QuerySet[BatchRender], review: str, user: Any, reason: str = "") -> int:
    """Change rows in one statement, which checks that nobody else has decided in the meantime."""
    return rows.update(
        review=review,
        rejection_reason=reason,
        reviewed_by=user,
        reviewed_at=clock.now(),
        confirmed_by=None,
        confirmed_at=None,
        problem="",
    )
