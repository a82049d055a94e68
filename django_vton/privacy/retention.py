"""Delete expired photos, results and other rows, and files without a row. A schedule runs this."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, ParamSpec
from uuid import UUID

from django.db import DatabaseError
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
from .erasure import erase_tryon, erase_unshared, lock_shopper, lock_shoppers

logger = logging.getLogger(__name__)

P = ParamSpec("P")

MAX_ROWS = 10_000
"""The maximum number of rows of one kind that a run deletes."""

BATCH = 20
"""The number of photos or try-ons that one transaction deletes. It locks their shoppers, who might order."""

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

    Each transaction deletes few rows, so a run may be killed, be repeated, or overlap with another run. Rows
    that another transaction locks for long are left for the next run.
    Stop after about `seconds`, or never if `seconds` is None. The default is below a task's timeout, and the
    next run continues.
    """
    now = now or clock.now()
    ends = math.inf if seconds is None else time.monotonic() + seconds
    kinds = {
        "photos": _purge_photos(now),
        "try_ons": _purge_tryons(now),
        "product_images": _purge_product_images(now),
        "quotas": iter([_count(quotas.purge, now)]),
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
    for photos in _batches(expired.order_by("created_at").values_list("pk", "shopper")):
        yield _count(_delete_photos, expired, photos)


def _delete_photos(expired: QuerySet[PersonPhoto], photos: Sequence[tuple[UUID, int | None]]) -> int:
    with database.atomic():
        lock_shoppers(shopper for _pk, shopper in photos)
        _total, by_model = expired.filter(pk__in=[pk for pk, _shopper in photos]).delete()
    return by_model.get(PersonPhoto._meta.label, 0)


def _purge_tryons(now: datetime) -> Iterator[int]:
    ended = TryOnRequest.objects.filter(erased_at__isnull=True).exclude(state__in=ACTIVE)
    expired = ended.filter(expires_at__lte=now).exclude(images__published_at__isnull=False)
    # The merchant paid for the renders of a batch, so they stay unless the merchant rejects them.
    expired = expired.exclude(
        batch_renders__in=BatchRender.objects.exclude(review=BatchRender.Review.REJECTED)
    )
    for tryons in _batches(expired.order_by("expires_at").values_list("pk", "shopper")):
        yield _count(erase_unshared, expired, tryons)
        for request in expired.filter(pk__in=[pk for pk, _shopper in tryons]).order_by("expires_at"):
            yield _count(_erase, request)


def _erase(request: TryOnRequest) -> int:
    erase_tryon(request)
    return 1


def _batches(rows: Any) -> Iterator[Any]:
    found = list(rows[:MAX_ROWS])
    for start in range(0, len(found), BATCH):
        yield found[start : start + BATCH]


def _count(delete: Callable[P, int], *args: P.args, **kwargs: P.kwargs) -> int:
    """Delete rows, again after conflicts, and return their number. Return 0 if they remain locked."""
    try:
        return database.retry(delete)(*args, **kwargs)
    except DatabaseError as error:
        if not database.is_conflict(error):
            raise
        logger.warning("Some expired rows are locked. The next run deletes them.")
        return 0


def _purge_product_images(now: datetime) -> Iterator[int]:
    unused = ProductImage.objects.exclude(tryonrequest__state__in=ACTIVE)
    # `intake.product_images` locks a row that it reuses and sets `used_at`. `_delete_each` waits for that.
    return _delete_each(unused.filter(used_at__lt=now - PRODUCT_IMAGE_RETENTION).order_by("used_at"))


def _purge_phone_links(now: datetime) -> Iterator[int]:
    """Delete expired phone links, and the guest of a link if nothing else is stored about that guest."""
    expired = PhoneLink.objects.filter(expires_at__lte=now)
    empty = Shopper.objects.filter(user=None, try_ons=None, photos=None, consents=None, phone_links=None)

    def delete(pk: UUID, shopper_pk: int) -> int:
        with database.atomic():
            # If the guest orders a try-on right now, `intake` waits for this lock or has stored the try-on.
            lock_shopper(shopper_pk)
            deleted, _by_model = expired.filter(pk=pk).delete()
            guest = empty.filter(pk=shopper_pk).first()
            if guest is not None:
                guest.delete()
        return int(deleted > 0)

    for pk, shopper_pk in expired.order_by("expires_at").values_list("pk", "shopper")[:MAX_ROWS]:
        yield _count(delete, pk, shopper_pk)


def _purge_guests(now: datetime) -> Iterator[int]:
    """Delete idle guests who have neither try-ons nor photos, and thereby their unneeded consents."""
    idle = Shopper.objects.filter(user=None, seen_at__lt=now - config.RESULT_RETENTION)
    empty = idle.exclude(try_ons__isnull=False).exclude(photos__isnull=False)
    return _delete_each(empty.order_by("seen_at"))


def _delete_each(rows: QuerySet[ProductImage] | QuerySet[Shopper]) -> Iterator[int]:
    """Delete rows one by one. Lock and re-check each row first, because it might have changed."""

    def delete(pk: Any) -> int:
        with database.atomic():
            row = rows.select_for_update().filter(pk=pk).first()
            if row is not None:
                row.delete()
        return int(row is not None)

    for pk in rows.values_list("pk", flat=True)[:MAX_ROWS]:
        yield _count(delete, pk)


def _purge_access_log(now: datetime) -> Iterator[int]:
    old = PhotoAccess.objects.filter(at__lt=now - ACCESS_LOG_RETENTION)
    yield _count(lambda: old.delete()[0])


def _purge_exchanges(now: datetime) -> Iterator[int]:
    old = Exchange.objects.filter(at__lt=now - transcripts.RETENTION)
    yield _count(lambda: old.delete()[0])


def _purge_drafts(now: datetime) -> Iterator[int]:
    """Delete old batches that were never started."""
    drafts = Batch.objects.filter(status=Batch.Status.DRAFT, created_at__lt=now - config.RESULT_RETENTION)
    yield _count(lambda: drafts.delete()[0])
