"""Files that every viewer shows although their end is missing, and files whose pixels are missing."""

from __future__ import annotations

from functools import cache

import pytest
from PIL import Image, ImageChops

from tests.images import samples
from tests.images.assertions import convert, decode, refuse
from tests.images.samples import encode

END = b"\xff\xd9"
VARIANTS = [
    {},
    {"subsampling": 0},
    {"restart_marker_rows": 1},
    {"progressive": True},
    {"progressive": True, "subsampling": 0},
]
TRAILERS = {
    "nothing": b"",
    "manufacturer's data": b"\0\0\1\n" + b"Panorama_Shot_Info" + bytes(range(200)) * 20 + b"SEFT",
    "padding": bytes(5000),
    "another image": encode(samples.corners(), "JPEG"),
    "fill bytes": b"\xff" * 40,
}


@cache
def picture(width: int = 900, height: int = 700) -> Image.Image:
    """Noise of a moderate contrast, in which gray areas are obvious."""
    return samples.noise(width // 4, height // 4).resize((width, height))


def without_end(**options: object) -> bytes:
    data = encode(picture(), "JPEG", quality=90, **options)
    assert data.endswith(END)
    return data[:-2]


def scans(data: bytes) -> list[int]:
    """The positions of the scans' headers."""
    return [at for at in range(len(data) - 1) if data[at] == 0xFF and data[at + 1] == 0xDA]


@pytest.mark.parametrize("options", VARIANTS, ids=str)
@pytest.mark.parametrize("trailer", TRAILERS)
def test_a_jpeg_without_its_end_marker_is_accepted(options: dict[str, object], trailer: str) -> None:
    data = without_end(**options)
    assert convert(data + TRAILERS[trailer]).data == convert(data + END).data


@pytest.mark.parametrize("options", VARIANTS, ids=str)
@pytest.mark.parametrize(
    "end", [b"", END, END + b"\0" * 100, *TRAILERS.values()], ids=lambda end: repr(end[:8])
)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.7])
def test_a_jpeg_that_is_cut_in_its_scan_is_refused(
    options: dict[str, object], end: bytes, part: float
) -> None:
    data = without_end(**options)
    start = scans(data)[-1] + 20
    cut = start + int((len(data) - start) * part)
    while data[cut - 1] == 0xFF:
        cut -= 1
    assert refuse(data[:cut] + end).code == "photo_unreadable"


def test_a_progressive_jpeg_without_its_last_scans_is_refused() -> None:
    data = without_end(progressive=True)
    for start in scans(data)[1:]:
        tables = data.rfind(b"\xff\xc4", 0, start)  # the scan's Huffman table
        assert refuse(data[:tables] + END).code == "photo_unreadable"


def test_a_png_without_its_last_chunk_is_accepted() -> None:
    data = encode(picture(), "PNG")
    assert convert(data[:-12]).data == convert(data).data
    assert refuse(data[: len(data) // 2]).code == "photo_unreadable"


def test_what_is_accepted_has_the_pixels_of_the_complete_file() -> None:
    complete = decode(convert(without_end() + END))
    shown = decode(convert(without_end() + TRAILERS["manufacturer's data"]))
    assert ImageChops.difference(complete, shown).getbbox() is None
