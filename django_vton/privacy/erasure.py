"""Erasure on demand: a photo, a try-on, or everything of one shopper.

Files are deleted once the deletion of their row is committed; `orphaned_files` finds what a crash left behind.
"""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone

from .. import lifecycle
from ..models import PersonPhoto, Quota, Shopper, TryOnEvent, TryOnRequest
from ..models.states import ACTIVE, State
from ..storage import delete_file


def lock_shopper(shopper_pk: int | None) -> None:
    """A shopper's photos and try-ons come and go one by one: `intake` waits here as well."""
    if shopper_pk is not None:
        Shopper.objects.select_for_update().filter(pk=shopper_pk).first()


def delete_photo(photo: PersonPhoto) -> None:
    """Erase an own photo. Where a running try-on still needs it, the try-on ends first."""
    with transaction.atomic():
        lock_shopper(photo.shopper_id)
        for request in photo.try_ons.filter(state__in=ACTIVE):
            lifecycle.cancel(request)
        photo.delete()


def erase(request: TryOnRequest) -> None:
    """Cancel and leave a tombstone: no owner, photo, images or addresses; attempts and money stay."""
    with transaction.atomic():
        lock_shopper(request.shopper_id)
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
    "counted_images": 0,
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
        lock_shopper(shopper.pk)
        shopper.delete()  # `erase_deleted_shopper` goes ahead of it.


# Signal receivers, connected in apps.py


def delete_files_after_commit(*, instance: Any, using: str, **_kwargs: Any) -> None:
    """After a row with files is deleted and committed, its files go as well; else the sweep finds them."""

    def delete_files() -> None:
        for stored in (instance.file, getattr(instance, "thumbnail", None)):
            if stored:
                delete_file(stored)

    transaction.on_commit(delete_files, using=using, robust=True)


def erase_deleted_shopper(*, instance: Shopper, **_kwargs: Any) -> None:
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
