"""The bodies of requests and of responses, apart from try-ons and photos."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from rest_framework import serializers

from ...conf import config
from ...exceptions import Refused
from ...intake.feedback import REASONS, VALUES
from ...messages import MESSAGES
from ..tryon_serializers import (
    KINDS,
    CountField,
    DateTimeField,
    OptionalTextField,
    PathField,
    PhotoSerializer,
    TryOnSerializer,
)

UNAVAILABLE_REASONS = ("product_not_enabled", "budget_exhausted", "paused", "unavailable", "not_configured")


def inline_serializer(name: str, *, allow_null: bool = False, **fields: Any) -> serializers.Serializer[Any]:
    """Return a serializer of a class of this name, like the function of drf-spectacular."""
    made: serializers.Serializer[Any] = type(name, (serializers.Serializer,), fields)(allow_null=allow_null)
    return made


# Responses ------------------------------------------------------------------------------------------


class ErrorSerializer(serializers.Serializer[Any]):
    """A refused request. `detail` is for the shopper, translated; `field` may name the input, or is empty."""

    code = serializers.ChoiceField([*MESSAGES])
    detail = serializers.CharField()
    field = OptionalTextField()


class PhotosSerializer(serializers.Serializer[Any]):
    """The shopper's reusable photos and the shop's house models."""

    photos = PhotoSerializer(many=True)
    house_models = PhotoSerializer(many=True)


class TryOnPageSerializer(serializers.Serializer[Any]):
    """Newest first. `next` and `previous` are paths."""

    next = PathField(allow_null=True)
    previous = PathField(allow_null=True)
    results = TryOnSerializer(many=True)


class OptionDefaultField(serializers.JSONField):
    """A string, a number or a boolean."""

    openapi_schema = {"type": ["string", "integer", "boolean"]}


class OptionSerializer(serializers.Serializer[Any]):
    """An option that a shopper may set for this product."""

    kind = serializers.ChoiceField(["choice", "integer", "boolean"])
    label = serializers.CharField()  # type: ignore[assignment] # also an attribute of every field
    choices = serializers.ListField(child=serializers.CharField())
    minimum = serializers.IntegerField(allow_null=True)
    maximum = serializers.IntegerField(allow_null=True)
    default = OptionDefaultField(allow_null=True)


class StartSerializer(serializers.Serializer[Any]):
    """All that a dialog needs when it opens. `reason` says why `enabled` is false."""

    csrf_token = serializers.CharField()
    lang = serializers.CharField()
    enabled = serializers.BooleanField()
    reason = serializers.ChoiceField(UNAVAILABLE_REASONS, allow_null=True)
    product = inline_serializer(
        "StartProduct",
        ref=serializers.CharField(),
        title=OptionalTextField(),
        url=PathField(),
        image_url=PathField(),
        kind=serializers.ChoiceField(KINDS),
    )
    consent = inline_serializer(
        "StartConsent",
        required=serializers.BooleanField(),
        version=serializers.CharField(),
        text=serializers.CharField(),
        url=PathField(),
    )
    photos = PhotoSerializer(many=True)
    house_models = PhotoSerializer(many=True)
    active = TryOnSerializer(many=True)
    latest = TryOnSerializer(allow_null=True)
    quota = inline_serializer(
        "StartQuota", allow_null=True, limit=CountField(), remaining=CountField(), resets_at=DateTimeField()
    )
    limits = inline_serializer(
        "StartLimits",
        max_bytes=CountField(),
        min_side=CountField(),
        max_side=CountField(),
        formats=serializers.ListField(child=serializers.CharField()),
    )
    retention = inline_serializer("StartRetention", photo_hours=CountField(), result_days=CountField())
    typical_seconds = CountField()
    options = serializers.DictField(child=OptionSerializer())
    captcha = inline_serializer("StartCaptcha", allow_null=True, required=serializers.BooleanField())
    links = inline_serializer("StartLinks", history=PathField(), privacy=PathField())


class ExportSerializer(serializers.Serializer[Any]):
    """All that is stored about the shopper."""

    # Only for OpenAPI: a row that is missing here must not be missing in the answer.
    shopper = serializers.DictField(allow_null=True)

    def get_fields(self) -> Any:
        """Add the lists of rows."""
        names = ("try_ons", "photos", "consents", "quotas", "phone_links", "looks")
        rows = serializers.ListField(child=serializers.DictField())
        return super().get_fields() | {name: deepcopy(rows) for name in names}


class PhoneLinkSerializer(serializers.Serializer[Any]):
    """A one-time link that continues a try-on on a phone. `code_url` is its QR code."""

    id = serializers.UUIDField()
    url = serializers.URLField()
    code_url = PathField()
    expires_at = DateTimeField()


class PhoneLinkStatusSerializer(serializers.Serializer[Any]):
    """The state of a link. `try_on` is the newest one that was requested on its phone."""

    status = serializers.ChoiceField(["waiting", "opened", "used", "expired"])
    try_on = serializers.UUIDField(allow_null=True)


# Requests -------------------------------------------------------------------------------------------


class StrictField(serializers.Field[Any, Any, Any, Any]):
    """A field of a request. DRF's own fields convert other types, which this one refuses.

    The first invalid field ends the validation. A missing field is like null.
    """

    error_code = "request_invalid"
    field_name: str

    def get_value(self, dictionary: Mapping[str, Any]) -> Any:
        """Return what was sent. DRF would change a form's empty text."""
        return dictionary.get(self.field_name)

    def run_validation(self, data: Any = None) -> Any:
        """Return the value for the view, or raise Refused."""
        try:
            return self._parse(data)
        except (ValueError, KeyError, RecursionError):
            raise Refused(self.error_code, field=self.field_name) from None

    def _parse(self, data: Any) -> Any:
        """Return the value for the view. Raises ValueError or KeyError."""
        raise NotImplementedError


