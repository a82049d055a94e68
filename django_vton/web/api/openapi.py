"""The API's OpenAPI 3.1 description, for shops that have drf-spectacular (the extra `schema`).

The bodies come from the serializers, the summaries from the views' docstrings, and everything else from
`OPERATIONS`. Set `OAS_VERSION` to "3.1.0" in `SPECTACULAR_SETTINGS`, since OpenAPI 3.0 has no `null` type.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from http import HTTPStatus
from typing import Any, NamedTuple

from django.conf import settings
from django.http.request import HttpHeaders
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, append_meta
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework.permissions import SAFE_METHODS
from rest_framework.serializers import ChoiceField

from ...exceptions import HTTP_STATUS, Refused
from ..tryon_serializers import TryOnSerializer
from . import serializers

PREFIX = "Vton"
"""The prefix of all component names, since a shop's own API may have a component named `Photo`."""


class Operation(NamedTuple):
    """The request and responses of one method of a view, without the parts that all operations share."""

    name: str
    responses: dict[Any, Any]
    """The serializers by status. None stands for an empty body."""
    error_codes: Sequence[str] = ()
    parameters: Sequence[OpenApiParameter] = ()
    """The query parameters, and the headers of requests and responses."""
    request: dict[str, Any] | None = None
    """The serializers by content type."""


TEXT, COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
FORM, JSON = "multipart/form-data", "application/json"


def _query(name: str, description: str, *, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, TEXT, description=description, required=required)


def _header(name: str, description: str, schema: dict[str, Any] = TEXT, **options: Any) -> OpenApiParameter:
    return OpenApiParameter(name, schema, OpenApiParameter.HEADER, description=description, **options)


LANG = _query("lang", "The language of the response.")
PRODUCT = _query("product", 'A product, as "app.model:pk".')
REQUIRED_PRODUCT = _query("product", 'A product, as "app.model:pk".', required=True)
CURSOR = _query("cursor", "From `next` or `previous`.")
IDEMPOTENCY_KEY = _header("Idempotency-Key", "Repeating key and body gets the same try-on.")
IF_NONE_MATCH = _header("If-None-Match", "The ETag of an earlier response.")
ETAG = _header("ETag", "The value for If-None-Match.", response=[200, 304])
LOCATION = _header("Location", "The URL to poll.", response=[200, 201, 202])
RETRY_AFTER = _header("Retry-After", "Seconds to wait.", COUNT, response=[200, 202, 304, 429, 503])

CREATE_ERRORS = (
    *("consent_required", "photo_required", "photo_unreadable", "photo_format", "photo_too_small"),
    *("photo_too_large", "photo_gone", "photo_refused", "product_unknown", "product_not_enabled"),
    *("options_invalid", "captcha_required", "idempotency_conflict", "quota_exceeded", "in_flight_limit"),
    *("budget_exhausted", "paused", "unavailable", "not_configured"),
)
TRYON = {200: TryOnSerializer}
EMPTY = {204: None}

OPERATIONS = {
    ("StartView", "GET"): Operation(
        "start", {200: serializers.StartSerializer}, ["product_unknown"], [REQUIRED_PRODUCT]
    ),
    ("TryOnListView", "GET"): Operation(
        "list", {200: serializers.TryOnPageSerializer}, ["not_found"], [PRODUCT, CURSOR]
    ),
    ("TryOnListView", "POST"): Operation(
        "create",
        TRYON | {202: TryOnSerializer},
        CREATE_ERRORS,
        [IDEMPOTENCY_KEY, LOCATION, RETRY_AFTER],
        # JSON is accepted too, but of two content types, generated clients offer only one.
        {FORM: serializers.TryOnFormSerializer},
    ),
    ("TryOnDetailView", "GET"): Operation(
        "get", TRYON | {304: None}, ["not_found"], [IF_NONE_MATCH, ETAG, RETRY_AFTER]
    ),
    ("TryOnDetailView", "DELETE"): Operation("erase", EMPTY, ["not_found"]),
    ("TryOnCancelView", "POST"): Operation("cancel", TRYON, ["not_found", "not_cancelable"]),
    ("TryOnFeedbackView", "PUT"): Operation(
        "feedback", TRYON, ["not_found", "feedback_invalid"], request={JSON: serializers.FeedbackSerializer}
    ),
    ("PhotoListView", "GET"): Operation("photos", {200: serializers.PhotosSerializer}),
    ("PhotoDetailView", "DELETE"): Operation("erase_photo", EMPTY, ["not_found"]),
    ("ShopperView", "GET"): Operation("export", {200: serializers.ExportSerializer}),
    ("ShopperView", "DELETE"): Operation("erase_all", EMPTY),
    ("ConsentView", "DELETE"): Operation("withdraw_consent", EMPTY),
    ("PhoneLinkListView", "POST"): Operation(
        "phone",
        {201: serializers.PhoneLinkSerializer},
        ["product_unknown", "product_not_enabled", "quota_exceeded", "not_found"],
        [LOCATION, RETRY_AFTER],
        {JSON: serializers.ProductSerializer},
    ),
    ("PhoneLinkDetailView", "GET"): Operation(
        "phone_status", {200: serializers.PhoneLinkStatusSerializer}, ["not_found"], [RETRY_AFTER]
    ),
    ("PhoneLinkCodeView", "GET"): Operation("phone_code", {(200, "image/svg+xml"): TEXT}, ["not_found"]),
}
"""The operations by view and method. `ApiSchema` adds the errors that all of them share."""


