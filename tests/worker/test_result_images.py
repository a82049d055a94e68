"""Decoded result images and their thumbnails."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image, ImageChops

from django_vton.worker import result_images


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_the_thumbnail_shows_the_image_and_the_pixels_are_freed(kind: str, mode: str) -> None:
    if (kind, mode) == ("JPEG", "RGBA"):
        mode = "CMYK"
    image = Image.new(mode, (900, 1200), 180)
    file = BytesIO()
    image.save(file, kind)
    result = result_images.decode(file.getvalue())
    assert result.image.decoded is result.thumbnail.decoded is None
    small = Image.open(BytesIO(result.thumbnail.data))
    assert (small.format, small.mode, small.size) == ("JPEG", "RGB", (324, 432))
    seen = Image.open(BytesIO(result.image.data)).convert("RGBA")
    shown = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    difference = ImageChops.difference(shown.resize(small.size), small)
    assert max(difference.tobytes()) <= 2
