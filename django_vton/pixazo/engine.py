"""An engine: one of the gateway's models, as data.

:class:`Engine` speaks the protocol that the gateway calls universal (submit to the model's path, ask at
``/v2/requests/status/{request_id}``, pictures in ``output.media_url``). Another model of the gateway is a
subclass that names its paths, fields and options; :class:`~django_vton.pixazo.fashn.Fashn` is no more than
that.
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
    Answer,
    BadPayload,
    Status,
    error_code,
    parse_timestamp,
    read_error,
    read_id,
    read_links,
    read_status,
    redact,
    redact_text,
)

Text = str | Promise
Value = str | int | bool


class OptionError(ValueError):
    """A render option that the engine does not take."""

    def __init__(self, name: str, message: Text) -> None:
        super().__init__(name, message)
        self.name = name
        """The option's name as it was given."""
        self.message = message
        """For a person; lazily translated."""

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One render option of an engine, with the values that the vendor's page allows."""

    name: str
    """The vendor's parameter name."""
    kind: Literal["choice", "integer", "boolean"]
    label: Text
    choices: tuple[str, ...] = ()
    """The allowed values of a choice."""
    choice_labels: tuple[Text, ...] = ()
    """For people, in the order of ``choices``; where empty the values speak for themselves."""
    minimum: int | None = None
    maximum: int | None = None
    default: Value | None = None
    """The vendor's documented default; None where the page gives none."""

    @property
    def labelled_choices(self) -> list[tuple[str, Text]]:
        """Pairs of value and label, as Django's forms take them."""
        return list(zip(self.choices, self.choice_labels or self.choices, strict=True))

    def clean(self, value: object) -> Value:
        """The value if it is allowed, else OptionError. Types are strict: neither True nor "1" is 1."""
        match self.kind:
            case "choice" if isinstance(value, str) and value in self.choices:
                return value
            case "boolean" if isinstance(value, bool):
                return value
            case "integer" if (
                isinstance(value, int) and not isinstance(value, bool) and self._in_range(value)
            ):
                return value
        raise OptionError(self.name, self._expected())

    def from_text(self, text: str) -> Value:
        """As :meth:`clean`, for a value out of an HTML form or a command line, where everything is text."""
        value: object = text
        if self.kind == "integer" and re.fullmatch(r"[0-9]{1,9}", text):
            value = int(text)
        elif self.kind == "boolean":
            value = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}.get(
                text.lower()
            )
        return self.clean(value)

    def _in_range(self, value: int) -> bool:
        above = self.minimum is None or value >= self.minimum
        return above and (self.maximum is None or value <= self.maximum)

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
class Call:
    """A request to the gateway: a path under the base URL and, for a POST, its JSON body."""

    method: Literal["GET", "POST"]
    path: str = field(repr=False)
    json: dict[str, Any] | None = field(default=None, repr=False)


class Engine:
    """One model of the gateway. Subclasses set the attributes; an instance may move the paths.

    Raises ValueError for a path that cannot work.
    """

    name: str
    """Ours, and a promise to shops: "fashn-v1.6"."""
    kind: Literal["garment", "eyewear"]
    """What it puts on: which products and house models it is for."""
    label: Text
    """Its name for the merchant."""
    price: Decimal
    """USD for one picture, as the vendor's page says; a shop's settings may say otherwise."""
    typical_seconds: int
    """A first guess for progress bars, until a shop has its own figures."""
    submit_path: str
    """Below the gateway's base URL: where a render is ordered, by a POST."""
    status_path: str = "/v2/requests/status/{request_id}"
    """Where it is asked about."""
    person_field: str
    """The submit's parameter for the person's picture."""
    product_field: str
    """The one for the product's picture."""
    options: tuple[Option, ...] = ()
    """Its further parameters, in the order of the vendor's page."""
    samples_option: str | None = None
    """The name of the option that says how many pictures to render."""
    images_as: Literal["url", "base64"] = "url"
    """How both images are handed over: as URLs that the vendor fetches, or as Base64 without a prefix."""
    callbacks: bool = True
    """Whether a submit may order a callback."""

    def __init__(self, *, submit_path: str | None = None, status_path: str | None = None) -> None:
        self.submit_path = submit_path or self.submit_path
        self.status_path = status_path or self.status_path
        for path in (self.submit_path, self.status_path):
            if not re.fullmatch(r"/[!-~]+", path) or path.startswith("//"):
                raise ValueError(f"{self.name}: a path begins with one slash and has no spaces: {path!r}")
        probe = self.status_call("probe")
        if "probe" not in probe.path and not probe.json:
            raise ValueError(f"{self.name}: the status path needs {{request_id}}: {self.status_path!r}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}>"

    def clean_options(self, options: Mapping[str, object]) -> dict[str, Value]:
        """The options in the engine's own order, with the vendor's documented defaults filled in.

        Raises OptionError for an unknown name or a value that is not allowed. Filling in only what is
        documented makes equal renders equal, without deciding what the vendor left open.
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
        """How many pictures these (clean) options ask for, and so how many are paid."""
        count = options.get(self.samples_option, 1) if self.samples_option else 1
        return count if isinstance(count, int) else 1

    def submit_body(self, person: str, product: str, options: Mapping[str, Value]) -> dict[str, Any]:
        """The JSON of a submit.

        ``person`` and ``product`` are both URLs or both Base64, as ``images_as`` says, else ValueError. The
        number of pictures is always sent, so that what is paid does not hang on a default of the vendor's.
        """
        for image in (person, product):
            is_link = re.match(r"https?://", image) is not None
            if is_link != (self.images_as == "url") or image.startswith("data:"):
                raise ValueError(f"{self.name} takes its images as {self.images_as}")
        count = {self.samples_option: self.image_count(options)} if self.samples_option else {}
        return {self.person_field: person, self.product_field: product, **options, **count}

    def callback_headers(self, url: str) -> dict[str, str]:
        """The headers of a submit that order one callback, at the final status."""
        return {"X-Webhook-URL": url, "X-Webhook-Mode": "terminal"} if self.callbacks else {}

    def status_call(self, vendor_id: str) -> Call:
        """How to ask for a render. No answer's ``polling_url`` is followed: the key would go with it."""
        return Call(method="GET", path=self.status_path.replace("{request_id}", quote(vendor_id, safe="")))

    def read_images(self, payload: Mapping[str, Any]) -> tuple[str, ...]:
        """The result URLs of a status answer, wherever this model puts them."""
        output = payload.get("output")
        return read_links(output.get("media_url")) if isinstance(output, Mapping) else ()

    def read(self, payload: object) -> Answer:
        """Any answer of the gateway about one render: to a submit or an ask, or a callback's body.

        A submit may be answered with the final status and the output at once. Raises BadPayload where the
        payload is no object or has no usable ``request_id``.
        """
        if not isinstance(payload, Mapping):
            raise BadPayload("not an object")
        vendor_id = read_id(payload)
        images = self.read_images(payload)
        word = redact_text(str(payload.get("status") or ""), 50)
        status = read_status(word, has_images=bool(images))
        failed = status in {Status.FAILED, Status.ERROR}
        error = read_error(payload)
        return Answer(
            vendor_id=vendor_id,
            status=status,
            word=word,
            images=images if status is Status.COMPLETED else (),
            error=redact_text(error, MAX_TEXT),
            error_code=error_code(error) if failed else None,
            finished_at=parse_timestamp(payload.get("completed_at"))
            if status is not Status.RUNNING
            else None,
            raw=redact(payload),
        )
