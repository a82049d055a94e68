"""Convert sample images and check the results."""

from io import BytesIO

import pytest
from PIL import Image

from django_vton.images import EncodedImage, ImageRefused, normalize_person_photo, normalize_product_image
from tests.images.samples import BLUE, GREEN, RED, YELLOW


def convert(data: bytes, **options: int) -> EncodedImage:
    return normalize_person_photo(BytesIO(data), **options)


def convert_product(data: bytes) -> EncodedImage:
    return normalize_product_image(BytesIO(data))


def refuse(data: bytes, **options: int) -> ImageRefused:
    with pytest.raises(ImageRefused) as caught:
        convert(data, **options)
    assert str(caught.value.message)
    return caught.value


def refuse_product(data: bytes) -> ImageRefused:
    with pytest.raises(ImageRefused) as caught:
        convert_product(data)
    return caught.value


def decode(encoded: EncodedImage) -> Image.Image:
    image = Image.open(BytesIO(encoded.data))
    image.load()
    assert (encoded.width, encoded.height) == image.size
    assert encoded.content_type == Image.MIME[str(image.format)]
    return image


def has_color(image: Image.Image, at: tuple[float, float], color: tuple[int, ...], within: int = 12) -> bool:
    """Return whether the pixel at `at`, in fractions of the size, has nearly this color."""
    pixel = image.convert("RGB").getpixel((int(image.width * at[0]), int(image.height * at[1])))
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= within for a, b in zip(pixel, color, strict=True))


def has_corners(image: Image.Image, within: int = 12) -> bool:
    places = {(0.2, 0.2): RED, (0.8, 0.2): GREEN, (0.2, 0.8): BLUE, (0.8, 0.8): YELLOW}
    return all(has_color(image, at, color, within) for at, color in places.items())


def jpeg_markers(data: bytes) -> list[int]:
    """Return the markers before the first scan."""
    found, at = [], 2
    while data[at + 1] != 0xDA:
        found.append(data[at + 1])
        at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return found


def png_chunks(data: bytes) -> list[bytes]:
    found, at = [], 8
    while at < len(data):
        found.append(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4])
    return found
