"""Turn untrusted bytes into safe images. The only package that uses Pillow.

The format is detected from the bytes alone, the size is known before decoding, and an image is always encoded
anew, so that only its pixels are stored or passed on. Every problem with a file raises `ImageRefused`. All
functions are pure and thread-safe. A call may take a second, so do not call them in an event loop.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from hashlib import sha256
from importlib.util import find_spec
from typing import BinaryIO, ParamSpec

from PIL import Image

from . import pixels
from .containers import DamagedError, ImageSource, WrongKindError, parse_container
from .limits import (
    MAX_BYTES,
    MAX_MEMORY,
    MAX_PIXELS,
    MAX_SIDE,
    MIN_SIDE,
    PRODUCT_BYTES,
    PRODUCT_PIXELS,
    RESULT_PIXELS,
    THUMBNAIL_SIDE,
    VENDOR_BYTES,
)
from .refusals import ImageRefused, Subject

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "MAX_SIDE",
    "MIN_SIDE",
    "PHOTO_FORMATS",
    "EncodedImage",
    "ImageRefused",
    "convert_result",
    "make_thumbnail",
    "normalize_person_photo",
    "normalize_product_image",
    "normalize_result",
]

_FORMAT_NAMES = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP", "HEIF": "HEIC", "GIF": "GIF"}
_RESULT_FORMATS = ("JPEG", "PNG", "WEBP")
PHOTO_FORMATS = _RESULT_FORMATS + (("HEIF",) if find_spec("pillow_heif") else ())
_PRODUCT_FORMATS = (*PHOTO_FORMATS, "GIF")

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image encoded by this package. Sizes are in pixels; the type is ``image/jpeg`` or ``image/png``."""

    data: bytes = field(repr=False)
    width: int
    height: int
    content_type: str
    decoded: Image.Image | None = field(default=None, repr=False, compare=False)
    """The pixels, if still in memory, so that a thumbnail need not decode the image again."""

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        return sha256(self.data).hexdigest()

    @property
    def extension(self) -> str:
        """``jpg`` or ``png``."""
        return {"image/jpeg": "jpg", "image/png": "png"}[self.content_type]


def _refuse_errors(subject: Subject) -> Callable[[Callable[P, EncodedImage]], Callable[P, EncodedImage]]:
    """Decorator that turns every error of a decoder into ImageRefused: even TypeError and IndexError occur.

    No exception is chained, since an error report would show the bytes in the decoder's frames.
    """

    def decorate(convert: Callable[P, EncodedImage]) -> Callable[P, EncodedImage]:
        @wraps(convert)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> EncodedImage:
            try:
                return convert(*args, **kwargs)
            except ImageRefused:
                raise
            except Exception:  # noqa: BLE001 -- see the docstring
                refusal = ImageRefused("unreadable", subject)
            raise refusal

        return guarded

    return decorate


@_refuse_errors("photo")
def normalize_person_photo(file: BinaryIO, *, max_bytes: int = MAX_BYTES) -> EncodedImage:
    """Convert a person's photo for the vendor, to an upright, opaque JPEG in sRGB, smaller than 10 MB.

    Each side has ``MIN_SIDE`` to ``MAX_SIDE`` pixels. The file is read from its current position, at most one
    byte beyond ``max_bytes``. Raises `ImageRefused`.
    """
    return _for_vendor(file, "photo", PHOTO_FORMATS, max_bytes, MAX_PIXELS)


@_refuse_errors("product")
def normalize_product_image(file: BinaryIO, *, max_bytes: int = PRODUCT_BYTES) -> EncodedImage:
    """Convert a merchant's product image for the vendor.

    As `normalize_person_photo`, but accepts larger files and the first frame of a GIF. Raises `ImageRefused`
    with a message for the merchant.
    """
    return _for_vendor(file, "product", _PRODUCT_FORMATS, max_bytes, PRODUCT_PIXELS)


