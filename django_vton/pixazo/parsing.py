"""Parse the gateway's responses into one class, :class:`VendorResponse`.

Written from the vendor's own pages, "Fashn v1.6" (the universal queue, ``GET /v2/requests/status/{id}``)
and "Glass v1" (``POST .../glass-virtual-tryon-result``). Pure functions: nothing here opens a
socket or uses Django's models.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

MAX_ID = 200
MAX_BODY = 1_000_000
MAX_TEXT = 500
MAX_URL = 4096
MAX_IMAGES = 20
MAX_RAW = 16_000


class BadPayload(ValueError):  # noqa: N818  it describes the payload, not a fault of ours
    """The payload is no JSON object or has no usable request id. The message never quotes the payload."""


class VendorStatus(StrEnum):
    """The state of a render at the vendor."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    ERROR = "error"


# "Status Values" on the Fashn page; "submitted" and "completed" on the Glass page. Others are RUNNING.
_STATUSES = {
    "queued": VendorStatus.RUNNING,
    "submitted": VendorStatus.RUNNING,
    "processing": VendorStatus.RUNNING,
    "completed": VendorStatus.COMPLETED,
    "failed": VendorStatus.FAILED,
    "error": VendorStatus.ERROR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorResponse:
    """The gateway's response to a submit or a poll, or the body of a callback."""

    vendor_id: str
    """The vendor's ``request_id``; printable ASCII without spaces, at most ``MAX_ID`` characters."""
    status: VendorStatus
    """COMPLETED only if there is an image to download; see :func:`parse_status`."""
    raw_status: str
    """The vendor's own status text."""
    images: tuple[str, ...] = field(default=(), repr=False)
    """Result URLs, http or https. The download decides whether they may be requested."""
    error: str = ""
    """The vendor's error text without URLs, at most ``MAX_TEXT`` characters; for staff, not for shoppers."""
    error_code: str | None = None
    """moderated, no_person, photo_unusable, product_image or vendor; set if, and only if, FAILED or ERROR."""
    finished_at: datetime | None = None
    """Aware, UTC; set if the status is final and the vendor gave a time."""
    raw: dict[str, Any] = field(default_factory=dict)
    """The payload without URLs and limited in size: safe to store and to show to staff."""

    @property
    def is_final(self) -> bool:
        """Whether the vendor will say nothing else about this render."""
        return self.status is not VendorStatus.RUNNING


def parse_status(raw_status: str, *, has_images: bool) -> VendorStatus:
    """Map the vendor's status text to ours, ignoring case (Fashn writes ``COMPLETED``, Glass ``completed``).

    An undocumented value is RUNNING: it is polled until the deadline and never taken for success. COMPLETED
    without an image is RUNNING too: the render is paid for and its output may still appear, while FAILED
    would throw it away.
    """
    status = _STATUSES.get(raw_status.strip().casefold(), VendorStatus.RUNNING)
    if status is VendorStatus.COMPLETED and not has_images:
        return VendorStatus.RUNNING
    return status


def parse_id(payload: Mapping[str, Any]) -> str:
    """The ``request_id`` as a string. Raises BadPayload if it is missing or could not be polled."""
    value = payload.get("request_id")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not re.fullmatch(rf"(?!\.+\Z)[!-~]{{1,{MAX_ID}}}", value):
        raise BadPayload("no usable request_id")
    return value


def parse_urls(value: object) -> tuple[str, ...]:
    """The http(s) URLs in a string or a list of strings. Everything else is ignored."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return ()
    return tuple(url for url in value if isinstance(url, str) and _is_url(url))[:MAX_IMAGES]


def _is_url(text: str) -> bool:
    return len(text) <= MAX_URL and re.fullmatch(r"https?://[!-~]+", text, re.IGNORECASE) is not None


def parse_error(payload: Mapping[str, Any]) -> str:
    """The vendor's unmodified error text; "" if there is none.

    ``error`` comes alone or together with ``message`` (402 on the Fashn page). It may also be an object: the
    upstream model answers ``{"name": "PoseError", "message": "..."}`` in its own API.
    """
    error = payload.get("error")
    parts: Iterable[object]
    if isinstance(error, Mapping):
        parts = (error.get("name"), error.get("message"))
    elif error:
        parts = (error, payload.get("message"))
    else:
        parts = ()
    return ": ".join(part for part in parts if isinstance(part, str) and part)


_PERSON = re.compile(r"\b(model[\s_-]?image|person|human)", re.IGNORECASE)
_PRODUCT = re.compile(r"\b(garment|product|glass(es)?[\s_-]?image|glasses)", re.IGNORECASE)
_MODERATED = re.compile(r"\bcontent[\s_-]?moderation|\bnsfw", re.IGNORECASE)
_POSE = re.compile(r"\bpose[\s_-]?error", re.IGNORECASE)
_IMAGE_LOAD = re.compile(r"\bimage[\s_-]?load[\s_-]?error", re.IGNORECASE)
_INPUT = re.compile(r"\binput[\s_-]?validation[\s_-]?error", re.IGNORECASE)


def error_code(text: str) -> str:
    """Our error code for the vendor's error text.

    Pixazo documents no list. The names are from the upstream model's API, whose errors may be passed
    through. PipelineError and ThirdPartyError are the vendor's own problems and give ``vendor``, as does
    everything unknown. An image error is about the product only if the text mentions the product and not
    the person.
    """
    names_person, names_product = bool(_PERSON.search(text)), bool(_PRODUCT.search(text))
    product_only = names_product and not names_person
    if _MODERATED.search(text):
        return "moderated"
    if _POSE.search(text):
        return "product_image" if product_only else "no_person"
    if _IMAGE_LOAD.search(text) or (_INPUT.search(text) and (names_person or names_product)):
        return "product_image" if product_only else "photo_unusable"
    return "vendor"


def parse_timestamp(value: object) -> datetime | None:
    """An aware UTC datetime, or None.

    The vendor writes ``2026-05-22T13:17:32.110Z`` and ``2026-05-22 13:19:23``; without a zone it is UTC.
    """
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_json(body: bytes) -> Any:
    """The JSON in a body from outside. Raises BadPayload if it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # RecursionError: thousands of nested brackets
        raise BadPayload("not JSON") from None


def parse_callback_id(body: bytes) -> str | None:
    """The ``request_id`` in a callback's body, or None.

    Callbacks are not signed, so the id only tells which render to poll. Nothing else in the body is used.
    """
    if len(body) > MAX_BODY:
        return None
    try:
        payload = parse_json(body)
        return parse_id(payload) if isinstance(payload, dict) else None
    except BadPayload:
        return None


# No URL contains these characters unescaped. The quote also ends a URL in JSON that is inside a string.
_WORD = re.compile(r'[^\s"<>]+')


def redact_text(text: str, limit: int = MAX_TEXT) -> str:
    """Remove URLs and long opaque words (Base64), so that the text is safe to store in a database.

    A word with a scheme, with a host and a path, or with two slashes counts as a URL: a photo's URL is a
    secret even without its scheme. NUL and lone surrogates are replaced, since JSON allows and PostgreSQL
    refuses them.
    """
    clean = text[: 4 * limit].encode("utf-8", "replace").decode().replace("\0", "?")
    return _WORD.sub(lambda match: "[removed]" if _is_secret(match[0]) else match[0], clean)[:limit]


def _is_secret(word: str) -> bool:
    lowered = word.lower()
    head, slash, _ = lowered.partition("/")
    return (
        len(word) > MAX_ID
        or "://" in lowered
        or "%2f" in lowered
        or "data:" in lowered
        or lowered.count("/") >= 2  # noqa: PLR2004  a path, or scheme and host
        or (bool(slash) and "." in head)
    )


def redact(payload: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a payload that may be stored: no URLs, limited depth and size, only valid JSON values."""
    copy = _redact(payload, depth=5)
    assert isinstance(copy, dict)
    if len(json.dumps(copy)) > MAX_RAW:
        copy = {key: value for key, value in copy.items() if not isinstance(value, dict | list)}
    return copy


def _redact(value: object, depth: int) -> Any:
    match value:
        case str():
            return redact_text(value)
        case float() if not math.isfinite(value):
            return None
        case bool() | int() | float() | None:
            return value
        case Mapping() if depth:
            items = list(value.items())[:20]
            return {redact_text(str(key), 100): _redact(item, depth - 1) for key, item in items}
        case list() if depth:
            return [_redact(item, depth - 1) for item in value[:20]]
        case _:
            return "[removed]"
