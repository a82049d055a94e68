"""Retention: photos, results and what else has expired are deleted on a schedule."""

from __future__ import annotations

import math
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ..billing import quotas
from ..conf import config
from ..models import Batch, BatchRender, PersonPhoto, PhoneLink, ProductImage, Shopper, TryOnRequest
from ..models.states import ACTIVE
from . import access_log, orphaned_files
from .erasure import erase, lock_shopper

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = 10_000
"""So much of each kind is looked for at once."""

IDLE_AFTER = timedelta(hours=1)
"""When a photo goes that nothing needs and nobody asked to keep."""

PRODUCT_PICTURE_IDLE = timedelta(days=7)


def purge(now: datetime | None = None, *, seconds: float | None = 30) -> dict[str, int]:
    """Delete what has had its time, the oldest first; counts by kind.

    Each row goes in a transaction of its own, so it may be killed, repeated, or run twice at once. It ends
    after so many `seconds`, below a task's timeout; what is left is for the next time. None: all of it.
    """
    now = now or timezone.now()
    ends = math.inf if seconds is None else time.monotonic() + seconds
    kinds = {
        "photos": _purge_photos(now),
        "try_ons": _purge_results(now),
        "product_images": _purge_product_pictures(now),
        "quotas": iter([quotas.purge(now)]),
        "phone_links": _purge_phone_links(now),
        "guests": _purge_guests(now),
        "looks": iter([access_log.purge(now)]),
        "drafts": _purge_drafts(now),
        "files": orphaned_files.sweep(now),
    }
    return {kind: _until(ends, steps) for kind, steps in kinds.items()}


def _until(ends: float, steps: Iterator[int]) -> int:
    done = 0
    for deleted in steps:
        done += deleted
        if time.monotonic() >= ends:
            break
    return done


def _purge_photos(now: datetime) -> Iterator[int]:
    """Expired ones, and ones that nobody asked to keep; never one that a running try-on needs."""
    # At the vendor the photo is still being fetched: the deadline ends that before long.
    idle = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN).exclude(try_ons__state__in=ACTIVE)
    over = idle.filter(Q(expires_at__lte=now) | Q(keep=False, created_at__lt=now - IDLE_AFTER))
    for pk, shopper_pk in over.order_by("created_at").values_list("pk", "shopper")[:MANY]:
        with transaction.atomic():
            lock_shopper(shopper_pk)
            photo = over.filter(pk=pk).first()
            if photo is not None:
                photo.delete()
        yield int(photo is not None)


def _purge_results(now: datetime) -> Iterator[int]:
    ended = TryOnRequest.objects.filter(erased_at__isnull=True).exclude(state__in=ACTIVE)
    over = ended.filter(expires_at__lte=now).exclude(images__published_at__isnull=False)
    # What a batch paid for stays while the merchant has not refused it.
    over = over.exclude(batch_renders__in=BatchRender.objects.exclude(review=BatchRender.Review.REJECTED))
    for pk in over.order_by("expires_at").values_list("pk", flat=True)[:MANY]:
        request = over.filter(pk=pk).first()
        if request is not None:
            erase(request)
        yield int(request is not None)


def _purge_product_pictures(now: datetime) -> Iterator[int]:
    unused = ProductImage.objects.exclude(tryonrequest__state__in=ACTIVE)
    over = unused.filter(used_at__lt=now - PRODUCT_PICTURE_IDLE)
    for pk in over.order_by("used_at").values_list("pk", flat=True)[:MANY]:
        with transaction.atomic():
            # `pictures.prepare` writes the time of use, and waits here or is seen here.
            picture = over.select_for_update().filter(pk=pk).first()
            if picture is not None:
                picture.delete()
        yield int(picture is not None)


def _purge_phone_links(now: datetime) -> Iterator[int]:
    """Delete expired phone links, each with its guest where nothing else was ever stored about them."""
    over = PhoneLink.objects.filter(expires_at__lte=now)
    empty = Shopper.objects.filter(user=None, try_ons=None, photos=None, consents=None, phone_links=None)
    for pk, owner in over.order_by("expires_at").values_list("pk", "shopper")[:MANY]:
        with transaction.atomic():
            # A try-on that is being accepted now either waits for this lock or is seen here.
            Shopper.objects.select_for_update().filter(pk=owner).first()
            deleted, _by_kind = over.filter(pk=pk).delete()
            guest = empty.filter(pk=owner).first()
            if guest is not None:
                guest.delete()
        yield int(deleted > 0)


def _purge_guests(now: datetime) -> Iterator[int]:
    """Guests of whom nothing is left but a consent to what is deleted."""
    over = Shopper.objects.filter(user=None, seen_at__lt=now - config.RESULT_RETENTION)
    over = over.exclude(try_ons__isnull=False).exclude(photos__isnull=False)
    for pk in over.order_by("seen_at").values_list("pk", flat=True)[:MANY]:
        with transaction.atomic():
            guest = over.select_for_update().filter(pk=pk).first()
            if guest is not None:
                guest.delete()
        yield int(guest is not None)


def _purge_drafts(now: datetime) -> Iterator[int]:
    """Batches that nobody ever let run."""
    drafts = Batch.objects.filter(status=Batch.Status.DRAFT, created_at__lt=now - config.RESULT_RETENTION)
    yield drafts.delete()[0]
