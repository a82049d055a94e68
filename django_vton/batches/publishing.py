"""Accepted renders go into the shop through its `TryOn.publish`, and come out again by the handle it gave.

The shop's call and our note of it are one transaction, with the picture's row locked. So two clicks publish
once, and where the shop's gallery is in the same database a crash leaves both or neither. Elsewhere (another
service) the crash between the call and the commit errs towards the shop: it shows the picture, we do not
know, and the next try publishes it once more, under the same file name, by which the shop can tell. The other order
would call a picture published that nobody sees.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.files import File
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import products
from ..exceptions import Refused
from ..models import Batch, BatchRender, TryOnImage
from .review import PUBLISHED, reviewable

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("django_vton.batches")


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
    waiting = reviewable(batch).filter(~PUBLISHED, review=BatchRender.Review.ACCEPTED, position__gt=after)
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
    """Publish the pictures of an accepted render; "" or the problem, in words. Repeating it changes nothing."""
    if not BatchRender.objects.filter(pk=render.pk, review=BatchRender.Review.ACCEPTED).exists():
        return _("Only accepted renders are published.")
    return _each_picture(render, _publish)


def unpublish(render: BatchRender) -> str:
    """Take its pictures out of the shop again; "" or the problem, in words. It stays accepted."""
    return _each_picture(render, _unpublish)


def _each_picture(render: BatchRender, work: Callable[[products.Described | None, TryOnImage], None]) -> str:
    problem = ""
    try:
        described = products.find(render.product)
    except Refused:
        described = None
    for image in TryOnImage.objects.filter(request=render.request_id):
        try:
            with transaction.atomic():
                locked = TryOnImage.objects.select_for_update().filter(pk=image.pk).first()
                if locked is not None:
                    work(described, locked)
        except Refused as refusal:
            problem = str(refusal.detail)
        except Exception as trouble:
            logger.exception("%s: the shop's own code failed with its picture %s", render.product, image.pk)
            problem = _("The shop's own code failed: %(error)s") % {"error": repr(trouble)[:300]}
    if problem != render.problem:
        BatchRender.objects.filter(pk=render.pk).update(problem=problem)
        render.problem = problem
    return problem


def _publish(described: products.Described | None, image: TryOnImage) -> None:
    if image.published_at is not None:
        return
    if described is None:
        raise Refused("product_unknown")
    name = f"try-on-{image.pk.hex}.{image.file.name.rpartition('.')[2]}"
    with image.file.open("rb") as stored:
        handle = described.tryon.publish(described.product, File(stored, name=name))
    _note(image, published_at=timezone.now(), publish_handle=handle)


def _unpublish(described: products.Described | None, image: TryOnImage) -> None:
    if image.published_at is None:
        return
    if described is not None:  # With the product its gallery is gone.
        described.tryon.unpublish(described.product, image.publish_handle)
    _note(image, published_at=None, publish_handle=None)


def _note(image: TryOnImage, **values: Any) -> None:
    TryOnImage.objects.filter(pk=image.pk).update(**values)
