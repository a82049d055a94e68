"""Parse the gateway's responses into one class, `VendorResponse`.

The formats are those of the vendor's pages "Fashn v1.6" (`GET /v2/requests/status/{id}`) and "Glass v1"
(`POST .../glass-virtual-tryon-result`). All functions are pure.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

MAX_WORD = 200
MAX_BODY = 1_000_000
MAX_TEXT = 500
MAX_URL = 4096
MAX_IMAGES = 20
MAX_RAW = 16_000


class BadPayload(ValueError):  # noqa: N818  It describes the payload, not an error of ours.
    """The payload is not an object or has no usable id of a render. The message never quotes the payload."""


class VendorStatus(StrEnum):
    """The state of a render at the vendor."""

    RUNNING = "running"
    """It has not ended."""
    COMPLETED = "completed"
    """It has its images."""
    FAILED = "failed"
    """It has ended without images, and counts as charged."""
    ERROR = "error"
    """It has ended by an error of the vendor's system, and costs nothing."""


# From "Status Values" on the Fashn page; "submitted" and "completed" are also on the Glass page.
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
    """The vendor's id of the render: see `ids.is_id`."""
    status: VendorStatus
    """COMPLETED only if there is an image to download; see `parse_status`."""
    raw_status: str
    """The vendor's own status text."""
    is_declared: bool = True
    """Whether the engine declares the status and, if COMPLETED, the images are where it declares them."""
    images: tuple[str, ...] = field(default=(), repr=False)
    """Result URLs, http or https. Whether they may be requested is not checked yet."""
    error: str = ""
    """The vendor's error text without URLs, at most `MAX_TEXT` characters; for staff, not for shoppers."""
    error_code: str | None = None
    """moderated, no_person, photo_unusable, product_image or vendor; set if, and only if, FAILED or ERROR."""
    finished_at: datetime | None = None
    """When the render ended, in UTC. None if it has not, or the vendor gave no time."""
    raw: dict[str, Any] = field(default_factory=dict)
    """The payload without URLs and limited in size, to be stored and shown to staff."""

    @property
    def is_final(self) -> bool:
        """Whether the status of this render will not change any more."""
        return self.status is not VendorStatus.RUNNING


def parse_status(
    raw_status: str, *, has_images: bool, known: Mapping[str, VendorStatus] | None = None
) -> VendorStatus:
    """Map the vendor's status text to ours, ignoring case (Fashn writes `COMPLETED`, Glass `completed`).

    `known` are the words of one engine, in lower case. Any other status is RUNNING, so that the render is
    polled until its deadline. COMPLETED without an image is RUNNING too, since the image is paid for and can
    still appear.
    """
    status = declared_status(raw_status, known or {})
    if status is None or (status is VendorStatus.COMPLETED and not has_images):
        return VendorStatus.RUNNING
    return status


def declared_status(raw_status: str, known: Mapping[str, VendorStatus]) -> VendorStatus | None:
    """Return what the vendor's status text means, or None if neither its documents nor the engine say it."""
    return {**_STATUSES, **known}.get(raw_status.strip().casefold())


def parse_urls(value: object) -> tuple[str, ...]:
    """Return at most `MAX_IMAGES` http(s) URLs from a string or a list. Ignore all other values."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return ()
    return tuple(url for url in value if isinstance(url, str) and _is_url(url))[:MAX_IMAGES]


def _is_url(text: str) -> bool:
    return len(text) <= MAX_URL and re.fullmatch(r"https?://[!-~]+", text, re.IGNORECASE) is not None


def parse_error(payload: Mapping[str, Any]) -> str:
    """Return the vendor's error text, not yet redacted, or "".

    `error` can come with a `message` (402 on the Fashn page), or be an object, as in the API of the upstream
    model: `{"name": "PoseError", "message": "..."}`.
    """
    error = payload.get("error")
    parts = [error, payload.get("message")] if error else []
    if isinstance(error, Mapping):
        parts = [error.get("name"), error.get("message")]
    return ": ".join(dict.fromkeys(part for part in parts if isinstance(part, str) and part))


_PERSON = re.compile(r"\b(model[\s_-]?image|person|human)", re.IGNORECASE)
_PRODUCT = re.compile(r"\b(garment|product|glass(es)?[\s_-]?image|glasses)", re.IGNORECASE)
_MODERATED = re.compile(r"\bcontent[\s_-]?moderation|\bnsfw", re.IGNORECASE)
_POSE = re.compile(r"\bpose[\s_-]?error", re.IGNORECASE)
_IMAGE_LOAD = re.compile(r"\bimage[\s_-]?load[\s_-]?error", re.IGNORECASE)
_INPUT = re.compile(r"\binput[\s_-]?validation[\s_-]?error", re.IGNORECASE)


def error_code(text: str) -> str:
    """Return our error code for the vendor's error text. An unknown text gives "vendor".

    Pixazo documents no error names. The names here are from the API of the upstream model, whose errors
    Pixazo might pass through. An image error counts as the product's if the text names only the product.
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
    """Parse an ISO timestamp to an aware datetime in UTC. Return None for any other value."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def parse_json(body: bytes | None) -> Any:
    """Decode a JSON body. Return None if the body is missing or is not JSON."""
    try:
        return None if body is None else json.loads(body)
    except (ValueError, RecursionError):  # Thousands of nested brackets raise RecursionError.
        return None


# A URL ends at these characters, since it would have to escape them.
_WORD = re.compile(r'[^\s"<>]+')


def remove_secret(word: str) -> str:
    """Return a word, or "[removed]" if it is a URL or long, such as Base64."""
    return "[removed]" if _is_secret(word) else word


def redact_text(text: str, limit: int = MAX_TEXT, redact_word: Callable[[str], str] = remove_secret) -> str:
    """Replace URLs and long words such as Base64, and cut the text to `limit` characters, for storage.

    A photo's URL is a secret even without its scheme, so any word with a host and a path or with two slashes
    counts as a URL. NUL and lone surrogates are replaced, since PostgreSQL refuses them.
    """
    clean = text[: 4 * limit].encode("utf-8", "replace").decode().replace("\0", "?")
    return _WORD.sub(lambda match: redact_word(match[0]), clean)[:limit]


def _is_secret(word: str) -> bool:
    lowered = word.lower()
    head, slash, _ = lowered.partition("/")
    return (
        len(word) > MAX_WORD
        or "://" in lowered
        or "%2f" in lowered
        or "data:" in lowered
        or lowered.count("/") >= 2  # noqa: PLR2004  a path, or a scheme and a host
        or (bool(slash) and "." in head)
    )


def redact(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a payload for storage, without URLs and limited in depth and size."""
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