class TextField(StrictField, serializers.CharField):
    """A string, "" if it is missing."""

    def _parse(self, data: Any) -> str:
        if data is None or (isinstance(data, str) and "\0" not in data):  # PostgreSQL cannot store NUL.
            return data or ""
        raise ValueError


class UUIDTextField(TextField):
    """The text of a UUID, which is not parsed: any other text names no object either."""

    openapi_schema = {"type": "string", "format": "uuid"}


class StrictBooleanField(StrictField, serializers.BooleanField):
    """A boolean, or one of the words that forms send. False if it is missing."""

    WORDS = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False, "": False}

    def _parse(self, data: Any) -> bool:
        if isinstance(data, str):
            return self.WORDS[data.strip().lower()]
        if isinstance(data, bool | None):
            return bool(data)
        raise ValueError


class OptionsField(StrictField, serializers.JSONField):
    """An object, or its JSON in a form. It may not nest: the depth would be the caller's choice."""

    openapi_schema = {"type": "string", "contentMediaType": "application/json"}
    error_code = "options_invalid"

    def _parse(self, data: Any) -> dict[str, Any]:
        if isinstance(data, str):
            data = json.loads(data) if data.strip() else None
        if data is None:
            return {}
        if isinstance(data, dict) and not any(isinstance(value, dict | list) for value in data.values()):
            return data
        raise ValueError


class PhotoField(StrictField, serializers.FileField):
    """An uploaded file, or None. Its name and content type are ignored."""

    openapi_schema = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    error_code = "photo_unreadable"

    def _parse(self, data: Any) -> BinaryIO | None:
        if isinstance(data, UploadedFile):
            return cast("BinaryIO", data.file)
        if data:
            raise ValueError  # Text instead of a file: a form without `enctype`, or Base64.
        return None


class FeedbackField(StrictField, serializers.ChoiceField):
    """A string, "" for null, or None if it is missing. `feedback.save` compares it with the choices."""

    error_code = "feedback_invalid"

    def get_value(self, dictionary: Mapping[str, Any]) -> Any:
        """Tell a missing field from null."""
        return dictionary.get(self.field_name, serializers.empty)

    def _parse(self, data: Any) -> str | None:
        if data is serializers.empty and not self.required:
            return None
        if isinstance(data, str | None):
            return data or ""
        raise ValueError


class ProductSerializer(serializers.Serializer[Any]):
    """The product that a request is about."""

    product = TextField(help_text='For example "shop.product:42".')

    def __repr__(self) -> str:
        """Without the data of the request, since an error report shows local variables."""
        return f"<{type(self).__name__}>"


class TryOnFormSerializer(ProductSerializer):
    """A new try-on: `photo` with `consent`, or `photo_id` of a reusable photo or a house model."""

    photo = PhotoField(required=False)
    photo_id = UUIDTextField(required=False)
    consent = StrictBooleanField(required=False, help_text="This is me, or an adult who agreed.")
    consent_version = TextField(required=False, help_text="Of the start. An older version is no consent.")
    keep_photo = StrictBooleanField(required=False)
    options = OptionsField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Do not count a consent that names another version than the current one."""
        version = attrs.pop("consent_version")
        return attrs | {"consent": attrs["consent"] and version in {"", config.CONSENT_VERSION}}


class TryOnJsonSerializer(TryOnFormSerializer):
    """A new try-on without a file: `photo_id` of a reusable photo or a house model."""

    # Only for OpenAPI: the view reads JSON by `TryOnFormSerializer` as well.
    photo = None  # type: ignore[assignment] # removes the field
    options = serializers.DictField(required=False)  # type: ignore[assignment]


class FeedbackSerializer(serializers.Serializer[Any]):
    """`reason` goes with a dislike only. Without it, the stored reason stays; null clears it."""

    value = FeedbackField(VALUES, allow_null=True)
    reason = FeedbackField([*REASONS, ""], allow_null=True, required=False)
