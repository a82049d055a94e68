"""Turn untrusted bytes into safe images. Except for the sandbox, only this package uses Pillow.

The package detects the format from the bytes alone, and knows the size before it decodes. It encodes every
image again, so that only pixels are stored or passed on. It raises `ImageRefused` for every problem with a
file. All functions are thread-safe. A call can take seconds, so do not call them in an event loop.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from hashlib import sha256
from typing import BinaryIO, ParamSpec, TypeVar

from PIL import Image

from . import pixels
from .containers import parse_container
from .limits import (
    FORMAT_NAMES,
    MAX_BYTES,
    MAX_MEMORY,
    MAX_PIXELS,
    MAX_SIDE,
    MIN_SIDE,
    PHOTO_FORMATS,
    PILLOWS_MAX_PIXELS,
    PRODUCT_BYTES,
    PRODUCT_FORMATS,
    PRODUCT_PIXELS,
    RESULT_FORMATS,
    RESULT_PIXELS,
    THUMBNAIL_SIDE,
    VENDOR_BYTES,
)
from .provenance import keep_provenance
from .refusals import ImageRefused, Subject
from .source import DamagedError, ImageSource, WrongKindError

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "MAX_SIDE",
    "MIN_SIDE",
    "PHOTO_FORMATS",
    "EncodedImage",
    "ImageRefused",
    "check_product_image",
    "convert_result",
    "keep_provenance",
    "make_thumbnail",
    "mark_result",
    "normalize_person_photo",
    "normalize_product_image",
    "normalize_result",
]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image that this package encoded. Sizes are in pixels, the type is `image/jpeg` or `image/png`."""

    data: bytes = field(repr=False)
    width: int
    height: int
    content_type: str
    decoded: Image.Image | None = field(default=None, repr=False, compare=False)
    """The pixels, if they are still in memory. `make_thumbnail` then does not decode the image again."""

    @property
    def digest(self) -> str:
        """The SHA-256 of the bytes, in hexadecimal."""
        return sha256(self.data).hexdigest()

    @property
    def extension(self) -> str:
        """The file extension: `jpg` or `png`."""
        return {"image/jpeg": "jpg", "image/png": "png"}[self.content_type]


