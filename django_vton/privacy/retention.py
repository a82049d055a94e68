"""Delete expired photos, results and other rows, and files without a row. A schedule runs this."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from ..billing import quotas
from ..conf import config
from ..gateway import transcripts
from ..models import (
    Batch,
    BatchRender,
    Exchange,
    PersonPhoto,
    PhoneLink,
    PhotoAccess,
    ProductImage,
    Shopper,
    TryOnRequest,
)
from ..models.states import ACTIVE
from ..utils import clock, database
from . import orphaned_files, stored_files
from .erasure import erase_tryon, lock_shopper

MAX_ROWS = 10_000
"""The maximum number of rows of one kind that a run deletes."""

UNKEPT_PHOTO_RETENTION = timedelta(hours=1)
"""The time after which a photo is deleted if the shopper did not ask to keep it."""

ACCESS_LOG_RETENTION = timedelta(days=365)
"""How long accesses stay logged: complaints can come late, but the log is personal data of the staff."""

PRODUCT_IMAGE_RETENTION = timedelta(days=7)
"""The time after which a prepared product image is deleted if it is not used again."""


def photo_expires_at() -> datetime:
    """Return when a photo that is uploaded or used now expires."""
    return clock.now() + config.PHOTO_RETENTION


def purge(now: datetime | None = None, *, seconds: float | None = 30) -> dict[str, int]:
    """Delete expired data, oldest first. Return the number of rows and files by kind.

    Each deletion is its own transaction, so a run may be killed, be repeated, or overlap with another run.
    Stop after about `seconds`, or never if `seconds` is None. The default is below a task's timeout, and the
    next run continues.
    """
    now = now or clock.now()
    ends = math.inf if seconds is None else time.monotonic() + seconds
    kinds = {
        "photos": _purge_photos(now),
        "try_ons": _purge_tryons(now),
        "product_images": _purge_product_images(now),
        "quotas": iter([quotas.purge(now)]),
        "phone_links": _purge_phone_links(now),
        "guests": _purge_guests(now),
        "photo_accesses": _purge_access_log(now),
        "exchanges": _purge_exchanges(now),
        "drafts": _purge_drafts(now),
        "undeleted_files": stored_files.retry_deletions(),
        "files": orphaned_files.delete_orphaned_files(now),
    }
    return {kind: _sum_until(ends, deletions) for kind, deletions in kinds.items()}


def _sum_until(ends: float, deletions: Iterator[int]) -> int:
    total = 0
    for deleted in deletions:
        total += deleted
        if time.monotonic() >= ends:
            break
    return total


def _purge_photos(now: datetime) -> Iterator[int]:
    """Delete expired photos, and unkept ones after an hour, unless a running try-on uses the photo.

    The vendor can still download such a photo, and the try-on's deadline comes soon.
    """
    unused = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN).exclude(try_ons__state__in=ACTIVE)
    expired = unused.filter(
        Q(expires_at__lte=now) | Q(is_reusable=False, created_at__lt=now - UNKEPT_PHOTO_RETENTION)
    )
    for pk, shopper_pk in expired.order_by("created_at").values_list("pk", "shopper")[:MAX_ROWS]:
        with database.atomic():
            lock_shopper(shopper_pk)
            photo = expired.filter(pk=pk).first()
            if photo is not None:
                photo.delete()
        yield int(photo is not None)


def _purge_tryons(now: datetime) -> Iterator[int]:
    ended = TryOnRequest.objects.filter(erased_at__isnull=True).exclude(state__in=ACTIVE)
    expired = ended.filter(expires_at__lte=now).exclude(images__published_at__isnull=False)
    # The merchant paid for the renders of a batch, so they stay unless the merchant rejects them.
    expired = expired.exclude(
        batch_renders__in=BatchRender.objects.exclude(review=BatchRender.Review.REJECTED)
    )
    for pk in expired.order_by("expires_at").values_list("pk", flat=True)[:MAX_ROWS]:
        request = expired.filter(pk=pk).first()
        if request is not None:
            erase_tryon(request)
        yield int(request is not None)


def _purge_product_images(now: datetime) -> Iterator[int]:
    unused = ProductImage.objects.exclude(tryonrequest__state__in=ACTIVE)
    # `intake.product_images` locks a row that it reuses and sets `used_at`. `_delete_each` waits for that.
    return _delete_each(unused.filter(used_at__lt=now - PRODUCT_IMAGE_RETENTION).order_by("used_at"))


def _purge_phone_links(now: datetime) -> Iterator[int]:
    """Delete expired phone links, and the guest of a link if nothing else is stored about that guest."""
    expired = PhoneLink.objects.filter(expires_at__lte=now)
    empty = Shopper.objects.filter(user=None, try_ons=None, photos=None, consents=None, phone_links=None)
    for pk, shopper_pk in expired.order_by("expires_at").values_list("pk", "shopper")[:MAX_ROWS]:
        with database.atomic():
            # If the guest orders a try-on right now, `intake` waits for this lock or has stored the try-on.
            lock_shopper(shopper_pk)
            deleted, _by_model = expired.filter(pk=pk).delete()
            guest = empty.filter(pk=shopper_pk).first()
            if guest is not None:
                guest.delete()
        yield int(deleted > 0)


def _purge_guests(now: datetime) -> Iterator[int]:
    """Delete idle guests who have neither try-ons nor photos, and thereby their unneeded consents."""
    idle = Shopper.objects.filter(user=None, seen_at__lt=now - config.RESULT_RETENTION)
    empty = idle.exclude(try_ons__isnull=False).exclude(photos__isnull=False)
    return _delete_each(empty.order_by("seen_at"))


def _delete_each(rows: QuerySet[ProductImage] | QuerySet[Shopper]) -> Iterator[int]:
    """Delete rows one by one. Lock and re-check each row first, because it might have changed."""
    for pk in rows.values_list("pk", flat=True)[:MAX_ROWS]:
        with database.atomic():
            row = rows.select_for_update().filter(pk=pk).first()
            if row is not None:
                row.delete()
        yield int(row is not None)


def _purge_access_log(now: datetime) -> Iterator[int]:
    yield PhotoAccess.objects.filter(at__lt=now - ACCESS_LOG_RETENTION).delete()[0]


def _purge_exchanges(now: datetime) -> Iterator[int]:
    yield Exchange.objects.filter(at__lt=now - transcripts.RETENTION).delete()[0]


def _purge_drafts(now: datetime) -> Iterator[int]:
    """Delete old batches that were never started."""
    drafts = Batch.objects.filter(status=Batch.Status.DRAFT, created_at__lt=now - config.RESULT_RETENTION)
    yield drafts.delete()[0]
