"""HEIC, in one piece or in tiles. The tiles are decoded one by one, and must give what the decoder joins."""

from __future__ import annotations

import random
from contextlib import suppress
from io import BytesIO
from itertools import pairwise

import pytest
from PIL import Image, ImageChops

from django_vton import images
from django_vton.images import EncodedImage, ImageRefused, pixels
from django_vton.images.containers import parse_container
from tests.images import large, samples
from tests.images.assertions import (
    convert,
    convert_product,
    decode,
    has_color,
    has_corners,
    refuse,
    refuse_product,
)
from tests.images.large import heic
from tests.images.samples import CANARY, corners

pillow_heif = pytest.importorskip("pillow_heif", reason="the optional pillow-heif is not installed")
ALL_AT_ONCE = 100_000


def picture(width: int, height: int) -> Image.Image:
    return samples.noise(width // 8, height // 8).resize((width, height))


def test_heic_is_accepted_if_pillow_heif_is_installed() -> None:
    assert "HEIF" in images.PHOTO_FORMATS
    written = convert(heic(corners(), exif=samples.exif(6).tobytes()))
    assert CANARY not in written.data
    assert {written.width, written.height} == {400, 600}


@pytest.mark.parametrize("size", [(512, 384), (500, 390), (640, 320)])
@pytest.mark.parametrize("options", [{}, {"chroma": 444}, {"quality": -1}], ids=str)
def test_tiles_are_joined_as_the_decoder_joins_them(
    size: tuple[int, int], options: dict[str, object]
) -> None:
    data = heic(picture(*size), tile_size=128, **options)
    source = parse_container(data, ("HEIF",))
    assert source.grid
    assert len(source.grid.tiles) > 9
    whole = pillow_heif.open_heif(data).to_pillow()
    difference = ImageChops.difference(pixels.decode_plain_rgb(source, ALL_AT_ONCE), whole)
    # Where tiles meet, the decoder may take colors from the next tile.
    assert not any(difference.point(lambda step: step > 2).tobytes())


@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiles_are_rotated_and_mirrored(orientation: int) -> None:
    image = samples.stored_as(corners(), orientation)
    data = heic(image, tile_size=128, exif=samples.exif(orientation).tobytes())
    source = parse_container(data, ("HEIF",))
    assert source.grid
    assert source.orientation == orientation
    converted = convert(data)
    assert (converted.width, converted.height) == (400, 600)
    assert has_corners(decode(converted))


def test_shrinking_tiles_does_not_move_edges() -> None:
    width, height = 4102, 1002
    image = Image.new("L", (width, height), 255)
    image.paste(0, (width // 2, 0, width, height))
    data = heic(image.convert("RGB"), tile_size=256)
    assert parse_container(data, ("HEIF",)).grid
    row = decode(convert_product(data)).convert("L").crop((0, 100, 2000, 101)).tobytes()
    edges = [x for x, (left, right) in enumerate(pairwise(row)) if left >= 128 > right]
    assert len(edges) == 1
    assert abs(edges[0] - 999) <= 1


@pytest.mark.parametrize("mode", ["L", "RGBA", "LA"])
def test_gray_and_transparent_images_may_have_tiles(mode: str) -> None:
    """Transparent ones are decoded whole: the alpha channel consists of images of its own."""
    image = picture(512, 384).convert(mode)
    data = heic(image, tile_size=128)
    whole = pillow_heif.open_heif(data).to_pillow().convert("RGB")
    difference = ImageChops.difference(decode(convert(data)), whole)
    assert not any(difference.point(lambda step: step > 24).tobytes())


def test_10_bits_per_channel_are_converted() -> None:
    stored = b"".join(channel.to_bytes(2, "little") for channel in (0xDC00, 0x1E00, 0x1E00)) * 400 * 600
    for options in ({}, {"tile_size": 128}):
        out = BytesIO()
        pillow_heif.encode("RGB;16", (400, 600), stored, out, **options)
        source = parse_container(out.getvalue(), ("HEIF",))
        assert bool(source.grid) == bool(options)
        assert has_color(decode(convert(out.getvalue())), (0.5, 0.5), samples.RED)


@pytest.mark.parametrize(
    ("mode", "options", "million"),
    [("L", {}, 53), ("RGB", {"chroma": 444}, 29), ("RGBA", {}, 21), ("L;16", {}, 30)],
    ids=str,
)
def test_the_limit_of_a_heic_in_one_piece_depends_on_its_colors(
    mode: str, options: dict[str, int], million: int
) -> None:
    """Encoding such a large file takes long, so this changes the size that a small one states."""
    bytes_per_pixel = {"L": 1, "RGB": 3, "RGBA": 4, "L;16": 2}[mode]
    out = BytesIO()
    pillow_heif.encode(mode, (512, 512), bytes(512 * 512 * bytes_per_pixel), out, **options)
    small, stated = ((512).to_bytes(4) * 2, (8192).to_bytes(4) * 2)
    assert small in out.getvalue()
    refusal = refuse_product(out.getvalue().replace(small, stated))
    assert refusal.code == "photo_too_large"
    assert f"{million} million" in str(refusal.message)


@pytest.mark.parametrize("options", [{}, {"tile_size": 128}], ids=["one piece", "tiles"])
def test_a_heic_that_is_cut_is_refused(options: dict[str, int]) -> None:
    data = heic(picture(512, 384), **options)
    assert convert(data).width == 512
    for part in (0.1, 0.5, 0.99):
        assert refuse(data[: int(len(data) * part)]).code in ("photo_unreadable", "photo_format")


@pytest.mark.parametrize("options", [{}, {"tile_size": 128}], ids=["one piece", "tiles"])
@pytest.mark.parametrize(
    "trailer",
    [large.box(b"mpvd", bytes(5000)), large.box(b"mdat", bytes(99)), b"\0\0\0\0SEFH" + bytes(90) + b"SEFT"],
    ids=["motion photo", "second mdat", "manufacturer's data"],
)
def test_data_after_a_heic_is_ignored(options: dict[str, int], trailer: bytes) -> None:
    data = heic(picture(512, 384), **options)
    assert convert(data + trailer).data == convert(data).data


def test_tiles_that_do_not_cover_the_image_are_refused() -> None:
    data = large.tiled_heic(corners(64, 64), 8, 8)
    assert convert(data).width == 512
    stated = (512).to_bytes(4) * 2
    assert refuse(data.replace(stated, (520).to_bytes(4) * 2)).code == "photo_unreadable"


@pytest.mark.parametrize("seed", range(40))
def test_randomly_damaged_heics_never_raise_anything_else(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 -- to be the same at each run
    data = bytearray(heic(corners(320, 320), tile_size=(64, 400)[seed % 2]))
    head = data.index(b"mdat")
    for _ in range(dice.randint(1, 6)):
        data[dice.randrange(head)] = dice.randrange(256)
    with suppress(ImageRefused):
        assert isinstance(convert(bytes(data)), EncodedImage)
