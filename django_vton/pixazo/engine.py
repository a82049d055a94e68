"""Engines: the gateway's models, described as data.

`Engine` implements the protocol that the gateway calls universal: a render is submitted to the model's path
and polled at `/v2/requests/status/{request_id}`, and the images are in `output.media_url`. A subclass such
as `Fashn` declares by its attributes what is different for a model. Fields are paths: see `paths`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from django.utils.translation import gettext_lazy as _

from . import ids
from .option import Option, OptionError, Text, Value
from .parsing import (
    MAX_BODY,
    MAX_TEXT,
    BadPayload,
    VendorResponse,
    VendorStatus,
    declared_status,
    error_code,
    parse_error,
    parse_json,
    parse_status,
    parse_timestamp,
    parse_urls,
    redact,
    redact_text,
)
from .paths import find, is_path, put

MAX_SUBMIT_SECONDS = 35.0
"""The longest time for which a submit can be awaited. A task of the queue ends after 60 seconds."""

MAX_KIND_LENGTH = 20  # The length of the database column.


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """A request for the status of a render. `path` is below the base URL; `json` is the body of a POST."""

    method: Literal["GET", "POST"]
    path: str = field(repr=False)
    json: dict[str, Any] | None = field(default=None, repr=False)


class Engine:
    """One model of the gateway. Subclasses set the attributes; an instance may override the paths.

    Raise `ValueError` if an attribute is invalid.
    """

    name: str
    """Our name, such as "fashn-v1.6". Shops' settings and code use it."""
    kind: str
    """The kind of products and house models that the engine can render, such as "garment" or "eyewear"."""
    label: Text
    """The engine's name for merchants."""
    is_verified: bool = True
    """Whether the attributes are from the vendor's own documents, and not from other public sources."""
    price: Decimal | None
    """The vendor's price of one image in USD; None if it is not public. The setting `PRICES` overrides it."""
    prices_by_option: ClassVar[Mapping[str, Mapping[Value, Decimal]]] = {}
    """Other prices of one image, by an option and its value. If several apply, the highest is expected."""
    typical_seconds: int
    """The usual seconds of a render, until the shop has measured its own."""

    submit_path: str
    """The path below the gateway's base URL to which a render is POSTed."""
    submit_seconds: float = 20.0
    """How long the answer is awaited, at most 35. A model that answers with the images needs more than 20."""
    person_field: str
    """The submit's parameter for the person's image."""
    product_field: str
    """The submit's parameter for the product's image. Both can be the same list, such as "images[]"."""
    options: tuple[Option, ...] = ()
    """The other parameters, in the order of the vendor's page."""
    own_photo_defaults: ClassVar[Mapping[str, Value]] = {}
    """Options for a shopper's own photo, if the shop sets no other value, such as a level of moderation."""
    samples_option: str | None = None
    """The name of the option that sets the number of images."""
    images_as: Literal["url", "base64"] = "url"
    """How both images are sent: as URLs that the vendor downloads, or as Base64 without a prefix."""
    callback_header: str | None = "X-Webhook-URL"
    """The header that requests a callback. None without such a header."""
    callback_field: str | None = None
    """The submit's parameter that requests a callback, for a model that has one instead of a header."""

    status_path: str = "/v2/requests/status/{request_id}"
    """The path below the gateway's base URL that returns the status of a render."""
    status_field: str | None = None
    """The parameter for the render's id in a POST for its status. None: a GET with the id in the path."""

    id_fields: tuple[str, ...] = ("request_id",)
    """Where answers and callbacks contain the render's id. The first field with an id counts."""
    status_fields: tuple[str, ...] = ("status",)
    """Where answers contain the status."""
    statuses: ClassVar[Mapping[str, VendorStatus]] = {}
    """What the vendor's words for the status mean, in lower case, beyond those in its documents."""
    image_fields: tuple[str, ...] = ("output.media_url",)
    """Where answers contain the URLs of the images, one or a list."""
    error_fields: tuple[str, ...] = ("error",)
    """Where answers contain the error."""
    code_field: str | None = None
    """Where an answer with status 200 contains a code that tells whether the submit succeeded."""
    success_codes: tuple[str | int, ...] = (0,)
    """The codes of success. With another code and no id, the submit was refused."""
    code_statuses: ClassVar[Mapping[str | int, int]] = {}
    """The HTTP status that another code stands for, such as 402 for an empty wallet. Without one: 400."""

    def __init__(self, *, submit_path: str | None = None, status_path: str | None = None) -> None:
        self.submit_path = submit_path or self.submit_path
        self.status_path = status_path or self.status_path
        try:
            self._check()
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.name}: {error}") from None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def _check(self) -> None:
        if not 0 < len(getattr(self, "kind", "")) <= MAX_KIND_LENGTH:
            raise ValueError(f"kind must be a name with at most {MAX_KIND_LENGTH} characters")
        for path in (self.submit_path, self.status_path):
            if not re.fullmatch(r"/[!-~]+", path) or path.startswith("//"):
                raise ValueError(f"a path must begin with one slash and have no spaces: {path!r}")
        fields = [*self.id_fields, *self.status_fields, *self.image_fields, *self.error_fields]
        sent = [self.person_field, self.product_field, *(each.field or each.name for each in self.options)]
        for each in (*fields, *sent, self.callback_field, self.status_field, self.code_field):
            if each is not None and not is_path(each):
                raise ValueError(f"not a field such as 'data.task_id': {each!r}")
        self.clean_options(self.own_photo_defaults)
        probe: dict[str, Any] = {}
        for each in sent:
            put(probe, each, "probe")
        status = self.status_request("probe")
        if "probe" not in status.path and not status.json:
            raise ValueError(f"the status path must contain {{request_id}}: {self.status_path!r}")
        if not 0 < self.submit_seconds <= MAX_SUBMIT_SECONDS:
            raise ValueError(f"submit_seconds must be at most {MAX_SUBMIT_SECONDS:.0f}")

    # Options and prices -----------------------------------------------------------------------------

    def clean_options(self, options: Mapping[str, object]) -> dict[str, Value]:
        """Return the options in the engine's order, with the vendor's documented defaults filled in.

        Filling in the documented defaults gives equal renders equal options. Raise `OptionError` if a name is
        unknown or a value is not allowed.
        """
        known = {option.name for option in self.options}
        for name in options:
            if name not in known:
                raise OptionError(redact_text(str(name), 50), _("There is no such option."))
        cleaned: dict[str, Value] = {}
        for option in self.options:
            if option.name in options:
                cleaned[option.name] = option.clean(options[option.name])
            elif option.default is not None:
                cleaned[option.name] = option.default
        return cleaned

    def clean_own_photo_options(self, options: Mapping[str, object]) -> dict[str, Value]:
        """Like `clean_options`, but with `own_photo_defaults` where `options` has no value."""
        return self.clean_options({**self.own_photo_defaults, **options})

    def image_count(self, options: Mapping[str, object]) -> int:
        """Return how many images a render with these cleaned options produces and is charged for."""
        count = options.get(self.samples_option, 1) if self.samples_option else 1
        return count if isinstance(count, int) else 1

    def image_price(self, options: Mapping[str, object]) -> Decimal | None:
        """Return the vendor's price of one image in USD with these cleaned options; None if unknown."""
        found = [
            price
            for name, prices in self.prices_by_option.items()
            for value, price in prices.items()
            if options.get(name) == value
        ]
        return max(found) if found else self.price

    # Requests ---------------------------------------------------------------------------------------

    @property
    def supports_callbacks(self) -> bool:
        """Whether a submit can request a callback."""
        return self.callback_header is not None or self.callback_field is not None

    def submit_body(
        self, person: str, product: str, options: Mapping[str, Value], callback_url: str | None = None
    ) -> dict[str, Any]:
        """Return the JSON body of a submit.

        The number of images is always sent, so that the price does not depend on the vendor's default. Raise
        `ValueError` if `person` or `product` is not of the form that `images_as` names.
        """
        for image in (person, product):
            is_url = re.match(r"https?://", image) is not None
            if is_url != (self.images_as == "url") or image.startswith("data:"):
                raise ValueError(f"{self.name} takes its images as {self.images_as}")
        count = {self.samples_option: self.image_count(options)} if self.samples_option else {}
        fields = {option.name: option.field or option.name for option in self.options}
        body: dict[str, Any] = {}
        put(body, self.person_field, person)
        put(body, self.product_field, product)
        for name, value in {**options, **count}.items():
            put(body, fields.get(name, name), value)
        if callback_url is not None and self.callback_field is not None:
            put(body, self.callback_field, callback_url)
        return body

    def callback_headers(self, url: str) -> dict[str, str]:
        """Return the headers that request one callback, at the final status; {} without such a header."""
        if self.callback_header is None:
            return {}
        return {self.callback_header: url, "X-Webhook-Mode": "terminal"}

    def status_request(self, vendor_id: str) -> StatusRequest:
        """Return the request that polls a render. Never use `polling_url`, since our key is sent along."""
        path = self.status_path.replace("{request_id}", quote(vendor_id, safe=""))
        if self.status_field is None:
            return StatusRequest(method="GET", path=path)
        body: dict[str, Any] = {}
        put(body, self.status_field, vendor_id)
        return StatusRequest(method="POST", path=path, json=body)

    # Answers ----------------------------------------------------------------------------------------

    def parse(self, payload: object, vendor_id: str | None = None) -> VendorResponse:
        """Parse the answer to a submit, or to a poll of the render `vendor_id`.

        The answer to a submit can already have the final status and the output. Raise `BadPayload` if the
        payload is not an object or has no usable id. An answer to a poll may lack the id if it has a status.
        """
        if not isinstance(payload, Mapping):
            raise BadPayload("not an object")
        images = self._parse_images(payload)
        raw_status = redact_text(self._first_text(payload, self.status_fields), 50)
        status = parse_status(raw_status, has_images=bool(images), known=self.statuses)
        error = self.parse_error(payload)
        is_ended = status is not VendorStatus.RUNNING
        return VendorResponse(
            vendor_id=self._parse_id(payload, vendor_id if raw_status else None, images if is_ended else ()),
            status=status,
            raw_status=raw_status,
            is_declared=declared_status(raw_status, self.statuses) is status,
            images=images if status is VendorStatus.COMPLETED else (),
            error=redact_text(error, MAX_TEXT),
            error_code=error_code(error) if status in {VendorStatus.FAILED, VendorStatus.ERROR} else None,
            finished_at=parse_timestamp(payload.get("completed_at")) if is_ended else None,
            raw=redact(payload),
        )

    def parse_callback_id(self, body: bytes) -> str | None:
        """Return the render's id in a callback's body, or None.

        Callbacks are not signed, so the id only tells which render to poll. Nothing else in the body is used.
        """
        payload = parse_json(body) if len(body) <= MAX_BODY else None
        return ids.find_declared(payload, self.id_fields)

    def refusal_status(self, payload: object) -> int | None:
        """Return the HTTP status for which the code in an answer with status 200 stands; None for success."""
        codes = find(payload, self.code_field) if self.code_field is not None else []
        if not codes or codes[0] in self.success_codes:
            return None
        code = codes[0]
        return self.code_statuses.get(code, 400) if isinstance(code, str | int) else 400

    def names_render(self, payload: object) -> bool:
        """Return whether an answer has a field for the id of a render, usable or not."""
        return any(find(payload, path) for path in self.id_fields)

    def _parse_id(self, payload: Mapping[str, Any], polled_id: str | None, images: tuple[str, ...]) -> str:
        found = ids.find_declared(payload, self.id_fields)
        if found is None and not self.names_render(payload):
            found = polled_id or ids.find_known(payload) or ids.from_result(images)
        if found is None:
            raise BadPayload(f"no usable {self.id_fields[0]}")
        return found

    def _parse_images(self, payload: Mapping[str, Any]) -> tuple[str, ...]:
        values = [value for path in self.image_fields for value in find(payload, path)]
        urls = [item for value in values for item in (value if isinstance(value, list) else [value])]
        return parse_urls(urls)

    def parse_error(self, payload: object) -> str:
        """Return the vendor's error text, not yet redacted, or ""."""
        if not isinstance(payload, Mapping):
            return ""
        errors = [value for path in self.error_fields for value in find(payload, path) if value]
        return parse_error({**payload, "error": errors[0]}) if errors else ""

    @staticmethod
    def _first_text(payload: Mapping[str, Any], fields: tuple[str, ...]) -> str:
        return next((str(value) for path in fields for value in find(payload, path) if value), "")
