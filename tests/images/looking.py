"""Put files through, and look at what comes out."""

from io import BytesIO

import pytest
from PIL import Image

from django_vton.images import ImageRefused, Picture, person_photo, product_image
from tests.images.files import BLUE, GREEN, RED, YELLOW


def photo(data: bytes, **options: int) -> Picture:
    return person_photo(BytesIO(data), **options)


def product(data: bytes) -> Picture:
    return product_image(BytesIO(data))


def refused(data: bytes, **options: int) -> ImageRefused:
    with pytest.raises(ImageRefused) as caught:
        photo(data, **options)
    assert str(caught.value.message)
    return caught.value


def opened(picture: Picture) -> Image.Image:
    image = Image.open(BytesIO(picture.data))
    image.load()
    assert (picture.width, picture.height) == image.size
    assert picture.content_type == Image.MIME[str(image.format)]
    return image


def near(image: Image.Image, at: tuple[float, float], colour: tuple[int, ...], within: int = 12) -> bool:
    """The colour at a place, given in parts of the width and the height."""
    pixel = image.convert("RGB").getpixel((int(image.width * at[0]), int(image.height * at[1])))
    assert isinstance(pixel, tuple)
    return all(abs(a - b) <= within for a, b in zip(pixel, colour, strict=True))


def has_corners(image: Image.Image, within: int = 12) -> bool:
    places = {(0.2, 0.2): RED, (0.8, 0.2): GREEN, (0.2, 0.8): BLUE, (0.8, 0.8): YELLOW}
    return all(near(image, at, colour, within) for at, colour in places.items())


def jpeg_markers(data: bytes) -> list[int]:
    """Every marker before the scan."""
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
