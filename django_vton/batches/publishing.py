"""Accepted renders go into the shop through its `TryOn.publish`, and come out again by the handle it gave.

The shop's call and our note of it are one transaction, with the picture's row locked. So two clicks publish
once, and where the shop's gallery is in the same database a crash leaves both or neither. Elsewhere (another
service) a crash between the call and the commit errs towards the shop: it shows the picture, we do not know,
and the next try publishes it once more, under the same file name, by which the shop can tell. The other
order would call a picture published that nobody sees.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.core.files import File
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import products
from ..exceptions import Refused
from ..models import Batch, BatchRender, Publication, TryOnImage
from .review import reviewable

if TYPE_CHECKING:
    from collections.abc import Callable

SHOWN = Publication.objects.filter(image=OuterRef("pk"), product=OuterRef(OuterRef("product")))
HAS_MORE = Exists(TryOnImage.objects.filter(~Exists(SHOWN), request=OuterRef("request")))
"""Whether a picture of the render is not shown with its product."""

logger = logging.getLogger(__name__)


@dataclass
class Published:
    """What one call of `publish_accepted` did."""

    done: int = 0
    problems: list[BatchRender] = field(default_factory=list)
    """Each says why in its `problem`; they are still accepted."""
    last: int = -1
    """The position that it came to, for the next call's `after`."""
    is_all: bool = True
    """False where the time was over before the last one."""


def publish_accepted(batch: Batch, *, after: int = -1, seconds: float = 10) -> Published:
    """Publish what is accepted and not published yet, in order from behind `after`, for so many seconds."""
    outcome = Published(last=after)
    ends = time.monotonic() + seconds
    waiting = reviewable(batch).filter(HAS_MORE, review=BatchRender.Review.ACCEPTED, position__gt=after)
    for render in waiting.iterator(chunk_size=100):
        if time.monotonic() >= ends:
            outcome.is_all = False
            break
        if publish(render):
            outcome.problems.append(render)
        else:
            outcome.done += 1
        outcome.last = render.position
    return outcome


def publish(render: BatchRender) -> str:
    """Publish an accepted render's pictures, once; "" or the problem, in words."""
    if not BatchRender.objects.filter(pk=render.pk, review=BatchRender.Review.ACCEPTED).exists():
        return _("Only accepted renders are published.")
    return _each_picture(render, _publish)


def unpublish(render: BatchRender) -> str:
    """Take its pictures out of the shop again; "" or the problem, in words. It stays accepted."""
    return _each_picture(render, _unpublish)


def _each_picture(render: BatchRender, work: Callable[[str, TryOnImage], None]) -> str:
    problem = ""
    for pk in TryOnImage.objects.filter(request=render.request_id).values_list("pk", flat=True):
        try:
            with transaction.atomic():
                image = TryOnImage.objects.select_for_update().filter(pk=pk).first()
                if image is not None:
                    work(render.product, image)
        except Refused as refusal:
            problem = str(refusal.detail)
        except Exception as trouble:
            logger.exception("%s: the shop's own code failed with the picture %s", render.product, pk)
            problem = _("The shop's own code failed: %(error)s") % {"error": repr(trouble)[:300]}
    if problem != render.problem:
        BatchRender.objects.filter(pk=render.pk).update(problem=problem)
        render.problem = problem
    return problem


def _publish(ref: str, image: TryOnImage) -> None:
    if image.publications.filter(product=ref).exists():
        return
    described = products.find(ref)
    name = f"try-on-{image.pk.hex}.{str(image.file).rpartition('.')[2]}"
    with image.file.open("rb") as stored:
        handle = described.tryon.publish(described.product, File(stored, name=name))
    now = timezone.now()
    Publication.objects.create(
        image=image, product=ref, main_product=described.main_ref, handle=handle, published_at=now
    )
    TryOnImage.objects.filter(pk=image.pk, published_at=None).update(published_at=now)


def _unpublish(ref: str, image: TryOnImage) -> None:
    shown = image.publications.filter(product=ref).first()
    if shown is None:
        return
    with suppress(Refused):  # With the product its gallery is gone.
        described = products.find(ref)
        described.tryon.unpublish(described.product, shown.handle)
    shown.delete()
    if not image.publications.exists():
        TryOnImage.objects.filter(pk=image.pk).update(published_at=None)
