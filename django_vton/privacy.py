"""People's pictures: consent, retention on a clock, erasure and export on demand.

Files follow their rows: once a row's deletion is committed its file goes. A file that a crash left
behind is found by the sweep.
"""

from __future__ import annotations

import hashlib
import math
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from . import lifecycle, looks, orphans, phone, quotas
from .conf import config
from .models import (
    Batch,
    BatchRender,
    Consent,
    PersonPhoto,
    ProductPicture,
    Quota,
    Shopper,
    TryOnEvent,
    TryOnImage,
    TryOnRequest,
)
from .states import ACTIVE, State
from .storage import delete_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Model

MANY = 10_000
"""So much of each kind is looked for at once."""

IDLE_AFTER = timedelta(hours=1)
"""When a photo goes that nothing needs and nobody asked to keep."""

PRODUCT_PICTURE_IDLE = timedelta(days=7)


# Consent --------------------------------------------------------------------------------------------


def has_consented(shopper: Shopper | None) -> bool:
    """Whether this shopper agreed to the present version and did not take it back."""
    if shopper is None:
        return False
    return shopper.consents.filter(version=config.CONSENT_VERSION, withdrawn_at__isnull=True).exists()


def record_consent(shopper: Shopper, locale: str) -> None:
    """Keep the agreement: which words, which version, when, in which language."""
    text = str(config.CONSENT_TEXT)
    Consent.objects.create(
        shopper=shopper,
        version=config.CONSENT_VERSION,
        text_hash=hashlib.sha256(text.encode()).hexdigest(),
        locale=locale,
    )


def withdraw_consent(shopper: Shopper) -> None:
    """As easy as giving it: photos go, what runs with them ends, and the next try-on asks again."""
    with transaction.atomic():
        _lock(shopper.pk)
        shopper.consents.filter(withdrawn_at__isnull=True).update(withdrawn_at=timezone.now())
        for photo in shopper.photos.all():
            delete_photo(photo)


# Erasing --------------------------------------------------------------------------------------------


def _lock(shopper_pk: int | None) -> None:
    """A shopper's photos and try-ons come and go one by one: `intake` waits here as well."""
    if shopper_pk is not None:
        Shopper.objects.select_for_update().filter(pk=shopper_pk).first()


def delete_photo(photo: PersonPhoto) -> None:
    """Erase an own photo. Where a running try-on still needs it, the try-on ends first."""
    with transaction.atomic():
        _lock(photo.shopper_id)
        for request in photo.try_ons.filter(state__in=ACTIVE):
            lifecycle.cancel(request)
        photo.delete()


def erase(request: TryOnRequest) -> None:
    """Cancel and leave a tombstone: no owner, photo, images or addresses; attempts and money stay."""
    with transaction.atomic():
        _lock(request.shopper_id)
        lifecycle.cancel(request)
        request = TryOnRequest.objects.select_for_update().get(pk=request.pk)
        if request.erased_at is not None:
            return
        _forget_who(request)
        _hand_over_images(request)
        for image in request.images.all():
            image.delete()
        photo = request.photo
        TryOnRequest.objects.filter(pk=request.pk).update(**_TOMBSTONE, erased_at=timezone.now())
        request.phone_links.clear()
        # An order would lead to its owner again.
        request.conversions.update(reference=None, order="")
        TryOnEvent.objects.create(request=request, name="erased", to_state=request.state)
        if photo is not None and not photo.is_house and not photo.keep and not photo.try_ons.exists():
            photo.delete()


_TOMBSTONE: dict[str, Any] = {
    "shopper": None,
    "photo": None,
    "source": None,
    "result_urls": [],
    "cache_key": "",
    "shared_key": None,
    "idempotency_key": None,
    "idempotency_digest": "",
    # The same counters would tell which try-ons were one shopper's, and from which address.
    "counted_in": [],
    "counted_pictures": 0,
    "feedback": "",
    "feedback_reason": "",
}
"""What an erased try-on no longer says."""


def _forget_who(request: TryOnRequest) -> None:
    """Its history says what happened, and no longer to whom: staff are still named, its owner is not."""
    owner = request.shopper
    if owner is None:
        return
    if owner.user_id is not None:
        request.events.filter(actor=owner.user_id).update(actor=None)
    # Which render it shared, and who of the same owner's shared this one.
    accepted = TryOnEvent.objects.filter(name="accepted")
    accepted.filter(request=request).update(detail={})
    accepted.filter(request__source=request).update(detail={})


