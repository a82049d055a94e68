"""What is kept of a finished picture until its files are written."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image, ImageChops

from django_vton.worker import result_images


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_its_thumbnail_shows_the_same_and_its_pixels_are_given_back(kind: str, mode: str) -> None:
    if (kind, mode) == ("JPEG", "RGBA"):
        mode = "CMYK"
    picture = Image.new(mode, (900, 1200), 180)
    file = BytesIO()
    picture.save(file, kind)
    rendered = result_images.read(file.getvalue())
    assert rendered.picture.decoded is rendered.small.decoded is None
    small = Image.open(BytesIO(rendered.small.data))
    assert (small.format, small.mode, small.size) == ("JPEG", "RGB", (324, 432))
    seen = Image.open(BytesIO(rendered.picture.data)).convert("RGBA")
    shown = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    difference = ImageChops.difference(shown.resize(small.size), small)
    assert max(difference.tobytes()) <= 2