@_refuse_errors("result")
def normalize_result(data: bytes) -> EncodedImage:
    """Decode the vendor's result and encode it anew, labelled as made with generative AI.

    A PNG stays a PNG with the same pixels and alpha, but loses its colour profile and the low byte of 16-bit
    channels. A JPEG stays a JPEG, upright and in sRGB. A WebP becomes a PNG if it has alpha, else a JPEG.
    Raises `ImageRefused`.
    """
    source = _read(data, "result", _RESULT_FORMATS, RESULT_PIXELS)
    if source.format == "JPEG":
        image = pixels.decode_plain_rgb(source, max(source.width, source.height))
    else:
        image = pixels.decode_exact(source)
    decoded = image if image.mode == "RGB" else None  # a thumbnail needs plain RGB
    if source.format == "PNG" or "A" in image.mode:
        return EncodedImage(pixels.encode_png(image, label=True), *image.size, "image/png", decoded)
    return EncodedImage(pixels.encode_jpeg(image, quality=95, label=True), *image.size, "image/jpeg", decoded)


@_refuse_errors("result")
def convert_result(data: bytes, content_type: str) -> EncodedImage:
    """Convert a stored result to ``image/png`` or ``image/jpeg``, with its label. Raises `ImageRefused`."""
    source = _read(data, "result", _RESULT_FORMATS, RESULT_PIXELS)
    if content_type == "image/png":
        image = pixels.decode_exact(source)
        return EncodedImage(pixels.encode_png(image, label=True), *image.size, content_type)
    image = pixels.decode_plain_rgb(source, max(source.width, source.height))
    return EncodedImage(pixels.encode_jpeg(image, quality=95, label=True), *image.size, "image/jpeg")


@_refuse_errors("result")
def make_thumbnail(
    image: EncodedImage | bytes, side: int = THUMBNAIL_SIDE, *, label: bool = False
) -> EncodedImage:
    """A small JPEG, with no side above ``side`` pixels, of one of this package's images or of its bytes.

    ``label``: as in `normalize_result`, for the thumbnail of a result. Raises `ImageRefused` for other bytes.
    """
    if isinstance(image, EncodedImage) and image.decoded is not None:
        small = pixels.shrink(image.decoded, side)
    else:
        data = image.data if isinstance(image, EncodedImage) else image
        small = pixels.decode_plain_rgb(_read(data, "result", _RESULT_FORMATS, MAX_PIXELS), side)
    return EncodedImage(pixels.encode_jpeg(small, quality=85, label=label), *small.size, "image/jpeg")


def _for_vendor(
    file: BinaryIO, subject: Subject, formats: tuple[str, ...], max_bytes: int, max_pixels: int
) -> EncodedImage:
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ImageRefused("too_many_bytes", subject, limit=max_bytes // 1_000_000)
    source = _read(data, subject, formats, max_pixels)
    del data  # it is as large as the decoder's own copies
    _check_shape(source, subject)
    image = pixels.decode_plain_rgb(source, MAX_SIDE)
    for quality in (92, 80, 60):  # even noise of 2000 x 2000 pixels is below the limit at 80
        written = pixels.encode_jpeg(image, quality=quality)
        if len(written) < VENDOR_BYTES:
            break
    return EncodedImage(written, *image.size, "image/jpeg", decoded=image)


def _read(data: bytes, subject: Subject, formats: tuple[str, ...], max_pixels: int) -> ImageSource:
    try:
        source = parse_container(data, formats)
    except WrongKindError:
        names = ", ".join(_FORMAT_NAMES[name] for name in formats)
        raise ImageRefused("format", subject, formats=names) from None
    # If the shop has set a lower limit in Pillow, it applies: above it, Pillow would warn or raise.
    limit = min(max_pixels, math.floor(MAX_MEMORY / source.cost), Image.MAX_IMAGE_PIXELS or max_pixels)
    if not source.width or not source.height:
        raise DamagedError("The image has no pixels.")
    if source.width * source.height > limit:
        width, height = source.upright
        raise ImageRefused("too_many_pixels", subject, width=width, height=height, limit=limit // 1_000_000)
    return source


def _check_shape(source: ImageSource, subject: Subject) -> None:
    """Refuse an image that is too small, or would be after its longest side is reduced."""
    width, height = source.upright
    if min(width, height) < MIN_SIDE:
        raise ImageRefused("too_small", subject, width=width, height=height, side=MIN_SIDE)
    if min(pixels.fit(width, height, MAX_SIDE)) < MIN_SIDE:
        ratio = MAX_SIDE // MIN_SIDE
        raise ImageRefused("too_narrow", subject, width=width, height=height, ratio=ratio)
