"""Publish accepted renders through the shop's `TryOn.publish`, and unpublish them by the returned handle.

The shop's code is called and our `Publication` row is stored in one transaction, which locks the image's row,
so two clicks publish an image once. If the shop's gallery is not in the same database, a crash before the
commit leaves a published image without our row. The next attempt publishes it again under the same file name.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.core.files.base import ContentFile
from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _

from .. import marks, products
from ..exceptions import Refused
from ..models import Batch, BatchRender, Publication, TryOnImage
from ..utils import clock, database
from .review import HAS_UNCHANGED_IMAGE, may_be_published, reviewable

_PUBLICATION = Publication.objects.filter(image=OuterRef("pk"), product=OuterRef(OuterRef("product")))
HAS_UNPUBLISHED_IMAGE = Exists(TryOnImage.objects.filter(~Exists(_PUBLICATION), request=OuterRef("request")))
"""Whether at least one image of the render is not published with the render's product."""

logger = logging.getLogger(__name__)

ImageFunction = Callable[[str, TryOnImage], None]


@dataclass
class PublishResult:
    """The result of one call of `publish_accepted`."""

    published: int = 0
    failed: list[BatchRender] = field(default_factory=list)
    """The renders that could not be published. They stay accepted, and `problem` gives the reason."""
    last_position: int = -1
    """The position of the last render, for the next call's `after`."""
    is_complete: bool = True
    """Whether all renders were handled in time."""


def publish_accepted(batch: Batch, *, after: int = -1, seconds: float = 10) -> PublishResult:
    """Publish accepted renders in order, from the position after `after`, for at most `seconds`.

    Leave out renders of an earlier product image and unchanged photos, which `publish` publishes one by one.
    """
    result = PublishResult(last_position=after)
    deadline = time.monotonic() + seconds
    for render in publishable(batch).filter(position__gt=after).iterator(chunk_size=100):
        if time.monotonic() >= deadline:
            result.is_complete = False
            break
        if publish(render):
            result.failed.append(render)
        else:
            result.published += 1
        result.last_position = render.position
    return result


def publishable(batch: Batch) -> QuerySet[BatchRender]:
    """Return the renders that `publish_accepted` publishes."""
    return reviewable(batch).filter(
        may_be_published(), HAS_UNPUBLISHED_IMAGE, ~HAS_UNCHANGED_IMAGE, is_outdated=False
    )


def publish(render: BatchRender) -> str:
    """Publish the unpublished images of an accepted render. Return "" or the problem as text."""
    rows = BatchRender.objects.filter(pk=render.pk)
    if not rows.filter(may_be_published()).exists():
        if rows.filter(review=BatchRender.Review.ACCEPTED).exists():
            return _("A second staff member has to accept it before it is published.")
        return _("Only accepted renders are published.")
    return _for_each_image(render, _publish_image)


def unpublish(render: BatchRender) -> str:
    """Remove the images from the shop. The render stays accepted. Return "" or the problem as text."""
    return _for_each_image(render, _unpublish_image)


def unpublish_all(publications: QuerySet[Publication], *, seconds: float) -> tuple[int, str]:
    """Remove these images from the shop, for at most `seconds`.

    Return the number of removed images, and the last problem as text, or "".
    """
    deadline = time.monotonic() + seconds
    removed, last_problem = 0, ""
    for product, image in list(publications.order_by("pk").values_list("product", "image")):
        if time.monotonic() >= deadline:
            break
        if problem := _change_image(_unpublish_image, product, image):
            last_problem = problem
        else:
            removed += 1
    return removed, last_problem


def _for_each_image(render: BatchRender, function: ImageFunction) -> str:
    problem = ""
    for pk in TryOnImage.objects.filter(request=render.request_id).values_list("pk", flat=True):
        problem = _change_image(function, render.product, pk) or problem
    if problem != render.problem:
        database.retry(BatchRender.objects.filter(pk=render.pk).update)(problem=problem)
        render.problem = problem
    return problem


def _change_image(function: ImageFunction, ref: str, pk: Any) -> str:
    """Call the function for a locked image. Return "" or the problem as text."""
    try:
        _call_locked(function, ref, pk)
    except _CallFailed as failure:
        error = failure.error
    except Exception as database_error:  # noqa: BLE001 - the shop's database may raise anything at the commit
        if database.is_conflict(database_error):
            return _("The same data was being changed elsewhere. Please try again.")
        error = database_error
    else:
        return ""
    if isinstance(error, Refused):
        return str(error.detail)
    logger.error("The shop's own code failed for the image %s of %s", pk, ref, exc_info=error)
    return _("The shop's own code failed: %(error)s") % {"error": repr(error)[:300]}


class _CallFailed(Exception):  # noqa: N818 - it says what happened
    """The shop's code was called. This is no conflict, whatever its `error` is, so it is not called again."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


@database.retry
def _call_locked(function: ImageFunction, ref: str, pk: Any) -> None:
    """Lock the image, again after conflicts, and call the function once.

    The shop's code may write files and call other services, which no rollback undoes.
    """
    with database.atomic():
        image = TryOnImage.objects.select_for_update().filter(pk=pk).first()
        if image is None:
            return
        try:
            function(ref, image)
        except Exception as error:  # noqa: BLE001 - the shop's code may raise anything
            raise _CallFailed(error) from None


def _publish_image(ref: str, image: TryOnImage) -> None:
    if image.publications.filter(product=ref).exists():
        return
    described = products.find(ref)
    name = f"try-on-{image.pk.hex}.{str(image.file).rpartition('.')[2]}"
    with image.file.open("rb") as stored:
        marked = ContentFile(marks.mark_image(stored.read()), name=name)
    handle = described.tryon.publish(described.product, marked)
    now = clock.now()
    Publication.objects.create(
        image=image, product=ref, main_product=described.main_ref, handle=handle, published_at=now
    )
    TryOnImage.objects.filter(pk=image.pk, published_at=None).update(published_at=now)


def _unpublish_image(ref: str, image: TryOnImage) -> None:
    publication = image.publications.filter(product=ref).first()
    if publication is None:
        return
    with suppress(Refused):  # The product, and so its gallery, may be deleted.
        described = products.find(ref)
        described.tryon.unpublish(described.product, publication.handle)
    publication.delete()
    if not image.publications.exists():
        TryOnImage.objects.filter(pk=image.pk).update(published_at=None)
