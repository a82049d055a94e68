"""Formats that only product images may have: AVIF, and animations, of which the first frame is used."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image, ImageChops

from tests.images import samples
from tests.images.assertions import convert, convert_product, decode, has_corners, refuse
from tests.images.samples import corners, encode


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
def test_the_first_frame_of_an_animation_is_used(form: str) -> None:
    assert has_corners(decode(convert_product(samples.animated(form))))
    assert refuse(samples.animated(form)).code == "photo_format"


def test_an_animated_avif_is_used_by_its_first_frame() -> None:
    assert has_corners(decode(convert_product(samples.animated("AVIF"))))


@pytest.mark.parametrize("lossless", [False, True])
def test_a_still_image_in_an_animated_webp_is_a_photo(lossless: bool) -> None:
    """Some editors save every WebP as an animation, perhaps of one frame."""
    still = encode(corners(), "WEBP", lossless=lossless)
    frame = bytes(6) + (399).to_bytes(3, "little") + (599).to_bytes(3, "little") + bytes(4) + still[12:]
    size = (399).to_bytes(3, "little") + (599).to_bytes(3, "little")
    chunks = samples.riff_chunk(b"VP8X", b"\x02\0\0\0" + size)
    chunks += samples.riff_chunk(b"ANIM", bytes(6)) + samples.riff_chunk(b"ANMF", frame)
    data = b"RIFF" + (len(chunks) + 4).to_bytes(4, "little") + b"WEBP" + chunks
    assert has_corners(decode(convert(data)))


@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4"])
def test_an_avif_is_accepted_for_products_only(subsampling: str) -> None:
    image = samples.noise(100, 150).resize((400, 600))
    data = encode(image, "AVIF", quality=95, subsampling=subsampling)
    assert refuse(data).code == "photo_format"
    with Image.open(BytesIO(data)) as shown:
        difference = ImageChops.difference(decode(convert_product(data)), shown.convert("RGB"))
    # Our JPEG is the second lossy encoding: of random noise, it is 20 to 26 levels off.
    assert not any(difference.point(lambda step: step > 40).tobytes())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_is_rotated_upright(orientation: int) -> None:
    turned = samples.stored_as(corners(), orientation)
    converted = convert_product(encode(turned, "AVIF", quality=95, exif=samples.exif(orientation)))
    assert (converted.width, converted.height) == (400, 600)
    assert has_corners(decode(converted))


def test_a_transparent_avif_is_put_on_white() -> None:
    image = corners(mode="RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 400, 100))
    pixel = decode(convert_product(encode(image, "AVIF", quality=95))).convert("RGB").getpixel((200, 40))
    assert isinstance(pixel, tuple)
    assert min(pixel) > 240
