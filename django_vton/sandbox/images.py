"""Download and decode input images, within the limits of the engines."""

import base64
import binascii
import io
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, ImageOps

from .engine import Engine
from .http import RequestError, send_request
from .parameters import is_url

DOWNLOAD_SECONDS = 10
MAX_PIXELS = 50_000_000
OK = 200


class ImageLoadError(Exception):
    """An image cannot be loaded, or exceeds the documented limits."""


async def load_image(source: str, name: str, engine: Engine) -> bytes:
    """Download an image, or decode it from Base64. Errors call the image `name`.

    Raise `ImageLoadError` if that fails or the image has too many bytes for the engine.
    """
    limit = engine.max_image_bytes
    if is_url(source):
        try:
            status, data = await send_request("GET", source, seconds=DOWNLOAD_SECONDS, limit=limit)
        except RequestError as error:
            raise ImageLoadError(f"{name} could not be fetched: {error}") from None
        if status != OK:
            raise ImageLoadError(f"{name} could not be fetched: HTTP status {status}")
        return data
    try:
        data = base64.b64decode(source, validate=True)
    except (binascii.Error, ValueError):
        raise ImageLoadError(f"{name} is neither a URL nor a plain Base64 string") from None
    if len(data) > limit:
        raise ImageLoadError(f"{name} is larger than {limit} bytes")
    return data


def check_image(data: bytes, name: str, engine: Engine) -> None:
    """Raise `ImageLoadError` if the image is damaged or too small, or in a format the engine refuses."""
    try:
        with _open(data, engine.image_formats) as image:
            image.load()
    except Exception as error:  # noqa: BLE001 - Pillow raises errors of many types for a damaged file
        raise ImageLoadError(f"{name} is not a readable image ({type(error).__name__})") from None
    side = engine.min_image_side
    if min(image.size) < side:
        raise ImageLoadError(f"{name} is smaller than {side}x{side} px")


def decode_upright(data: bytes) -> Image.Image:
    """Return an RGBA image, rotated upright by its EXIF orientation."""
    with _open(data, ("JPEG", "PNG", "WEBP")) as image:
        return ImageOps.exif_transpose(image).convert("RGBA")


@contextmanager
def _open(data: bytes, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    with Image.open(io.BytesIO(data), formats=formats) as image:
        if image.width * image.height > MAX_PIXELS:
            raise ValueError("too many pixels")
        yield image