class ApiSchema(AutoSchema):
    """Describes the views of this package for drf-spectacular."""

    @property
    def operation(self) -> Operation:
        """The entry of the view's method."""
        return OPERATIONS[type(self.view).__name__, self.method]

    def get_operation_id(self) -> str:
        """Return a name that does not depend on the path at which the shop has mounted the API."""
        return f"tryon_{self.operation.name}"

    def get_summary(self) -> str:
        """Return the first line of the method's docstring."""
        doc = getattr(self.view, self.method.lower()).__doc__ or ""
        return str(doc.partition("\n")[0].rstrip("."))

    def get_description(self) -> str:  # type: ignore[override] # as drf-spectacular has it
        """Return "", since the rest of the docstring is for maintainers."""
        return ""

    def get_tags(self) -> list[str]:
        """Return the tag of all operations."""
        return ["try-on"]

    def get_auth(self) -> list[Any]:
        """Return no scheme: guests have no cookie yet, and generated clients would require credentials."""
        return []

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """Return the component's name with our prefix."""
        return PREFIX + super().get_serializer_name(serializer, direction)

    def get_request_serializer(self) -> Any:
        """Return the serializers by content type."""
        return self.operation.request

    def get_override_parameters(self) -> list[Any]:
        """Return the query parameters and headers, including those that many operations share."""
        found = [*self.operation.parameters, LANG]
        if self.method not in SAFE_METHODS:
            name = str(HttpHeaders.parse_header_name(settings.CSRF_HEADER_NAME))
            found.append(_header(name, "`csrf_token` from `api/start/`, with its cookie.", required=True))
        return found

    def get_response_serializers(self) -> Any:
        """Return the responses by status, with an example of each error code."""
        found: dict[Any, OpenApiResponse] = {}
        for status, serializer in self.operation.responses.items():
            number = status[0] if isinstance(status, tuple) else status
            found[status] = OpenApiResponse(serializer, HTTPStatus(number).phrase)
        errors: dict[int, list[str]] = {413: [], 415: []} if self.operation.request else {}
        common = ["request_invalid"] if self.method in SAFE_METHODS else ["request_invalid", "csrf_failed"]
        for code in (*common, *self.operation.error_codes):
            errors.setdefault(HTTP_STATUS.get(code, 400), []).append(code)
        for status, codes in errors.items():
            description = ", ".join(f"`{code}`" for code in codes) or HTTPStatus(status).phrase
            examples = [OpenApiExample(code, Refused(code).as_dict()) for code in codes]
            found[status] = OpenApiResponse(serializers.ErrorSerializer, description, examples)
        return found

    def _map_serializer(self, serializer: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        schema = super()._map_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        # Responses have no other fields. Other fields of requests are ignored.
        return schema | {"additionalProperties": False} if direction == "response" else schema

    def _map_serializer_field(self, field: Any, direction: Any, bypass_extensions: bool = False) -> Any:
        if isinstance(field, ChoiceField):
            schema = self._enum_component(field, direction)
        elif hasattr(field, "openapi_schema"):
            schema = field.openapi_schema
        else:
            return super()._map_serializer_field(field, direction)  # type: ignore[no-untyped-call]
        meta = self._get_serializer_field_meta(field, direction)  # type: ignore[no-untyped-call]
        return append_meta(deepcopy(schema), meta)

    def _enum_component(self, field: ChoiceField, direction: Any) -> Any:
        """Return a reference to a component of our own, after which generated clients name the type.

        drf-spectacular would make one from a plain `enum`, which could rename one of the shop's components.
        """
        words = str(field.field_name).split("_")
        name = self._get_serializer_name(field.parent, direction) + "".join(map(str.title, words))
        schema = {"type": "string", "enum": [*field.choices]}
        component = ResolvedComponent(name, ResolvedComponent.SCHEMA, schema, type(field))
        self.registry.register_on_missing(component)
        return component.ref
