"""Pictures: anybody's bytes in, safe bytes out. The only place that knows Pillow.

A picture is told by its bytes alone, its size is known before it is decoded, and it is always written anew:
nothing of the file that came in is ever stored or passed on but its pixels. Whatever is wrong with a file,
the answer is `ImageRefused`. Pure and thread-safe; a call may take a second, so keep it off an event loop.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from typing import BinaryIO

from PIL import Image

from . import pixels
from .containers import DamagedError, Source, WrongKindError, read
from .refusals import ImageRefused, Subject

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "MAX_SIDE",
    "MIN_SIDE",
    "PHOTO_FORMATS",
    "ImageRefused",
    "Picture",
    "person_photo",
    "product_image",
    "result_as",
    "result_picture",
    "thumbnail",
]

MAX_BYTES = 15_000_000
MAX_PIXELS = 40_000_000
MAX_SIDE = 2000
# What Pixazo asks of pictures, for Glass v1: at least 300 x 300 pixels, at most 10 MB.
MIN_SIDE = 300
# A third of what Fashn renders, 864 x 1296: whole pixels are averaged and nothing is resampled.
THUMBNAIL_SIDE = 432
VENDOR_BYTES = 10_000_000

PRODUCT_BYTES = 50_000_000
PRODUCT_PIXELS = 80_000_000
RESULT_PIXELS = 25_000_000

# What a decoder may take, so that with copies of the file all stays below 300 MB. Pictures whose format needs
# much for each pixel have to have fewer of them.
MAX_MEMORY = 200_000_000

_NAMES = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP", "HEIF": "HEIC", "GIF": "GIF"}
_RESULT_FORMATS = ("JPEG", "PNG", "WEBP")
PHOTO_FORMATS = _RESULT_FORMATS + (("HEIF",) if find_spec("pillow_heif") else ())
_PRODUCT_FORMATS = (*PHOTO_FORMATS, "GIF")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that we wrote; its size is in pixels, its type ``image/jpeg`` or ``image/png``."""

    data: bytes = field(repr=False)
    width: int
    height: int
    content_type: str
    decoded: Image.Image | None = field(default=None, repr=False, compare=False)
    """Its pixels, where they are still at hand: a thumbnail need not decode them again."""

    @property
    def digest(self) -> str:
        """SHA-256 of the bytes, in hexadecimal."""
        return sha256(self.data).hexdigest()

    @property
    def extension(self) -> str:
        """For a file name, without the dot: ``jpg`` or ``png``."""
        return {"image/jpeg": "jpg", "image/png": "png"}[self.content_type]


def person_photo(file: BinaryIO, *, max_bytes: int = MAX_BYTES) -> Picture:
    """A shopper's photo as the vendor takes it: a JPEG below 10 MB, upright, opaque, in sRGB.

    Its sides have 300 to 2000 pixels. The file is read from where it stands, and no further than one byte
    above ``max_bytes``. Raises `ImageRefused`.
    """
    return _for_vendor(file, "photo", PHOTO_FORMATS, max_bytes, MAX_PIXELS)


def product_image(file: BinaryIO, *, max_bytes: int = PRODUCT_BYTES) -> Picture:
    """A merchant's product picture as the vendor takes it.

    As `person_photo`, but from larger files, and from a GIF's first frame. Raises `ImageRefused`, in words
    for the merchant.
    """
    return _for_vendor(file, "product", _PRODUCT_FORMATS, max_bytes, PRODUCT_PIXELS)


def result_picture(data: bytes) -> Picture:
    """The vendor's result, decoded as a whole and written anew, labelled as made with generative AI.

    A PNG stays one, pixel for pixel and with its alpha; dropped are a colour profile, and of 16-bit colour
    the low half. A JPEG stays one, upright and in sRGB. A WebP becomes a PNG where it has alpha, else a JPEG.
    Raises `ImageRefused`.
    """

    def work() -> Picture:
        source = _read(data, "result", _RESULT_FORMATS, RESULT_PIXELS)
        if source.format == "JPEG":
            image = pixels.plain(source, max(source.width, source.height))
        else:
            image = pixels.exact(source)
        decoded = image if image.mode == "RGB" else None  # Else a thumbnail has to bring it to plain RGB.
        if source.format == "PNG" or "A" in image.mode:
            return Picture(pixels.png(image, label=True), *image.size, "image/png", decoded)
        return Picture(pixels.jpeg(image, quality=95, label=True), *image.size, "image/jpeg", decoded)

    return _guarded(work, "result")


