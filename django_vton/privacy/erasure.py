"""Erase a photo, a try-on, or all data of a shopper, on demand.

Files are deleted after the commit that deletes their row. If the process dies in between, `orphaned_files`
deletes them later.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import F, QuerySet

from .. import lifecycle
from ..lifecycle.transition import lock_rows
from ..models import (
    Conversion,
    Exchange,
    PersonPhoto,
    PhoneLink,
    Quota,
    Shopper,
    TryOnEvent,
    TryOnImage,
    TryOnRequest,
)
from ..models.states import ACTIVE, State
from ..utils import clock, database
from .stored_files import delete_file

_TOMBSTONE: dict[str, Any] = {
    "shopper": None,
    "photo": None,
    "source": None,
    "result_urls": [],
    "cache_key": "",
    "other_cache_key": "",
    "shared_key": None,
    "idempotency_key_hash": None,
    "idempotency_digest": "",
    # Shared quota rows would show which erased try-ons belonged to the same shopper or IP address.
    "quota_ids": [],
    "counted_images": 0,
    "feedback": "",
    "feedback_reason": "",
    "traceparent": "",  # It would lead to what the shop's own tracing knows of the shopper.
}
"""The fields that are cleared in an erased try-on, with their empty values."""


def lock_shopper(shopper_pk: int | None) -> None:
    """Lock a shopper's row, so that photos and try-ons change one after another. `intake` locks it too."""
    if shopper_pk is not None:
        # Not `select_for_update`, which locks nothing on SQLite.
        Shopper.objects.filter(pk=shopper_pk).update(seen_at=F("seen_at"))


def lock_shoppers(pks: Iterable[int | None]) -> None:
    """Lock several shoppers' rows in the order of their keys, which prevents deadlocks between two runs."""
    shoppers = Shopper.objects.filter(pk__in={pk for pk in pks if pk is not None})
    features = database.connection().features
    if not features.has_select_for_update:
        shoppers.update(seen_at=F("seen_at"))
        return
    locked = shoppers.select_for_update(no_key=features.has_select_for_no_key_update).order_by("pk")
    list(locked.values_list("pk"))


@database.retry
def delete_photo(photo: PersonPhoto) -> None:
    """Delete a shopper's photo, and cancel the running try-ons that need it."""
    with database.atomic():
        lock_shopper(photo.shopper_id)
        for request in photo.try_ons.filter(state__in=ACTIVE):
            lifecycle.cancel(request)
        photo.delete()


@database.retry
def erase_tryon(request: TryOnRequest) -> None:
    """Cancel a try-on and remove all personal data from it. Its attempts and their costs stay."""
    with database.atomic():
        lock_shopper(request.shopper_id)
        lifecycle.cancel(request)
        request = TryOnRequest.objects.select_for_update().get(pk=request.pk)
        if request.erased_at is not None:
            return
        _anonymize_events([request])
        _transfer_shared_images(request)
        _clear([request])


def erase_unshared(expired: QuerySet[TryOnRequest], tryons: Sequence[tuple[UUID, int | None]]) -> int:
    """Erase those of these try-ons, by their keys and their shoppers', that are expired and share no render.

    One transaction erases them all, since each statement takes a round trip to the database. Return their
    number.
    """
    pks = [pk for pk, _shopper in tryons]
    with database.atomic():
        lock_shoppers(shopper for _pk, shopper in tryons)
        lock_rows(pks)
        # Compared here: with conditions on `source`, SQLite would read all try-ons that have none.
        sources = set(TryOnRequest.objects.filter(source__in=pks).values_list("source", flat=True))
        found = expired.filter(pk__in=pks)
        requests = [request for request in found if request.source_id is None and request.pk not in sources]
        if requests:
            _anonymize_events(requests)
            _clear(requests)
    return len(requests)


def _clear(requests: Sequence[TryOnRequest]) -> None:
    """Remove the personal data of these locked try-ons, which nothing shares any more."""
    rows = TryOnRequest.objects.filter(pk__in=[request.pk for request in requests])
    TryOnImage.objects.filter(request__in=requests).delete()
    Exchange.objects.filter(attempt__request__in=requests).delete()
    rows.update(**_TOMBSTONE, erased_at=clock.now())
    PhoneLink.try_ons.through.objects.filter(tryonrequest__in=requests).delete()
    # The shop's order number identifies the shopper.
    Conversion.objects.filter(request__in=requests).update(reference=None, order="")
    TryOnEvent.objects.bulk_create(
        TryOnEvent(request=request, name="erased", to_state=request.state) for request in requests
    )
    used_once = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN, is_reusable=False, try_ons=None)
    if photos := {request.photo_id for request in requests if request.photo_id is not None}:
        used_once.filter(pk__in=photos).delete()


def _anonymize_events(requests: Sequence[TryOnRequest]) -> None:
    """Remove the shoppers from the try-ons' history. The names of staff stay in it."""
    of_shoppers = [request for request in requests if request.shopper_id is not None]
    by_shoppers = TryOnEvent.objects.filter(request__in=of_shoppers, actor=F("request__shopper__user"))
    by_shoppers.update(actor=None)
    # The details of "accepted" contain the ids of try-ons that share a render.
    accepted = TryOnEvent.objects.filter(name="accepted")
    accepted.filter(request__in=of_shoppers).update(detail={})
    accepted.filter(request__source__in=of_shoppers).update(detail={})


def _transfer_shared_images(request: TryOnRequest) -> None:
    """Give the images to the oldest of the other try-ons that share them, if there are any."""
    if not request.images.exists():
        return
    heir = request.followers.filter(state=State.COMPLETED).order_by("created_at").first()
    if heir is None:
        # If the try-on has only just ended, its followers have not been completed yet.
        heir = request.followers.filter(state=State.QUEUED).order_by("created_at").first()
        if heir is None:
            return
        lifecycle.complete_follower(heir, request)
    request.images.update(request=heir)
    TryOnRequest.objects.filter(pk=heir.pk).update(source=None, cache_key=request.cache_key)
    request.followers.exclude(pk=heir.pk).update(source=heir)


@database.retry
def erase_shopper(shopper: Shopper) -> None:
    """Delete a shopper with all photos and consents, and erase the shopper's try-ons."""
    with database.atomic():
        lock_shopper(shopper.pk)
        shopper.delete()  # The signal receiver below erases the rest first.


# apps.py connects these signal receivers.


def delete_files_after_commit(*, instance: Any, using: str, **_kwargs: Any) -> None:
    """Receiver of `post_delete`: delete the row's files once its deletion is committed."""

    def delete_files() -> None:
        for stored in (instance.file, getattr(instance, "thumbnail", None)):
            if stored:
                delete_file(stored)

    database.on_commit(delete_files, using=using, robust=True)


def erase_deleted_shopper(*, instance: Shopper, **_kwargs: Any) -> None:
    """Receiver of `pre_delete`: erase a shopper's data however the row is deleted, such as with its user."""
    for request in instance.try_ons.all():
        erase_tryon(request)
    for photo in instance.photos.all():
        delete_photo(photo)
    # Not `instance.user`, which may be missing on a replica.
    users = get_user_model()._base_manager.using(database.alias())
    user = None if instance.user_id is None else users.filter(pk=instance.user_id).first()
    if user is not None and not getattr(user, "is_staff", False):
        # The user might have canceled another shopper's try-on through a phone link.
        TryOnEvent.objects.filter(actor=user.pk, name="canceled").update(actor=None)
    quota_keys = [f"{kind}:{instance.pk}" for kind in ("shopper", "shared:shopper", "phone")]
    Quota.objects.filter(key__in=quota_keys).delete()