def _hand_over_images(request: TryOnRequest) -> None:
    """Try-ons that share these images keep them: the first becomes their owner."""
    if not request.images.exists():
        return
    heir = request.followers.filter(state=State.COMPLETED).order_by("created_at").first()
    if heir is None:
        # The source has just ended; its followers are finished in the next batch.
        heir = request.followers.filter(state=State.QUEUED).order_by("created_at").first()
        if heir is None:
            return
        lifecycle.follow(heir, request)
    request.images.update(request=heir)
    TryOnRequest.objects.filter(pk=heir.pk).update(source=None, cache_key=request.cache_key)
    request.followers.exclude(pk=heir.pk).update(source=heir)


def erase_shopper(shopper: Shopper) -> None:
    """Erase all of a shopper's try-ons, photos and consents, and the shopper. The money's rows stay."""
    with transaction.atomic():
        _lock(shopper.pk)
        shopper.delete()  # `shopper_is_deleted` goes ahead of it.


def export(shopper: Shopper | None) -> dict[str, Any]:
    """All that is stored about a shopper, as plain data; pictures by their ids, moments in ISO 8601."""
    if shopper is None:
        lists = ("try_ons", "photos", "consents", "quotas", "phone_links", "looks")
        return {"shopper": None} | {name: [] for name in lists}
    consents = shopper.consents.order_by("given_at")
    photos = shopper.photos.order_by("created_at")
    results = TryOnImage.objects.filter(request__shopper=shopper)
    return {
        "shopper": _plain(shopper, "created_at", "seen_at"),
        "try_ons": [
            _export_tryon(request)
            for request in shopper.try_ons.with_parts().prefetch_related("conversions").order_by("created_at")
        ],
        "photos": [
            _plain(photo, "created_at", "expires_at", "width", "height")
            | {"id": str(photo.pk), "kept": photo.keep}
            for photo in photos
        ],
        "consents": [_plain(consent, *CONSENT_FIELDS) for consent in consents],
        "quotas": quotas.used_by(shopper),
        "phone_links": phone.links_of(shopper),
        "looks": looks.at([row.pk for row in (*photos, *results)]),
    }


CONSENT_FIELDS = ("version", "text_hash", "locale", "purpose", "recipient", "given_at", "withdrawn_at")
TRYON_FIELDS = (
    *("product", "product_title", "product_url", "engine", "options", "state", "error_code"),
    *("feedback", "feedback_reason", "created_at", "started_at", "finished_at", "expires_at"),
)


def _export_tryon(request: TryOnRequest) -> dict[str, Any]:
    return _plain(request, *TRYON_FIELDS) | {
        "id": str(request.pk),
        "photo": str(request.photo_id) if request.photo_id else None,
        "images": [str(image.pk) for image in request.pictures],
        "conversions": [_plain(row, "kind", "reference", "order", "at") for row in request.conversions.all()],
    }


def _plain(row: Model, *names: str) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()
    }


# Retention ------------------------------------------------------------------------------------------


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
        "product_pictures": _purge_product_pictures(now),
        "quotas": iter([quotas.purge(now)]),
        "phone_links": phone.purge(now),
        "guests": _purge_guests(now),
        "looks": iter([looks.purge(now)]),
        "drafts": _purge_drafts(now),
        "files": orphans.sweep(now),
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
            _lock(shopper_pk)
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
    unused = ProductPicture.objects.exclude(tryonrequest__state__in=ACTIVE)
    over = unused.filter(used_at__lt=now - PRODUCT_PICTURE_IDLE)
    for pk in over.order_by("used_at").values_list("pk", flat=True)[:MANY]:
        with transaction.atomic():
            # `pictures.prepare` writes the time of use, and waits here or is seen here.
            picture = over.select_for_update().filter(pk=pk).first()
            if picture is not None:
                picture.delete()
        yield int(picture is not None)


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


# Receivers, connected in apps.py --------------------------------------------------------------------


def files_follow_row(*, instance: Any, using: str, **_kwargs: Any) -> None:
    """After a row with files is deleted and committed, its files go as well; else the sweep finds them."""

    def delete_files() -> None:
        for stored in (instance.file, getattr(instance, "thumbnail", None)):
            if stored:
                delete_file(stored)

    transaction.on_commit(delete_files, using=using, robust=True)


def shopper_is_deleted(*, instance: Shopper, **_kwargs: Any) -> None:
    """Whatever deletes a shopper, its user's deletion for instance: nothing that is theirs stays behind."""
    for request in instance.try_ons.all():
        erase(request)
    for photo in instance.photos.all():
        delete_photo(photo)
    if instance.user is not None and not getattr(instance.user, "is_staff", False):
        # Of a try-on that they stopped for somebody else, on their own phone.
        TryOnEvent.objects.filter(actor=instance.user, name="canceled").update(actor=None)
    counted = [f"{kind}:{instance.pk}" for kind in ("shopper", "shared:shopper", "phone")]
    Quota.objects.filter(key__in=counted).delete()
