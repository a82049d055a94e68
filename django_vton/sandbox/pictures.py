"""Bytes in and pictures out: what the gateway takes as an image, and how it comes by it."""

import base64
import binascii
import io
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageOps

from . import http11
from .fashn import Fashn
from .glass import Glass
from .order import is_url

FETCH_SECONDS = 10
MAX_PIXELS = 50_000_000
OK = 200


class ImageLoadError(Exception):
    """An image could not be had, or breaks the documented limits."""


async def load(source: str, name: str, engine: Fashn | Glass) -> bytes:
    """The bytes behind an image parameter, fetched or decoded. Raises ImageLoadError."""
    if is_url(source):
        try:
            status, data = await http11.call("GET", source, seconds=FETCH_SECONDS, limit=engine.image_bytes)
        except http11.UnreachableError as error:
            raise ImageLoadError(f"{name} could not be fetched: {error}") from None
        if status != OK:
            raise ImageLoadError(f"{name} could not be fetched: it answers {status}")
        return data
    try:
        data = base64.b64decode(source, validate=True)
    except (binascii.Error, ValueError):
        raise ImageLoadError(f"{name} is neither a URL nor a plain Base64 string") from None
    if len(data) > engine.image_bytes:
        raise ImageLoadError(f"{name} is larger than {engine.image_bytes} bytes")
    return data


def check(data: bytes, name: str, engine: Fashn | Glass) -> None:
    """Decodes an image, with the engine's limits on format and size. Raises ImageLoadError."""
    try:
        with _opened(data, engine.image_formats) as picture:
            picture.load()
    except Exception as error:  # noqa: BLE001 - Pillow raises all kinds for a broken file
        raise ImageLoadError(f"{name} is not a readable image ({type(error).__name__})") from None
    if min(picture.size) < engine.image_side:
        side = engine.image_side
        raise ImageLoadError(f"{name} is smaller than {side}x{side} px")


def decode(data: bytes, formats: tuple[str, ...] = ("JPEG", "PNG", "WEBP")) -> Image.Image:
    """An upright RGBA picture."""
    with _opened(data, formats) as opened:
        return ImageOps.exif_transpose(opened).convert("RGBA")


@contextmanager
def _opened(data: bytes, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    with Image.open(io.BytesIO(data), formats=formats) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise ValueError("too many pixels")
        yield opened
