"""Messages that tell the shopper or the merchant why an image is refused and what to do."""
# ruff: noqa: RUF001 -- sizes are written with a multiplication sign

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from django.utils.text import format_lazy
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Code = Literal["photo_unreadable", "photo_format", "photo_too_small", "photo_too_large"]
Subject = Literal["photo", "product", "result"]

# For each reason: the code, the text for the shopper, and the text for the merchant. The texts are whole
# sentences, because languages combine parts of sentences differently.
_REASONS: Mapping[str, tuple[Code, "_StrPromise", "_StrPromise"]] = {
    "unreadable": (
        "photo_unreadable",
        pgettext_lazy(
            "vton",
            "We couldn't open this photo: the file is damaged or incomplete. "
            "Please choose another photo, or take a new one.",
        ),
        pgettext_lazy(
            "vton",
            "The product picture cannot be opened: the file is damaged or not complete. "
            "Please upload it again.",
        ),
    ),
    "format": (
        "photo_format",
        pgettext_lazy(
            "vton",
            "We can't use this kind of file. Please choose a still photo in one of these formats: {formats}.",
        ),
        pgettext_lazy(
            "vton",
            "The product picture has a format that cannot be used. Please upload a still one, as {formats}.",
        ),
    ),
    "too_small": (
        "photo_too_small",
        pgettext_lazy(
            "vton",
            "This photo is too small: it has {width} × {height} px, and needs at least {side} × {side} px. "
            "Please choose another one.",
        ),
        pgettext_lazy(
            "vton",
            "The product picture is too small: it has {width} × {height} pixels. "
            "Please upload one with at least {side} × {side} pixels.",
        ),
    ),
    "too_narrow": (
        "photo_too_small",
        pgettext_lazy(
            "vton",
            "This photo is too narrow: it has {width} × {height} px, and the long side may be at most "
            "{ratio} times the short one. Please choose another one.",
        ),
        pgettext_lazy(
            "vton",
            "The product picture is too narrow: it has {width} × {height} pixels. "
            "Please upload one whose long side is at most {ratio} times its short side.",
        ),
    ),
    "too_many_bytes": (
        "photo_too_large",
        pgettext_lazy(
            "vton", "This photo is too big: the file has more than {limit} MB. Please choose a smaller one."
        ),
        pgettext_lazy(
            "vton",
            "The product picture is too large: the file has more than {limit} MB. "
            "Please upload a smaller one.",
        ),
    ),
    "too_many_pixels": (
        "photo_too_large",
        pgettext_lazy(
            "vton",
            "This photo is too big: it has {width} × {height} px, and this kind of file may have up to "
            "{limit} million pixels. Please choose a smaller one.",
        ),
        pgettext_lazy(
            "vton",
            "The product picture is too large: it has {width} × {height} pixels, and this kind of file may "
            "have {limit} million at most. Please upload a smaller one, or a JPEG that is not progressive: "
            "that may have {most} million.",
        ),
    ),
}
_RESULT = pgettext_lazy("vton", "The try-on service sent a picture that cannot be used.")


class ImageRefused(Exception):  # noqa: N818 -- a refusal is a response to a person and no program error
    """An image is refused, and nothing of it is stored.

    `code` is one of the API's refusal codes. `message` is a lazily translated text that says what is wrong
    and what to do. `str()` of the exception is the reason, such as "too_small".
    """

    code: Code
    message: "_StrPromise"

    def __init__(self, reason: str, subject: Subject, **numbers: object) -> None:
        super().__init__(reason)
        self.code, shopper, merchant = _REASONS[reason]
        text = {"photo": shopper, "product": merchant, "result": _RESULT}[subject]
        self.message = format_lazy(text, **numbers)
