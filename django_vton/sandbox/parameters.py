"""The parameters of a submit, and the checks that the engines share."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from .http import is_loopback

Placement = Literal["top", "bottom", "dress", "outerwear", "auto", "eyes"]
ImageFormat = Literal["png", "jpeg"]


class InvalidParameterError(Exception):
    """A submit breaks a documented rule. The message tells the developer which one."""


@dataclass(frozen=True)
class Parameters:
    """The checked parameters of a submit. `photo` and `product` are URLs or Base64, as received."""

    photo: str = field(repr=False)
    product: str | None = field(repr=False)
    placement: Placement
    format: ImageFormat
    images_charged: int
    images_returned: int
    result_type: str  #: the Content-Type of the results
    callback_url: str = field(default="", repr=False)  #: "" = no callback
    callback_mode: str = "terminal"


def as_mapping(body: object, names: Collection[str]) -> Mapping[str, Any]:
    """Return the body. Raise `InvalidParameterError` if it is no JSON object or has a key not in `names`."""
    if not isinstance(body, dict):
        raise InvalidParameterError("The body must be a JSON object")
    unknown = sorted(body.keys() - set(names))
    if unknown:
        raise InvalidParameterError(f"Unknown parameter: {', '.join(unknown)}")
    return body


def required_text(body: Mapping[str, Any], name: str) -> str:
    """Return a text or an image. Raise `InvalidParameterError` if it is not a non-empty string."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidParameterError(f"{name} is required and must be a string")
    return value


def choice(body: Mapping[str, Any], name: str, choices: Collection[str], default: str) -> str:
    """Return a parameter or its `default`. Raise `InvalidParameterError` if it is not one of `choices`."""
    value = body.get(name, default)
    if not isinstance(value, str) or value not in choices:
        raise InvalidParameterError(f"{name} must be one of: {', '.join(choices)}")
    return value


def boolean(body: Mapping[str, Any], name: str) -> None:
    """Raise `InvalidParameterError` if a parameter is given and not a boolean."""
    if not isinstance(body.get(name, True), bool):
        raise InvalidParameterError(f"{name} must be a boolean")


def integer(body: Mapping[str, Any], name: str, default: int, minimum: int, maximum: int) -> int:
    """Return a parameter or its `default`. Raise `InvalidParameterError` if it is not in the range."""
    value = body.get(name, default)
    if type(value) is not int or not minimum <= value <= maximum:
        raise InvalidParameterError(f"{name} must be an integer from {minimum} to {maximum}")
    return value


def callback_url(given: object, name: str) -> str:
    """Return a callback's URL, or "" without one. Raise `InvalidParameterError` if it is not an HTTPS URL.

    On loopback, HTTP is valid too, as a development server has no certificate.
    """
    if given is None or given == "":
        return ""
    try:
        parts = urlsplit(given if isinstance(given, str) else "")
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise InvalidParameterError(f"{name} must be an HTTPS URL")
    return str(given)


def is_url(image: str) -> bool:
    """Return whether an image parameter is a URL and not Base64, which contains no colon."""
    return image.lower().startswith(("http://", "https://"))