def _refuse_errors(subject: Subject) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function so that it raises `ImageRefused` for all errors, since decoders raise any type.

    The original error is not chained, because an error report would show the image from the decoder's frames.
    """

    def decorate(convert: Callable[P, R]) -> Callable[P, R]:
        @wraps(convert)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return convert(*args, **kwargs)
            except ImageRefused:
                raise
            except Exception:  # noqa: BLE001 -- as the docstring says
                refusal = ImageRefused("unreadable", subject)
            raise refusal

        return guarded

    return decorate


@_refuse_errors("photo")
def normalize_person_photo(file: BinaryIO, *, max_bytes: int = MAX_BYTES) -> EncodedImage:
    """Convert a person's photo for the vendor, to an upright, opaque JPEG in sRGB, smaller than 10 MB.

    The JPEG has `MIN_SIDE` to `MAX_SIDE` pixels on each side. Reading starts at the file's current position.
    Raise `ImageRefused` if the file is no photo, is damaged, too small or narrow, or exceeds a limit such as
    `max_bytes`.
    """
    return _for_vendor(file, "photo", PHOTO_FORMATS, max_bytes, MAX_PIXELS)


@_refuse_errors("product")
def normalize_product_image(file: BinaryIO, *, max_bytes: int = PRODUCT_BYTES) -> EncodedImage:
    """Convert a merchant's product image for the vendor.

    Like `normalize_person_photo`, but accept larger files, GIF, AVIF and the first frame of an animation. The
    message of `ImageRefused` is for the merchant.
    """
    return _for_vendor(file, "product", PRODUCT_FORMATS, max_bytes, PRODUCT_PIXELS)


@_refuse_errors("product")
def check_product_image(file: BinaryIO) -> None:
    """Raise `ImageRefused` if `normalize_product_image` would, as far as the file tells without decoding."""
    _read_file(file, "product", PRODUCT_FORMATS, PRODUCT_BYTES, PRODUCT_PIXELS)


@_refuse_errors("result")
def normalize_result(data: bytes) -> EncodedImage:
    """Decode the vendor's result and encode it again, with a label that says it was made with generative AI.

    A PNG stays a PNG with the same pixels and alpha, but without its color profile and the low byte of 16-bit
    channels. A JPEG stays a JPEG, upright and in sRGB. A WebP with alpha becomes a PNG, any other a JPEG.
    Raise `ImageRefused` if the bytes are no image or a damaged one, or have too many pixels.
    """
    source = _read(data, "result", RESULT_FORMATS, RESULT_PIXELS)
    if source.format == "JPEG":
        image = pixels.decode_plain_rgb(source, max(source.width, source.height))
    else:
        image = pixels.decode_exact(source)
    decoded = image if image.mode == "RGB" else None  # make_thumbnail needs RGB
    if source.format == "PNG" or "A" in image.mode:
        return EncodedImage(pixels.encode_png(image, label=True), *image.size, "image/png", decoded)
    return EncodedImage(pixels.encode_jpeg(image, quality=95, label=True), *image.size, "image/jpeg", decoded)


@_refuse_errors("result")
def convert_result(data: bytes, content_type: str) -> EncodedImage:
    """Convert a stored result to `image/png` or `image/jpeg`, with the label that `normalize_result` adds.

    Raise `ImageRefused` as `normalize_result` does.
    """
    source = _read(data, "result", RESULT_FORMATS, RESULT_PIXELS)
    if content_type == "image/png":
        image = pixels.decode_exact(source)
        return EncodedImage(pixels.encode_png(image, label=True), *image.size, content_type)
    image = pixels.decode_plain_rgb(source, max(source.width, source.height))
    return EncodedImage(pixels.encode_jpeg(image, quality=95, label=True), *image.size, "image/jpeg")


@_refuse_errors("result")
def mark_result(data: bytes, draw: Callable[[Image.Image], Image.Image]) -> EncodedImage:
    """Return a stored result in its own format, as `draw` changes its pixels, with the label.

    `draw` gets an image in RGB or RGBA and returns one. Raise `ImageRefused` as `normalize_result` does.
    """
    source = _read(data, "result", RESULT_FORMATS, RESULT_PIXELS)
    image = pixels.decode_exact(source)
    marked = draw(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    if source.format == "PNG":
        # Somebody waits: this level takes a quarter of the time of the default, for a file 12 % larger.
        written = pixels.encode_png(marked, label=True, compression=1)
        return EncodedImage(written, *marked.size, "image/png")
    marked = marked.convert("RGB")
    return EncodedImage(pixels.encode_jpeg(marked, quality=95, label=True), *marked.size, "image/jpeg")


@_refuse_errors("result")
def make_thumbnail(
    image: EncodedImage | bytes, side: int = THUMBNAIL_SIDE, *, label: bool = False
) -> EncodedImage:
    """Return a small JPEG of an image that this package encoded, with at most `side` pixels on each side.

    `label` adds the label of `normalize_result`. Raise `ImageRefused` if bytes cannot be decoded.
    """
    if isinstance(image, EncodedImage) and image.decoded is not None:
        small = pixels.shrink(image.decoded, side)
    else:
        data = image.data if isinstance(image, EncodedImage) else image
        small = pixels.decode_plain_rgb(_read(data, "result", RESULT_FORMATS, MAX_PIXELS), side)
    return EncodedImage(pixels.encode_jpeg(small, quality=85, label=label), *small.size, "image/jpeg")


def _for_vendor(
    file: BinaryIO, subject: Subject, formats: tuple[str, ...], max_bytes: int, max_pixels: int
) -> EncodedImage:
    source = _read_file(file, subject, formats, max_bytes, max_pixels)
    image = pixels.decode_plain_rgb(source, MAX_SIDE)
    for quality in (92, 80, 60):  # At 80, even noise of 2000 x 2000 pixels is below VENDOR_BYTES.
        written = pixels.encode_jpeg(image, quality=quality)
        if len(written) < VENDOR_BYTES:
            break
    return EncodedImage(written, *image.size, "image/jpeg", decoded=image)


def _read_file(
    file: BinaryIO, subject: Subject, formats: tuple[str, ...], max_bytes: int, max_pixels: int
) -> ImageSource:
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ImageRefused("too_many_bytes", subject, limit=max_bytes // 1_000_000)
    source = _read(data, subject, formats, max_pixels)
    _check_shape(source, subject)
    return source


def _read(data: bytes, subject: Subject, formats: tuple[str, ...], max_pixels: int) -> ImageSource:
    try:
        source = parse_container(data, formats)
    except WrongKindError:
        source = None
    if source is None or (source.is_animated and subject != "product"):
        names = ", ".join(FORMAT_NAMES[name] for name in formats)
        raise ImageRefused("format", subject, formats=names)
    limit = min(max_pixels, math.floor((MAX_MEMORY - len(data)) / source.cost))
    if Image.MAX_IMAGE_PIXELS and Image.MAX_IMAGE_PIXELS < PILLOWS_MAX_PIXELS:
        limit = min(limit, Image.MAX_IMAGE_PIXELS)
    if not source.width or not source.height:
        raise DamagedError("The image has no pixels.")
    if source.width * source.height > limit:
        width, height = source.upright
        raise ImageRefused(
            "too_many_pixels",
            subject,
            width=width,
            height=height,
            limit=limit // 1_000_000,
            most=max_pixels // 1_000_000,
        )
    return source


def _check_shape(source: ImageSource, subject: Subject) -> None:
    """Refuse an image with a side below `MIN_SIDE`, now or after it is shrunk to `MAX_SIDE`."""
    width, height = source.upright
    if min(width, height) < MIN_SIDE:
        raise ImageRefused("too_small", subject, width=width, height=height, side=MIN_SIDE)
    if min(pixels.fit(width, height, MAX_SIDE)) < MIN_SIDE:
        ratio = MAX_SIDE // MIN_SIDE
        raise ImageRefused("too_narrow", subject, width=width, height=height, ratio=ratio)
