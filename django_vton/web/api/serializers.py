"""The request and response bodies of the API. Try-ons and photos are in `tryon_serializers`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from rest_framework import serializers

from ...conf import config
from ...exceptions import Refused
from ...intake.feedback import REASONS, VALUES
from ...messages import MESSAGES
from ..tryon_serializers import (
    CountField,
    DateTimeField,
    KindField,
    OptionalTextField,
    PathField,
    PhotoSerializer,
    TryOnSerializer,
)

UNAVAILABLE_REASONS = ("product_not_enabled", "budget_exhausted", "paused", "unavailable", "not_configured")


def inline_serializer(name: str, *, allow_null: bool = False, **fields: Any) -> serializers.Serializer[Any]:
    """Return a serializer of a new class. drf-spectacular, which has such a function, is optional."""
    made: serializers.Serializer[Any] = type(name, (serializers.Serializer,), fields)(allow_null=allow_null)
    return made


# Responses ------------------------------------------------------------------------------------------


class ErrorSerializer(serializers.Serializer[Any]):
    """A refused request. `detail` is a translated sentence for the shopper, `field` the wrong input or ""."""

    code = serializers.ChoiceField([*MESSAGES])
    detail = serializers.CharField()
    field = OptionalTextField()


class PhotosSerializer(serializers.Serializer[Any]):
    """The shopper's reusable photos and the shop's house models."""

    photos = PhotoSerializer(many=True)
    house_models = PhotoSerializer(many=True)


class TryOnPageSerializer(serializers.Serializer[Any]):
    """A page of the list of try-ons, newest first. `next` and `previous` are paths."""

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
    """Everything that the dialog needs when it opens. `reason` says why `enabled` is false."""

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
        kind=KindField(),
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


class RowsField(serializers.ListField):
    """A list of objects."""

    child = serializers.DictField()


class ExportSerializer(serializers.Serializer[Any]):
    """Everything that is stored about the shopper."""

    # Only for OpenAPI. The view does not use it, so a forgotten field cannot make the export incomplete.
    shopper = serializers.DictField(allow_null=True)
    try_ons = RowsField()
    photos = RowsField()
    consents = RowsField()
    quotas = RowsField()
    phone_links = RowsField()
    looks = RowsField()


class PhoneLinkSerializer(serializers.Serializer[Any]):
    """A one-time link that continues a try-on on a phone. `code_url` is its QR code."""

    id = serializers.UUIDField()
    url = serializers.URLField()
    code_url = PathField()
    expires_at = DateTimeField()


class PhoneLinkStatusSerializer(serializers.Serializer[Any]):
    """The status of a phone link. `try_on` is the id of the newest try-on that the phone requested."""

    status = serializers.ChoiceField(["waiting", "opened", "used", "expired"])
    try_on = serializers.UUIDField(allow_null=True)


# Requests -------------------------------------------------------------------------------------------


class StrictField(serializers.Field[Any, Any, Any, Any]):
    """A request field that refuses values of other types, which DRF's own fields convert.

    The first invalid field ends the validation. A missing field counts as null.
    """

    error_code = "request_invalid"
    field_name: str

    def get_value(self, dictionary: Mapping[str, Any]) -> Any:
        """Return the value as it was sent. DRF would change an empty string from a form."""
        return dictionary.get(self.field_name)

    def run_validation(self, data: Any = None) -> Any:
        """Return the value for the view. Raise `Refused` if it is invalid."""
        try:
            return self._parse(data)
        except (ValueError, KeyError, RecursionError):
            raise Refused(self.error_code, field=self.field_name) from None

    def _parse(self, data: Any) -> Any:
        """Return the value for the view. Raise `ValueError` or `KeyError` if it is invalid."""
        raise NotImplementedError


class TextField(StrictField, serializers.CharField):
    """A string. The default is ""."""

    def _parse(self, data: Any) -> str:
        if data is None or (isinstance(data, str) and "\0" not in data):  # PostgreSQL cannot store NUL.
            return data or ""
        raise ValueError


class UUIDTextField(TextField):
    """A UUID as a string. It is not parsed, since an invalid UUID is refused like an unknown one."""

    openapi_schema = {"type": "string", "format": "uuid"}


class StrictBooleanField(StrictField, serializers.BooleanField):
    """A boolean, or one of the words that forms send. The default is False."""

    WORDS = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False, "": False}

    def _parse(self, data: Any) -> bool:
        if isinstance(data, str):
            return self.WORDS[data.strip().lower()]
        if isinstance(data, bool | None):
            return bool(data)
        raise ValueError


class OptionsField(StrictField, serializers.JSONField):
    """A JSON object, which a form sends as text. Its values may not be objects or lists."""

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
    """An uploaded file, whose name and content type are ignored. The default is None."""

    openapi_schema = {"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"}
    error_code = "photo_unreadable"

    def _parse(self, data: Any) -> BinaryIO | None:
        if isinstance(data, UploadedFile):
            return cast("BinaryIO", data.file)
        if data:
            raise ValueError  # The client sent text, for example in a form without `enctype` or in Base64.
        return None


class FeedbackField(StrictField, serializers.ChoiceField):
    """A string. Null becomes "", and a missing optional value None. `feedback.save` checks the choices."""

    error_code = "feedback_invalid"

    def get_value(self, dictionary: Mapping[str, Any]) -> Any:
        """Return `empty` for a missing field, to distinguish it from null."""
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
        """Omit the request's data, since error reports contain the `repr` of local variables."""
        return f"<{type(self).__name__}>"


class TryOnFormSerializer(ProductSerializer):
    """A new try-on: `photo` with `consent`, or `photo_id` of a reusable photo or a house model.

    Without a file, JSON with the same fields is accepted too, with `options` as an object.
    """

    photo = PhotoField(required=False)
    photo_id = UUIDTextField(required=False)
    consent = StrictBooleanField(required=False, help_text="This is me, or an adult who agreed.")
    consent_version = TextField(required=False, help_text="From `api/start/`. Another version is no consent.")
    keep_photo = StrictBooleanField(required=False)
    options = OptionsField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Ignore the consent if the shopper saw another version of its text."""
        version = attrs.pop("consent_version")
        return attrs | {"consent": attrs["consent"] and version in {"", config.CONSENT_VERSION}}


class FeedbackSerializer(serializers.Serializer[Any]):
    """`reason` is only for a dislike. A missing `reason` keeps the stored reason. Null clears it."""

    value = FeedbackField(VALUES, allow_null=True)
    reason = FeedbackField([*REASONS, ""], allow_null=True, required=False)
