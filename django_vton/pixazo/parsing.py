"""What Pixazo's gateway says, read into one shape.

Written from the vendor's own pages, "Fashn v1.6" (the universal queue, ``GET /v2/requests/status/{id}``)
and "Glass v1" (``POST .../glass-virtual-tryon-result``). Pure functions: nothing here opens a socket or
knows Django's models.
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


class BadPayload(ValueError):  # noqa: N818  it names the payload, not a fault of ours
    """An answer that cannot be used: no JSON object, or no request id. The text never holds the payload."""


class Status(StrEnum):
    """Our word for the state of a render at the vendor."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    ERROR = "error"


# "Status Values" on the Fashn page; "submitted" and "completed" on the Glass page. What is not here is
# RUNNING.
_STATUSES = {
    "queued": Status.RUNNING,
    "submitted": Status.RUNNING,
    "processing": Status.RUNNING,
    "completed": Status.COMPLETED,
    "failed": Status.FAILED,
    "error": Status.ERROR,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of the gateway to a submit or an ask, or the body of a callback."""

    vendor_id: str
    """The vendor's ``request_id``; printable ASCII without spaces, at most ``MAX_ID`` characters."""
    status: Status
    """COMPLETED only where there is a picture to fetch; see :func:`read_status`."""
    word: str
    """The vendor's status as it came."""
    images: tuple[str, ...] = field(default=(), repr=False)
    """Result URLs, http or https; where they may lead is for the fetch to decide."""
    error: str = ""
    """The vendor's error text without links, at most ``MAX_TEXT`` characters; for staff, not for shoppers."""
    error_code: str | None = None
    """moderated, no_person, photo_unusable, product_image or vendor; set if, and only if, FAILED or ERROR."""
    finished_at: datetime | None = None
    """Aware, UTC; set where the status is final and the vendor said when."""
    raw: dict[str, Any] = field(default_factory=dict)
    """The payload without links, bounded in size: safe to keep and to show to staff."""

    @property
    def final(self) -> bool:
        """Whether the vendor will say nothing else about this render."""
        return self.status is not Status.RUNNING


def read_status(word: str, *, has_images: bool) -> Status:
    """Our status for the vendor's word, in any case (Fashn writes ``COMPLETED``, Glass ``completed``).

    A total map. A word nobody documented is RUNNING: asked again until the deadline, never taken for
    success. So is COMPLETED without a picture: the render is paid for and its output may still come, while
    FAILED would throw it away.
    """
    status = _STATUSES.get(word.strip().casefold(), Status.RUNNING)
    if status is Status.COMPLETED and not has_images:
        return Status.RUNNING
    return status


def read_id(payload: Mapping[str, Any]) -> str:
    """The ``request_id`` as a string, or BadPayload where there is none that could be asked for."""
    value = payload.get("request_id")
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not re.fullmatch(rf"(?!\.+\Z)[!-~]{{1,{MAX_ID}}}", value):
        raise BadPayload("no usable request_id")
    return value


def read_links(value: object) -> tuple[str, ...]:
    """The http(s) URLs in a string or a list of strings; anything else is left out."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return ()
    return tuple(link for link in value if isinstance(link, str) and _is_link(link))[:MAX_IMAGES]


def _is_link(text: str) -> bool:
    return len(text) <= MAX_URL and re.fullmatch(r"https?://[!-~]+", text, re.IGNORECASE) is not None


def read_error(payload: Mapping[str, Any]) -> str:
    """The vendor's words for what went wrong, as they came; "" if none.

    ``error`` alone or with ``message`` beside it (402 on the Fashn page). An object in ``error`` is read as
    well: the upstream model answers ``{"name": "PoseError", "message": "..."}`` in its own API.
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
    """Our code for the vendor's error text.

    Pixazo documents no list. The names are those of the upstream model's API, which may show through.
    PipelineError and ThirdPartyError are the vendor's own trouble and get ``vendor``, as does everything
    unknown. An error about an image is the product's only where the text names the product and not the
    person.
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
    """The JSON in a body from outside; BadPayload where there is none.

    Python's parser raises three things: ValueError (not JSON, not UTF-8, an integer of thousands of digits)
    and, for a pit of brackets, RecursionError.
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadPayload("not JSON") from None


def parse_callback(body: bytes) -> str | None:
    """The ``request_id`` in a callback's body, or None.

    Callbacks are not signed: this is a hint which render to ask about, and nothing else in the body is used.
    """
    if len(body) > MAX_BODY:
        return None
    try:
        payload = parse_json(body)
        return read_id(payload) if isinstance(payload, dict) else None
    except BadPayload:
        return None


# Characters that no link holds unescaped end a word; a quote in JSON inside a string does as well.
_WORD = re.compile(r'[^\s"<>]+')


def redact_text(text: str, limit: int = MAX_TEXT) -> str:
    """The text without links and without long opaque runs (Base64), safe for a database's text column.

    A word with a scheme, a host and a path, or two slashes is a link: photo links are secrets also without
    their scheme. NUL and lone surrogates, which JSON may hold and PostgreSQL refuses, are replaced.
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
    """A copy of a payload that may be kept: no links, bounded depth and size, only what JSON columns take."""
    kept = _redact(payload, depth=5)
    assert isinstance(kept, dict)
    if len(json.dumps(kept)) > MAX_RAW:
        kept = {key: value for key, value in kept.items() if not isinstance(value, dict | list)}
    return kept


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
