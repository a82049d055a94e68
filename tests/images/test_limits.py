"""Limits are written only once, and a container and a decoder must agree about sizes."""

import re
import zlib
from pathlib import Path

import pytest

import django_vton
from django_vton.images import MIN_SIDE, pixels, source
from django_vton.images.containers import parse_container
from django_vton.images.source import ImageSource
from tests.images import samples
from tests.images.samples import corners, encode

PACKAGE = Path(django_vton.__file__).parent
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_color_profile_above_the_size_limit_is_ignored(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    profile = samples.swapped_rgb()
    data = encode(corners(), form, icc_profile=profile)
    monkeypatch.setattr(source, "MAX_PROFILE", len(profile))
    assert parse_container(data, (form,)).profile == profile
    monkeypatch.setattr(source, "MAX_PROFILE", len(profile) - 1)
    assert parse_container(data, (form,)).profile == b""


def test_a_compressed_profile_is_inflated_only_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    inflated = []
    inflater = zlib.decompressobj

    class Recorder:
        def decompress(self, data: bytes, limit: int) -> bytes:
            inflated.append(inflater().decompress(data, limit))
            return inflated[-1]

    monkeypatch.setattr("django_vton.images.png.zlib.decompressobj", Recorder)
    chunk = samples.png_chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(50_000_000)))
    rows = (b"\0" + bytes(MIN_SIDE)) * MIN_SIDE
    assert parse_container(samples.png(MIN_SIDE, MIN_SIDE, 0, 8, rows, chunk), ("PNG",)).profile == b""
    assert [len(part) for part in inflated] == [source.MAX_PROFILE + 1]


@pytest.mark.parametrize("size", [(399, 600), (400, 599), (600, 400)])
def test_an_image_is_refused_if_the_decoder_finds_another_size_than_the_container(
    size: tuple[int, int],
) -> None:
    source = ImageSource("PNG", encode(corners(400, 600), "PNG"), *size, cost=4)
    for decode in (pixels.decode_exact, lambda source: pixels.decode_plain_rgb(source, 2000)):
        with pytest.raises(ValueError, match="disagree about the image's size"):
            decode(source)


def test_the_minimum_side_is_written_only_once_in_the_package() -> None:
    """Texts use the constant. The sandbox has its own, because it imports nothing of the package."""
    units = "×|x\\b|px\\b|pixel|بكسل"  # noqa: RUF001
    number = re.compile(rf"\b{MIN_SIDE}\b(?=\s*({units}))|min_?side\W+{MIN_SIDE}\b", re.IGNORECASE)
    found = [
        f"{path.relative_to(PACKAGE)}:{line}: {text.strip()}"
        for suffix in ("py", "html", "txt", "js", "po")
        for path in PACKAGE.rglob(f"*.{suffix}")
        if "sandbox" not in path.parts
        for line, text in enumerate(path.read_text().splitlines(), 1)
        if number.search(text)
    ]
    assert [line.partition(":")[0] for line in found] == ["images/limits.py"], found


@pytest.mark.parametrize("page", ["products.md", "product-page.md"])
def test_the_docs_give_the_minimum_side(page: str) -> None:
    stated = re.findall(
        r"(?:at least|smaller than)\s(\d+)(?: . \d+)? pixels", (ROOT / "docs" / page).read_text()
    )
    assert stated == [str(MIN_SIDE)]
