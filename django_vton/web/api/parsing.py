"""Reading a body of which nothing is believed, neither its names nor its types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile
from rest_framework.exceptions import ParseError

from ...conf import config
from ...exceptions import Refused
from .base import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rest_framework.request import Request

MAX_KEY = 255
WORDS = {"true": True, "1": True, "on": True, "false": False, "0": False, "off": False, "": False}


def fields(request: Request) -> Mapping[str, Any]:
    """The body's fields: a form's, or those of a JSON object."""
    if not hasattr(request.data, "get"):
        raise Refused("request_invalid")
    return cast("Mapping[str, Any]", request.data)


def text(body: Mapping[str, Any], name: str) -> str:
    """A string, "" where it is missing. NUL, which PostgreSQL does not take, is no text."""
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or "\0" in value:
        raise Refused("request_invalid", field=name)
    return value


def boolean(body: Mapping[str, Any], name: str) -> bool:
    """JSON's true and false, or a form's words for them; missing is false."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    known = WORDS.get(value.strip().lower()) if isinstance(value, str) else None
    if known is None:
        raise Refused("request_invalid", field=name)
    return known


def consent(body: Mapping[str, Any]) -> bool:
    """Whether the shopper agrees to the present words. An older version, where one is named, is none."""
    agrees, version = boolean(body, "consent"), text(body, "consent_version")
    return agrees and version in {"", config.CONSENT_VERSION}


def options(body: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON object of plain values, or its text in a form."""
    value = body.get("options")
    if isinstance(value, str):
        try:
            value = read_json(value) if value.strip() else None
        except ParseError:
            raise Refused("options_invalid", field="options") from None
    if value is None:
        return {}
    if not isinstance(value, dict) or any(isinstance(it, dict | list) for it in value.values()):
        raise Refused("options_invalid", field="options")
    return value


def photo(request: Request, body: Mapping[str, Any]) -> BinaryIO | None:
    """The one file that is looked at, or None. Its name and type are not read."""
    upload = request.FILES.get("photo")
    if isinstance(upload, UploadedFile):
        return cast("BinaryIO", upload.file)
    if body.get("photo"):
        # Text where a file should be: a form without `enctype`, or Base64.
        raise Refused("photo_unreadable", field="photo")
    return None


def idempotency_key(request: Request) -> str | None:
    """The header, or None; printable ASCII, at most 255 characters."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > MAX_KEY or not (key.isascii() and key.isprintable()):
        raise Refused("request_invalid", field="Idempotency-Key")
    return key or None
