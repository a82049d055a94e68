"""The parameters of a submit, and the checks that both engines share."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

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


def required_image(body: Mapping[str, Any], name: str) -> str:
    """Return an image parameter. Raise `InvalidParameterError` if it is not a non-empty string."""
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


def is_url(image: str) -> bool:
    """Return whether an image parameter is a URL and not Base64, which contains no colon."""
    return image.lower().startswith(("http://", "https://"))
