"""The pictures that all parts send."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image, ImageDraw

from tests.running import phone_photo

SIZE = (576, 864)
"""Of the photo and so of the result: two thirds of the vendor's 864 x 1296, as processors are shared here
with the vendor's stand-in and the shop's web server, which in life have their own."""


@cache
def person() -> bytes:
    """A person's photo as JPEG."""
    return phone_photo(*SIZE)


@cache
def garment() -> bytes:
    """A product's picture as JPEG."""
    picture = Image.new("RGB", (400, 500), "white")
    ImageDraw.Draw(picture).polygon([(40, 80), (360, 80), (330, 460), (70, 460)], fill=(60, 90, 140))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()
