"""A submit's parameters, checked: the part of the protocol that both engines share."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Placement = Literal["top", "bottom", "dress", "outerwear", "auto", "eyes"]
PictureFormat = Literal["png", "jpeg"]


class InvalidError(Exception):
    """The submit breaks a documented rule; the message tells the developer which."""


@dataclass(frozen=True)
class Order:
    """What is to be rendered. Images are URLs or Base64, as they came."""

    photo: str = field(repr=False)
    product: str | None = field(repr=False)
    placement: Placement
    format: PictureFormat
    samples: int  #: pictures charged
    pictures: int  #: pictures that the engine's answer has room for


def parameters(body: object, names: Collection[str]) -> Mapping[str, Any]:
    """The body as a mapping that has no other than the documented names."""
    if not isinstance(body, dict):
        raise InvalidError("The body must be a JSON object")
    unknown = sorted(body.keys() - set(names))
    if unknown:
        raise InvalidError(f"Unknown parameter: {', '.join(unknown)}")
    return body


def image(body: Mapping[str, Any], name: str) -> str:
    """A required image parameter."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidError(f"{name} is required and must be a string")
    return value


def choice(body: Mapping[str, Any], name: str, choices: Collection[str], default: str) -> str:
    """One of the documented values."""
    value = body.get(name, default)
    if not isinstance(value, str) or value not in choices:
        raise InvalidError(f"{name} must be one of: {', '.join(choices)}")
    return value


def is_url(value: str) -> bool:
    """Whether an image parameter is a URL; Base64 has no colon."""
    return value.lower().startswith(("http://", "https://"))