def result_as(data: bytes, content_type: str) -> Picture:
    """A stored result as ``image/png`` or ``image/jpeg``, labelled as it is. Raises `ImageRefused`."""

    def work() -> Picture:
        source = _read(data, "result", _RESULT_FORMATS, RESULT_PIXELS)
        if content_type == "image/png":
            image = pixels.exact(source)
            return Picture(pixels.png(image, label=True), *image.size, content_type)
        image = pixels.plain(source, max(source.width, source.height))
        return Picture(pixels.jpeg(image, quality=95, label=True), *image.size, "image/jpeg")

    return _guarded(work, "result")


def thumbnail(picture: Picture | bytes, side: int = THUMBNAIL_SIDE, *, label: bool = False) -> Picture:
    """A small JPEG, no side above ``side`` pixels, of what a function above has made, or of its bytes.

    ``label``: as in `result_picture`, for the thumbnail of a result. Raises `ImageRefused` for foreign bytes.
    """

    def work() -> Picture:
        if isinstance(picture, Picture) and picture.decoded is not None:
            image = pixels.shrunk(picture.decoded, side)
        else:
            data = picture.data if isinstance(picture, Picture) else picture
            image = pixels.plain(_read(data, "result", _RESULT_FORMATS, MAX_PIXELS), side)
        return Picture(pixels.jpeg(image, quality=85, label=label), *image.size, "image/jpeg")

    return _guarded(work, "result")


def _for_vendor(
    file: BinaryIO, subject: Subject, formats: tuple[str, ...], max_bytes: int, max_pixels: int
) -> Picture:
    def work() -> Picture:
        data = file.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise ImageRefused("too_many_bytes", subject, limit=max_bytes // 1_000_000)
        source = _read(data, subject, formats, max_pixels)
        del data  # as large as the decoder's own copies
        _check_shape(source, subject)
        image = pixels.plain(source, MAX_SIDE)
        for quality in (92, 80, 60):  # pure noise of 2000 x 2000 pixels is below the limit at 80
            written = pixels.jpeg(image, quality=quality)
            if len(written) < VENDOR_BYTES:
                break
        return Picture(written, *image.size, "image/jpeg", decoded=image)

    return _guarded(work, subject)


def _read(data: bytes, subject: Subject, formats: tuple[str, ...], max_pixels: int) -> Source:
    try:
        source = read(data, formats)
    except WrongKindError:
        names = ", ".join(_NAMES[name] for name in formats)
        raise ImageRefused("format", subject, formats=names) from None
    # A lower cap that the shop has given Pillow holds as well; above it, Pillow would warn or raise.
    limit = min(max_pixels, math.floor(MAX_MEMORY / source.cost), Image.MAX_IMAGE_PIXELS or max_pixels)
    if not source.width or not source.height:
        raise DamagedError("No pixels.")
    if source.width * source.height > limit:
        width, height = source.upright
        raise ImageRefused("too_many_pixels", subject, width=width, height=height, limit=limit // 1_000_000)
    return source


def _check_shape(source: Source, subject: Subject) -> None:
    """Large enough, and still so once its longest side is shrunk."""
    width, height = source.upright
    if min(width, height) < MIN_SIDE:
        raise ImageRefused("too_small", subject, width=width, height=height, side=MIN_SIDE)
    if min(pixels.fit(width, height, MAX_SIDE)) < MIN_SIDE:
        ratio = MAX_SIDE // MIN_SIDE
        raise ImageRefused("too_narrow", subject, width=width, height=height, ratio=ratio)


def _guarded(work: Callable[[], Picture], subject: Subject) -> Picture:
    """Refuse what breaks its decoder, whatever that raises: TypeError, IndexError, struct.error and more.

    Nothing is chained to the refusal: an error report would show the bytes in the decoder's frames.
    """
    try:
        return work()
    except ImageRefused:
        raise
    except Exception:  # noqa: BLE001 -- as said above
        refusal = ImageRefused("unreadable", subject)
    raise refusal
