"""The JSON of try-ons, photos and images, which the API returns and the pages show.

URLs are paths of this shop, and messages are in the active language.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache, cached_property, partial
from math import ceil
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import pgettext
from rest_framework import serializers

from ..gateway.engines import kinds
from ..kinds import KINDS
from ..messages import RENDER_MESSAGES, RETRYABLE_CODES, UNCHANGED_MESSAGE
from ..models import PersonPhoto, PhoneLink, Shopper, TryOnImage, TryOnRequest
from ..models.states import ACTIVE, PROGRESS, PUBLIC_STATUS, State
from ..monitoring.typical_duration import typical_seconds
from ..shoppers import requested_by_phone
from ..utils.languages import localized_url, view_url, with_language
from ..utils.safe_urls import safe_url

CountField = partial(serializers.IntegerField, min_value=0)
OptionalTextField = partial(serializers.CharField, allow_blank=True)


class DateTimeField(serializers.DateTimeField):
    """A time in ISO 8601 with the value's own offset, whatever the shop's `DATETIME_FORMAT` is."""

    def to_representation(self, value: datetime | str) -> str:
        """Return the time as a string. Return a string unchanged."""
        return value if isinstance(value, str) else value.isoformat()


class PathField(serializers.CharField):
    """A URL, usually without scheme and host."""

    openapi_schema = {"type": "string", "format": "uri-reference"}


class KindField(serializers.CharField):
    """A kind of products. A shop's own engine may have a kind of its own."""

    openapi_schema = {
        "type": "string",
        "description": f"{', '.join(KINDS)}, or a kind of the shop's own engine.",
    }


def try_ons_of(shopper: Shopper | None, phone: PhoneLink | None = None) -> QuerySet[TryOnRequest]:
    """Return a shopper's try-ons with everything that `TryOnSerializer` reads, in at most five queries.

    With `phone`, the try-ons that were requested on the phone of this link are included.
    """
    rows = TryOnRequest.objects.with_related().prefetch_related("source__images")
    if phone is not None:
        by_phone = requested_by_phone(phone)
        return rows.filter(by_phone if shopper is None else by_phone | Q(shopper=shopper))
    # Never `filter(shopper=None)`, which would match the ownerless renders of house models.
    return rows.none() if shopper is None else rows.filter(shopper=shopper)


def shown_state(row: TryOnRequest) -> State:
    """Return the try-on's state. If the try-on waits for a shared render, return the state of that render.

    If the shared render has ended, return `RENDERED`, since the try-on is about to end too.
    """
    if row.state == State.QUEUED and row.source is not None:
        return State(row.source.state) if row.source.state in ACTIVE else State.RENDERED
    return State(row.state)


class SharedFieldsSerializer(serializers.Serializer[Any]):
    """A serializer whose instances share their fields.

    DRF copies the fields for each instance, which takes longer than everything else. The subclasses add
    computed values to the row's columns, which are in `vars(row)`.
    """

    @cached_property
    def fields(self) -> Any:
        """The fields, which all instances of the class share."""
        return _shared_fields(type(self))


@cache
def _shared_fields(serializer_class: type[SharedFieldsSerializer]) -> Any:
    return super(SharedFieldsSerializer, serializer_class()).fields


