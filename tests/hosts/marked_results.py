"""Results as the package stores them, for image libraries to make thumbnails of."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from django.core.files.images import ImageFile
from PIL import Image

from django_vton.images import normalize_result

if TYPE_CHECKING:
    from collections.abc import Iterator


def results(count: int) -> Iterator[ImageFile]:
    """Yield different images, JPEG and PNG by turns."""
    for number in range(count):
        out = io.BytesIO()
        picture = Image.linear_gradient("L").resize((600, 800))
        channels = [picture, picture.rotate(180), picture.point(lambda it, n=number: (it + 31 * n) % 256)]
        Image.merge("RGB", channels).save(out, ("JPEG", "PNG")[number % 2])
        result = normalize_result(out.getvalue())
        yield ImageFile(io.BytesIO(result.data), f"result-{number}.{result.extension}")
