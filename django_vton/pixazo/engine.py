"""Engines: the gateway's models, described as data.

`Engine` implements the protocol that the gateway calls universal: a render is submitted to the model's path
and polled at `/v2/requests/status/{request_id}`, and the images are in `output.media_url`. A subclass such
as `Fashn` sets the paths, fields and options of a model.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal
from urllib.parse import quote

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from .parsing import (
    MAX_TEXT,
    BadPayload,
    VendorResponse,
    VendorStatus,
    error_code,
    parse_error,
    parse_id,
    parse_status,
    parse_timestamp,
    parse_urls,
    redact,
    redact_text,
)

Text = str | Promise
Value = str | int | bool


class OptionError(ValueError):
    """A render option that the engine does not accept."""

    def __init__(self, name: str, message: Text) -> None:
        super().__init__(name, message)
        self.name = name
        """The option's name as the caller gave it."""
        self.message = message
        """The explanation for people; lazily translated."""

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One render option of an engine, with the values that the vendor allows."""

    name: str
    """The vendor's parameter name."""
    kind: Literal["choice", "integer", "boolean"]
    label: Text
    choices: tuple[str, ...] = ()
    """The allowed values of a choice."""
    choice_labels: tuple[Text, ...] = ()
    """The labels for people, in the order of `choices`. If empty, the values themselves are shown."""
    minimum: int | None = None
    maximum: int | None = None
    default: Value | None = None
    """The vendor's documented default, or None."""

    @property
    def labelled_choices(self) -> list[tuple[str, Text]]:
        """The choices as pairs of value and label, for Django's forms."""
        return list(zip(self.choices, self.choice_labels or self.choices, strict=True))

    def clean(self, value: object) -> Value:
        """Return an allowed value unchanged, or raise `OptionError`. True and "1" do not count as 1."""
        match self.kind:
            case "choice" if isinstance(value, str) and value in self.choices:
                return value
            case "boolean" if isinstance(value, bool):
                return value
            case "integer" if isinstance(value, int) and not isinstance(value, bool):
                is_above_minimum = self.minimum is None or value >= self.minimum
                if is_above_minimum and (self.maximum is None or value <= self.maximum):
                    return value
        raise OptionError(self.name, self._expected())

    def from_text(self, text: str) -> Value:
        """Return the value of a string from a form or a command line. Raise `OptionError` as in `clean`."""
        value: object = text
        if self.kind == "integer" and re.fullmatch(r"[0-9]{1,9}", text):
            value = int(text)
        elif self.kind == "boolean":
            value = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}.get(
                text.lower()
            )
        return self.clean(value)

    def _expected(self) -> Text:
        if self.kind == "choice":
            return format_lazy(_("Choose one of: {choices}."), choices=", ".join(self.choices))
        if self.kind == "boolean":
            return _("Must be true or false.")
        if self.minimum is None or self.maximum is None:
            return _("Must be a whole number.")
        return format_lazy(
            _("Must be a whole number from {minimum} to {maximum}."),
            minimum=self.minimum,
            maximum=self.maximum,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """A request for the status of a render. `path` is below the base URL; `json` is the body of a POST."""

    method: Literal["GET", "POST"]
    path: str = field(repr=False)
    json: dict[str, Any] | None = field(default=None, repr=False)


class Engine:
    """One model of the gateway. Subclasses set the attributes; an instance may override the paths.

    Raise `ValueError` if a path is invalid.
    """

    name: str
    """Our name, such as "fashn-v1.6". Shops' settings and code use it."""
    kind: Literal["garment", "eyewear"]
    """The kind of products and house models that the engine can render."""
    label: Text
    """The engine's name for merchants."""
    price: Decimal
    """The vendor's price of one image in USD. The shop's settings can override it."""
    typical_seconds: int
    """The usual seconds of a render, until the shop has measured its own."""
    submit_path: str
    """The path below the gateway's base URL to which a render is POSTed."""
    status_path: str = "/v2/requests/status/{request_id}"
    """The path below the gateway's base URL that returns the status of a render."""
    person_field: str
    """The name of the submit's parameter for the person's image."""
    product_field: str
    """The name of the submit's parameter for the product's image."""
    options: tuple[Option, ...] = ()
    """The other parameters, in the order of the vendor's page."""
    samples_option: str | None = None
    """The name of the option that sets the number of images."""
    images_as: Literal["url", "base64"] = "url"
    """How both images are sent: as URLs that the vendor downloads, or as Base64 without a prefix."""
    supports_callbacks: bool = True
    """Whether a submit can request a callback."""

    def __init__(self, *, submit_path: str | None = None, status_path: str | None = None) -> None:
        self.submit_path = submit_path or self.submit_path
        self.status_path = status_path or self.status_path
        for path in (self.submit_path, self.status_path):
            if not re.fullmatch(r"/[!-~]+", path) or path.startswith("//"):
                raise ValueError(
                    f"{self.name}: a path must begin with one slash and have no spaces: {path!r}"
                )
        probe = self.status_request("probe")
        if "probe" not in probe.path and not probe.json:
            raise ValueError(
                f"{self.name}: the status path must contain {{request_id}}: {self.status_path!r}"
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

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

    def image_count(self, options: Mapping[str, object]) -> int:
        """Return how many images a render with these cleaned options produces and is charged for."""
        count = options.get(self.samples_option, 1) if self.samples_option else 1
        return count if isinstance(count, int) else 1

    def submit_body(self, person: str, product: str, options: Mapping[str, Value]) -> dict[str, Any]:
        """Return the JSON body of a submit.

        The number of images is always sent, so that the price does not depend on the vendor's default. Raise
        `ValueError` if `person` or `product` is not of the form that `images_as` names.
        """
        for image in (person, product):
            is_url = re.match(r"https?://", image) is not None
            if is_url != (self.images_as == "url") or image.startswith("data:"):
                raise ValueError(f"{self.name} takes its images as {self.images_as}")
        count = {self.samples_option: self.image_count(options)} if self.samples_option else {}
        return {self.person_field: person, self.product_field: product, **options, **count}

    def callback_headers(self, url: str) -> dict[str, str]:
        """Return the headers that request one callback, at the final status; {} without callback support."""
        return {"X-Webhook-URL": url, "X-Webhook-Mode": "terminal"} if self.supports_callbacks else {}

    def status_request(self, vendor_id: str) -> StatusRequest:
        """Return the request that polls a render. Never use `polling_url`, since our key is sent along."""
        return StatusRequest(
            method="GET", path=self.status_path.replace("{request_id}", quote(vendor_id, safe=""))
        )

    def parse_images(self, payload: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the result URLs in a status response."""
        output = payload.get("output")
        return parse_urls(output.get("media_url")) if isinstance(output, Mapping) else ()

    def parse(self, payload: object) -> VendorResponse:
        """Parse the response to a submit or a poll, or the body of a callback.

        The response to a submit can already have the final status and the output. Raise `BadPayload` if the
        payload is not an object or has no usable `request_id`.
        """
        if not isinstance(payload, Mapping):
            raise BadPayload("not an object")
        vendor_id = parse_id(payload)
        images = self.parse_images(payload)
        raw_status = redact_text(str(payload.get("status") or ""), 50)
        status = parse_status(raw_status, has_images=bool(images))
        error = parse_error(payload)
        return VendorResponse(
            vendor_id=vendor_id,
            status=status,
            raw_status=raw_status,
            images=images if status is VendorStatus.COMPLETED else (),
            error=redact_text(error, MAX_TEXT),
            error_code=error_code(error) if status in {VendorStatus.FAILED, VendorStatus.ERROR} else None,
            finished_at=parse_timestamp(payload.get("completed_at"))
            if status is not VendorStatus.RUNNING
            else None,
            raw=redact(payload),
        )