class PhotoSerializer(SharedFieldsSerializer):
    """A photo of a person: the shopper's own or one of the shop's house models."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(PersonPhoto.Kind.values)
    name = OptionalTextField()
    labels = serializers.ListField(child=serializers.CharField())
    suits = serializers.ListField(child=KindField())
    url = PathField()
    thumbnail_url = PathField()
    width = CountField()
    height = CountField()
    expires_at = DateTimeField(allow_null=True)

    def to_representation(self, row: PersonPhoto) -> Any:
        """Return the fields."""
        url = view_url("photo-file", row.pk)
        return super().to_representation(
            vars(row)
            | {
                "suits": [kind for kind in dict.fromkeys([*kinds(), *row.suits]) if row.suits_kind(kind)],
                "url": url,
                "thumbnail_url": f"{url}?size=thumbnail",
            }
        )


class FlawSerializer(SharedFieldsSerializer):
    """Why an image is probably not what was ordered. `message` is for the shopper, translated."""

    code = serializers.ChoiceField([TryOnImage.Flaw.UNCHANGED.value])
    message = serializers.CharField()


class ImageSerializer(SharedFieldsSerializer):
    """An image of a completed try-on."""

    id = serializers.UUIDField()
    url = PathField()
    thumbnail_url = PathField()
    download_url = PathField()
    width = CountField()
    height = CountField()
    content_type = serializers.ChoiceField(["image/jpeg", "image/png"])
    alt = serializers.CharField()
    flaw = FlawSerializer(allow_null=True)

    def to_representation(self, shown: tuple[TryOnImage, str]) -> Any:
        """Return the fields of an image with its alternative text."""
        image, alt = shown
        url = view_url("image", image.pk)
        # The other flaws are less certain, and would hurt. Only staff see them.
        is_unchanged = image.flaw == TryOnImage.Flaw.UNCHANGED
        return super().to_representation(
            vars(image)
            | {
                "url": url,
                "thumbnail_url": f"{url}?size=thumbnail",
                "download_url": with_language(url, download="1"),
                "alt": alt,
                "flaw": {"code": image.flaw, "message": UNCHANGED_MESSAGE} if is_unchanged else None,
            }
        )


class TryOnErrorSerializer(SharedFieldsSerializer):
    """Why a try-on failed. `message` is for the shopper, translated."""

    code = serializers.ChoiceField([*RENDER_MESSAGES])
    message = serializers.CharField()
    retryable = serializers.BooleanField()


class TryOnSerializer(SharedFieldsSerializer):
    """A try-on and its images. `progress` and `eta_seconds` ignore the elapsed time."""

    id = serializers.UUIDField()
    product = serializers.CharField()
    product_title = OptionalTextField()
    product_url = PathField()
    engine = serializers.CharField()
    status = serializers.ChoiceField([*dict.fromkeys(PUBLIC_STATUS.values())])
    options = serializers.DictField()
    counted = serializers.BooleanField()
    cached = serializers.BooleanField()
    created_at = DateTimeField()
    started_at = DateTimeField(allow_null=True)
    finished_at = DateTimeField(allow_null=True)
    expires_at = DateTimeField(allow_null=True)
    progress = serializers.FloatField(min_value=0, max_value=1)
    eta_seconds = CountField()
    typical_seconds = CountField()
    photo = PhotoSerializer(allow_null=True)
    images = ImageSerializer(many=True)
    feedback = serializers.ChoiceField(["like", "dislike"], allow_null=True)
    page_url = PathField()
    error = TryOnErrorSerializer(allow_null=True)

    @cached_property
    def _typical_seconds(self) -> Callable[[str], int]:
        return cache(typical_seconds)  # A list looks it up once per engine.

    def to_representation(self, row: TryOnRequest) -> dict[str, Any]:
        """Return the fields. The images are queried only if the try-on is completed."""
        state, seconds = shown_state(row), self._typical_seconds(row.engine)
        awaited = row.source if row.state == State.QUEUED else None
        # Try-ons can share an image, but each has its own alternative text.
        alt = _alt_text(row)
        # A shop's own engine may have other codes. Shoppers see the message for "vendor" instead.
        code = row.error_code if row.error_code in RENDER_MESSAGES else "vendor"
        error = {"code": code, "message": RENDER_MESSAGES[code], "retryable": code in RETRYABLE_CODES}
        return super().to_representation(
            vars(row)
            | {
                "product_url": safe_url(row.product_url),
                "status": PUBLIC_STATUS[state],
                "counted": row.quota_ids,
                "started_at": row.started_at or (awaited and awaited.started_at),
                "progress": PROGRESS[state],
                "eta_seconds": ceil(seconds * (1 - PROGRESS[state])),
                "typical_seconds": seconds,
                "photo": row.photo,
                "images": [(image, alt) for image in row.shown_images] if state == State.COMPLETED else [],
                "feedback": row.feedback or None,
                "page_url": localized_url("result", row.pk),
                "error": error if state == State.FAILED else None,
            }
        )


def _alt_text(row: TryOnRequest) -> str:
    title = row.product_title or row.product
    if row.photo is not None and row.photo.is_house:
        return pgettext("vton", "AI-generated preview: %(title)s on a model") % {"title": title}
    return pgettext("vton", "AI-generated preview: %(title)s on your photo") % {"title": title}
