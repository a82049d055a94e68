"""Results as the package stores them, for image libraries to make thumbnails of."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from django.core.files.images import ImageFile
from PIL import Image

from django_vton.images.content_credentials import SigningKey
from django_vton.images.isolated import decode_result
from tests.content_credentials import create_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator


def results(count: int) -> Iterator[ImageFile]:
    """Yield different signed images, JPEG and PNG by turns."""
    with TemporaryDirectory() as folder:
        yield from _sign(count, SigningKey(*create_certificate(Path(folder)).values()))


def _sign(count: int, key: SigningKey) -> Iterator[ImageFile]:
    for number in range(count):
        out = io.BytesIO()
        picture = Image.linear_gradient("L").resize((600, 800))
        channels = [picture, picture.rotate(180), picture.point(lambda it, n=number: (it + 31 * n) % 256)]
        Image.merge("RGB", channels).save(out, ("JPEG", "PNG")[number % 2])
        result = decode_result(out.getvalue(), key).image
        yield ImageFile(io.BytesIO(result.data), f"result-{number}.{result.extension}")
