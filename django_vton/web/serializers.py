"""Try-ons, photos and images as shoppers get them, from the API and on the pages.

URLs are paths of this shop, and texts are in the active language.
"""

from __future__ import annotations

from functools import cache, cached_property
from math import ceil
from typing import TYPE_CHECKING, Any

from django.db.models import Q
from django.utils.translation import pgettext
from rest_framework.serializers import (
    BooleanField,
    CharField,
    DictField,
    FloatField,
    ListField,
    Serializer,
    UUIDField,
)

from ..messages import RENDER_MESSAGES, RETRYABLE_CODES
from ..models import PersonPhoto, TryOnImage, TryOnRequest
from ..models.states import ACTIVE, PROGRESS, PUBLIC_STATUS, State
from ..monitoring.typical_duration import typical_seconds
from ..shoppers import requested_by_phone
from ..utils.languages import localized_url
from ..utils.safe_urls import safe_url
from .fields import CountField, DateTimeField, EnumField, OptionalTextField, PathField, RowSerializer

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

    from ..models import PhoneLink, Shopper

KINDS = ("garment", "eyewear")


def try_ons_of(shopper: Shopper | None, phone: PhoneLink | None = None) -> QuerySet[TryOnRequest]:
    """A shopper's try-ons with all that `TryOnSerializer` reads, in at most five queries for any number.

    With `phone` also those that were requested on the phone of this link.
    """
    rows = TryOnRequest.objects.with_related().prefetch_related("source__images")
    if phone is not None:
        by_phone = requested_by_phone(phone)
        return rows.filter(by_phone if shopper is None else by_phone | Q(shopper=shopper))
    # Never `filter(shopper=None)`: renders of house models have no owner.
    return rows.none() if shopper is None else rows.filter(shopper=shopper)


def shown_state(row: TryOnRequest) -> State:
    """The state of the try-on or, if it waits for a shared render, of that render.

    A try-on whose shared render has ended is about to end as well: nothing goes back to the queue.
    """
    if row.state == State.QUEUED and row.source is not None:
        return State(row.source.state) if row.source.state in ACTIVE else State.RENDERED
    return State(row.state)


class PhotoSerializer(RowSerializer[PersonPhoto]):
    """A photo of a person: the shopper's own or one of the shop's house models."""

    id = UUIDField(source="pk")
    kind = EnumField("PhotoKind", PersonPhoto.Kind.values)
    name = OptionalTextField()
    labels = ListField(child=CharField())
    suits = ListField(child=EnumField("ProductKind", KINDS))
    url = PathField("photo-file")
    thumbnail_url = PathField("photo-file", "?size=thumbnail")
    width = CountField()
    height = CountField()
    expires_at = DateTimeField(allow_null=True)

    def computed_values(self, row: PersonPhoto) -> dict[str, Any]:
        """Return the kinds of product that the photo suits."""
        return {"suits": [kind for kind in KINDS if row.suits_kind(kind)]}


class ImageSerializer(RowSerializer[TryOnImage]):
    """An image of a completed try-on. The URLs open for its owner, and for anyone if it is published."""

    id = UUIDField(source="pk")
    url = PathField("image")
    thumbnail_url = PathField("image", "?size=thumbnail")
    download_url = PathField("image", "?download=1")
    width = CountField()
    height = CountField()
    content_type = EnumField("ImageType", ("image/jpeg", "image/png"))
    alt = CharField()

    def computed_values(self, row: TryOnImage) -> dict[str, Any]:
        """Return the alternative text, which tells of the try-on that shows the image: it may be shared."""
        shown_by: TryOnRequest = self.context["try_on"]
        title = shown_by.product_title or shown_by.product
        if shown_by.photo is not None and shown_by.photo.is_house:
            return {"alt": pgettext("vton", "AI-generated preview: %(title)s on a model") % {"title": title}}
        return {"alt": pgettext("vton", "AI-generated preview: %(title)s on your photo") % {"title": title}}


class TryOnErrorSerializer(Serializer[Any]):
    """Why a try-on failed. `message` is for the shopper, translated."""

    code = EnumField("TryOnErrorCode", RENDER_MESSAGES)
    message = CharField()
    retryable = BooleanField()


class TryOnSerializer(RowSerializer[TryOnRequest]):
    """One request and its images. `progress` and `eta_seconds` change only with the status."""

    id = UUIDField(source="pk")
    product = CharField()
    product_title = OptionalTextField()
    product_url = PathField()
    engine = CharField()
    status = EnumField("TryOnStatus", PUBLIC_STATUS.values())
    options = DictField()
    counted = BooleanField(source="quota_ids")
    cached = BooleanField()
    created_at = DateTimeField()
    started_at = DateTimeField(allow_null=True)
    finished_at = DateTimeField(allow_null=True)
    expires_at = DateTimeField(allow_null=True)
    progress = FloatField(min_value=0, max_value=1)
    eta_seconds = CountField()
    typical_seconds = CountField()
    photo = PhotoSerializer(allow_null=True)
    images = ImageSerializer(many=True)
    feedback = EnumField("Feedback", ("like", "dislike"), allow_null=True)
    page_url = PathField()
    error = TryOnErrorSerializer(allow_null=True)

    @cached_property
    def _typical_seconds(self) -> Callable[[str], int]:
        return cache(typical_seconds)  # Looked up once per engine for a whole list.

    def computed_values(self, row: TryOnRequest) -> dict[str, Any]:
        """Return what depends on the state, and what needs no query while the try-on runs."""
        self.context["try_on"] = row
        state, seconds = shown_state(row), self._typical_seconds(row.engine)
        is_follower = row.state == State.QUEUED and row.source is not None
        error = None
        if state == State.FAILED:
            # A shop's own engine may have further codes. They mean "vendor" to a shopper.
            code = row.error_code if row.error_code in RENDER_MESSAGES else "vendor"
            error = {"code": code, "message": RENDER_MESSAGES[code], "retryable": code in RETRYABLE_CODES}
        return {
            "product_url": safe_url(row.product_url),
            "status": PUBLIC_STATUS[state],
            "started_at": row.started_at or (row.source.started_at if is_follower else None),
            "progress": PROGRESS[state],
            "eta_seconds": ceil(seconds * (1 - PROGRESS[state])),
            "typical_seconds": seconds,
            "images": row.shown_images if state == State.COMPLETED else [],
            "feedback": row.feedback or None,
            "page_url": localized_url("result", row.pk),
            "error": error,
        }
