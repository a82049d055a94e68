"""People's pictures: consent, retention on a clock, erasure and export on demand.

Files follow their rows: once a row's deletion is committed its file goes. A file that a crash left
behind is found by the sweep.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from . import lifecycle
from .conf import config
from .models import Consent, PersonPhoto, ProductPicture, Shopper, TryOnEvent, TryOnImage, TryOnRequest
from .states import ACTIVE
from .storage import FOLDERS, private_storage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.core.files.storage import Storage

BATCH = 200
ORPHAN_AGE = timedelta(hours=1)
"""A file without a row may be a render being stored just now; an hour later it is left over."""

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
    """As easy as giving it: kept photos go with it, and the next try-on asks again."""
    shopper.consents.filter(withdrawn_at__isnull=True).update(withdrawn_at=timezone.now())
    for photo in shopper.photos.all():
        delete_photo(photo)


# Erasing --------------------------------------------------------------------------------------------


def delete_photo(photo: PersonPhoto) -> None:
    """Erase an own photo. Where a running try-on still needs it, the try-on ends first."""
    with transaction.atomic():
        for request in photo.try_ons.filter(state__in=ACTIVE):
            lifecycle.cancel(request)
        photo.delete()


def erase(request: TryOnRequest) -> None:
    """Cancel and leave a tombstone: no owner, photo, images or addresses; attempts and money stay."""
    with transaction.atomic():
        lifecycle.cancel(request)
        request = TryOnRequest.objects.select_for_update().get(pk=request.pk)
        _hand_over_images(request)
        for image in request.images.all():
            image.delete()
        photo = request.photo
        TryOnRequest.objects.filter(pk=request.pk).update(
            shopper=None,
            photo=None,
            source=None,
            result_urls=[],
            cache_key="",
            shared_key=None,
            idempotency_key=None,
            idempotency_digest="",
            feedback="",
            erased_at=timezone.now(),
        )
        TryOnEvent.objects.create(request=request, name="erased", to_state=request.state)
        if photo is not None and not photo.is_house and not photo.keep and not photo.try_ons.exists():
            photo.delete()


def _hand_over_images(request: TryOnRequest) -> None:
    """Try-ons that share these images keep them: the first becomes their owner."""
    heirs = list(request.followers.exclude(state__in=ACTIVE).order_by("created_at"))
    if not heirs or not request.images.exists():
        return
    heir = heirs[0]
    request.images.update(request=heir)
    TryOnRequest.objects.filter(pk=heir.pk).update(source=None, cache_key=request.cache_key)
    request.followers.exclude(pk=heir.pk).update(source=heir)


def erase_shopper(shopper: Shopper) -> None:
    """Erase all of a shopper's try-ons, photos and consents, and the shopper. Money and quotas stay."""
    for request in shopper.try_ons.all():
        erase(request)
    for photo in shopper.photos.all():
        delete_photo(photo)
    shopper.delete()


def export(shopper: Shopper | None) -> dict[str, Any]:
    """All that is stored about a shopper, as plain data; pictures by their ids."""
    if shopper is None:
        return {"try_ons": [], "photos": [], "consents": []}
    return {
        "try_ons": [
            {
                "id": str(request.pk),
                "product": request.product,
                "engine": request.engine,
                "options": request.options,
                "state": request.state,
                "feedback": request.feedback or None,
                "created_at": request.created_at.isoformat(),
                "images": [str(image.pk) for image in request.pictures],
            }
            for request in shopper.try_ons.with_parts().order_by("created_at")
        ],
        "photos": [
            {"id": str(photo.pk), "created_at": photo.created_at.isoformat(), "kept": photo.keep}
            for photo in shopper.photos.order_by("created_at")
        ],
        "consents": list(
            shopper.consents.order_by("given_at").values(
                "version", "locale", "purpose", "recipient", "given_at", "withdrawn_at"
            )
        ),
    }


# Retention ------------------------------------------------------------------------------------------


def purge(now: datetime | None = None) -> dict[str, int]:
    """Delete what has had its time, in batches; safe to run twice, or twice at once. Counts by kind."""
    now = now or timezone.now()
    return {
        "photos": sum(_purge_photos(now)),
        "try_ons": sum(_purge_results(now)),
        "product_pictures": sum(_purge_product_pictures(now)),
        "files": sweep(now),
    }


def _purge_photos(now: datetime) -> Iterator[int]:
    """Expired ones, and ones that no running try-on needs and that nobody asked to keep."""
    own = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN)
    idle = Q(keep=False) & ~Q(try_ons__state__in=ACTIVE) & Q(created_at__lt=now - ORPHAN_AGE)
    for photo in own.filter(Q(expires_at__lte=now) | idle).distinct()[:BATCH]:
        # At the vendor the photo is still being fetched: the deadline ends that before long.
        if not photo.try_ons.filter(state__in=ACTIVE).exists():
            photo.delete()
            yield 1


def _purge_results(now: datetime) -> Iterator[int]:
    expired = TryOnRequest.objects.filter(expires_at__lte=now, erased_at__isnull=True)
    for request in expired.exclude(state__in=ACTIVE).order_by("expires_at")[:BATCH]:
        if not request.images.filter(published_at__isnull=False).exists():
            erase(request)
            yield 1


def _purge_product_pictures(now: datetime) -> Iterator[int]:
    unused = ProductPicture.objects.filter(used_at__lt=now - PRODUCT_PICTURE_IDLE)
    for picture in unused.exclude(tryonrequest__state__in=ACTIVE).distinct()[:BATCH]:
        picture.delete()
        yield 1


def sweep(now: datetime | None = None) -> int:
    """Delete files older than an hour that no row knows: a crash came between file and row."""
    storage = private_storage()
    old = (now or timezone.now()) - ORPHAN_AGE
    deleted = 0
    for name in _files(storage):
        if storage.get_modified_time(name) < old and not _is_known(name):
            storage.delete(name)
            deleted += 1
    return deleted


def _files(storage: Storage) -> Iterator[str]:
    for folder in FOLDERS:
        top = f"vton/{folder}"
        if not storage.exists(top):
            continue
        for part in storage.listdir(top)[0]:
            for name in storage.listdir(f"{top}/{part}")[1]:
                yield f"{top}/{part}/{name}"


def _is_known(name: str) -> bool:
    either = Q(file=name) | Q(thumbnail=name)
    return (
        TryOnImage.objects.filter(either).exists()
        or PersonPhoto.objects.filter(either).exists()
        or ProductPicture.objects.filter(file=name).exists()
    )


# Receivers, connected in apps.py --------------------------------------------------------------------


def files_follow_row(*, instance: Any, **_kwargs: Any) -> None:
    """After a row with files is deleted and committed, its files go as well."""
    for stored in (instance.file, getattr(instance, "thumbnail", None)):
        if stored:
            transaction.on_commit(partial(stored.storage.delete, stored.name))


def user_is_deleted(*, instance: Any, **_kwargs: Any) -> None:
    """A user's try-ons go with the user."""
    for shopper in Shopper.objects.filter(user_id=instance.pk):
        erase_shopper(shopper)
