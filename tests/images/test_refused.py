# ruff: noqa: RUF001 -- a multiplication sign is what people read between two lengths
import math
import random
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import BytesIO

import pytest
from django.utils import translation
from PIL import Image, ImageFile

from django_vton.images import (
    EncodedImage,
    ImageRefused,
    make_thumbnail,
    normalize_person_photo,
    normalize_result,
)
from django_vton.images.jpeg import MAX_SCANS
from tests.images import samples
from tests.images.assertions import convert, convert_product, refuse
from tests.images.samples import CANARY, corners, encode


@pytest.mark.parametrize(
    "data",
    [
        b"Dear shop, this is me.",
        samples.SVG,
        samples.HTML,
        b"BM" + bytes(100),
        b"%PDF-1.7",
        encode(corners(), "GIF"),
        encode(corners(), "TIFF"),
        encode(corners(), "BMP"),
        samples.animated("PNG"),
        samples.animated("WEBP"),
        samples.animated("GIF"),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_files_that_are_not_still_photos_are_refused(data: bytes) -> None:
    refusal = refuse(data)
    assert refusal.code == "photo_format"
    assert "JPEG, PNG, WebP" in str(refusal.message)


def test_the_file_name_does_not_determine_the_format() -> None:
    file = BytesIO(encode(corners(), "GIF"))
    file.name = "me.jpg"
    with pytest.raises(ImageRefused, match="format"):
        normalize_person_photo(file)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "MPO"])
def test_a_truncated_file_is_refused(form: str) -> None:
    metadata = {} if form == "WEBP" else {"exif": samples.exif()}  # A WebP has it after the pixels.
    data = encode(samples.noise(400, 400), form, **metadata)
    for part in range(1, 40):
        assert refuse(data[: len(data) * part // 40]).code in ("photo_unreadable", "photo_format")
    for missing in (13, 30, 100):
        assert refuse(data[:-missing]).code == "photo_unreadable"


def test_an_empty_file_is_refused() -> None:
    assert refuse(b"").code == "photo_unreadable"


@pytest.mark.parametrize(
    ("size", "numbers"), [((299, 600), "299 × 600"), ((600, 299), "600 × 299"), ((1, 5000), "1 × 5000")]
)
def test_a_photo_that_is_too_small_is_refused(size: tuple[int, int], numbers: str) -> None:
    refusal = refuse(encode(corners(*size), "PNG"))
    assert refusal.code == "photo_too_small"
    assert numbers in str(refusal.message)
    assert "300 × 300" in str(refusal.message)


def test_the_message_gives_the_size_after_rotation() -> None:
    assert "280 × 500" in str(refuse(encode(corners(500, 280), "JPEG", exif=samples.exif(6))).message)


def test_a_photo_of_the_minimum_size_is_accepted() -> None:
    assert convert(encode(corners(300, 300), "JPEG")).width == 300


def test_a_photo_that_would_be_too_narrow_after_shrinking_is_refused() -> None:
    refusal = refuse(encode(corners(400, 5000), "JPEG"))
    assert refusal.code == "photo_too_small"
    assert "at most 6 times" in str(refusal.message)
    assert convert(encode(corners(400, 2600), "JPEG")).width >= 300


def test_a_file_with_too_many_bytes_is_refused() -> None:
    data = encode(corners(), "JPEG")
    assert convert(data, max_bytes=len(data)).width == 400
    file = BytesIO(data + bytes(10_000_000))
    with pytest.raises(ImageRefused) as caught:
        normalize_person_photo(file, max_bytes=2_000_000)
    assert caught.value.code == "photo_too_large"
    assert "2 MB" in str(caught.value.message)
    assert file.tell() == 2_000_001


def test_a_decompression_bomb_is_refused_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    for data in samples.header_only(50_000, 50_000):
        refusal = refuse(data)
        assert refusal.code == "photo_too_large"
        assert "million" in str(refusal.message)


def test_an_image_without_pixels_is_refused() -> None:
    assert refuse(samples.header_only(0, 500)[1]).code == "photo_unreadable"
    assert refuse(samples.header_only(0, 500)[0]).code == "photo_unreadable"


def test_a_lower_limit_set_in_pillow_applies_without_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    assert convert(encode(corners(1000, 1000), "PNG")).width == 1000
    for form in ("JPEG", "PNG", "WEBP"):
        assert refuse(encode(corners(1000, 1001), form)).code == "photo_too_large"


def test_formats_that_need_more_memory_may_have_fewer_pixels() -> None:
    interleaved = encode(corners(7000, 5000), "JPEG", subsampling=0)
    assert convert(interleaved).width == 2000
    assert (
        refuse(encode(corners(7000, 5000), "JPEG", subsampling=0, progressive=True)).code == "photo_too_large"
    )
    assert refuse(encode(corners(4200, 4200), "WEBP", method=0)).code == "photo_too_large"


@pytest.mark.parametrize(
    ("color", "side", "million"), [(0, 7100, 50), (2, 6400, 39), (4, 7100, 50), (6, 5500, 29)]
)
def test_formats_that_inflate_slowly_may_have_fewer_pixels(color: int, side: int, million: int) -> None:
    refusal = refuse(samples.png(side, side, color, 16, b""))
    assert refusal.code == "photo_too_large"
    assert f"{million} million" in str(refusal.message)
    fits = math.isqrt(million * 1_000_000)
    assert refuse(samples.png(fits, fits, color, 16, b"")).code == "photo_unreadable"


def test_a_jpeg_with_too_many_scans_is_refused() -> None:
    data = encode(corners(mode="L"), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    whole = MAX_SCANS - data.count(b"\xff\xda")
    assert convert(data[:-2] + scan * whole + data[-2:]).width == 400
    assert refuse(data[:-2] + scan * (whole + 1) + data[-2:]).code == "photo_unreadable"


@pytest.mark.parametrize("code", [0x3C, 0xBF, 0xE5, 0xFE])
def test_damaged_pixels_that_look_like_a_marker_are_refused(code: int) -> None:
    data = bytearray(encode(samples.noise(400, 600), "JPEG"))
    middle = data.index(b"\xff\xda") + 5000
    while 0xFF in data[middle : middle + 200]:
        middle += 1
    data[middle : middle + 4] = bytes([0xFF, code, 0, 100])
    assert refuse(bytes(data)).code == "photo_unreadable"


def test_bytes_between_segments_before_the_pixels_are_ignored() -> None:
    comment = samples.jpeg_segment(0xFE, b"made by a careless program")
    assert convert(samples.segments_after_start(encode(corners(), "JPEG"), comment, bytes(7))).width == 400


def test_files_with_too_many_segments_or_chunks_are_refused() -> None:
    comments = samples.segments_after_start(
        encode(corners(), "JPEG"), samples.jpeg_segment(0xFE, b"") * 1_000_000
    )
    assert refuse(comments).code == "photo_unreadable"
    assert refuse(b"\xff\xd8" + b"\xff" * 5_000_000).code == "photo_unreadable"
    rows = (b"\0" + bytes(300)) * 300
    assert (
        refuse(samples.png(300, 300, 0, 8, rows, samples.png_chunk(b"teXt", b"") * 500_000)).code
        == "photo_unreadable"
    )


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP", b"iTXt"])
def test_a_compressed_metadata_chunk_is_not_inflated_entirely(kind: bytes) -> None:
    packed = zlib.compress(bytes(200_000_000))
    body = b"key\0\0" + packed if kind != b"iTXt" else b"key\0\x01\0\0\0" + packed
    rows = (b"\0" + bytes(300)) * 300
    assert convert(samples.png(300, 300, 0, 8, rows, samples.png_chunk(kind, body) * 3)).width == 300


def test_a_wrong_checksum_is_refused() -> None:
    data = bytearray(encode(corners(), "PNG"))
    data[-13] ^= 1  # of the last chunk of pixels
    assert refuse(bytes(data)).code == "photo_unreadable"


def test_a_second_header_is_refused() -> None:
    once = samples.png(300, 300, 0, 8, bytes(301 * 300))
    twice = samples.png(300, 300, 0, 8, bytes(301 * 300), once[8:33])
    assert convert(once).width == 300
    assert refuse(twice).code == "photo_unreadable"
    jpeg = encode(corners(), "JPEG")
    frame = jpeg[jpeg.index(b"\xff\xc0") :][:19]
    assert refuse(jpeg.replace(frame, frame + frame)).code == "photo_unreadable"


@pytest.mark.parametrize("code", [0xC3, 0xC9, 0xCA, 0xD8])
def test_unusual_jpeg_processes_are_refused(code: int) -> None:
    assert (
        refuse(encode(corners(), "JPEG").replace(b"\xff\xc0", bytes([0xFF, code]))).code == "photo_unreadable"
    )


def test_a_refusal_does_not_expose_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> None:
        raise IndexError(CANARY)

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    refusal = refuse(samples.phone_jpeg())
    assert refusal.code == "photo_unreadable"
    assert refusal.__cause__ is None
    assert refusal.__context__ is None


@pytest.mark.parametrize(
    "error", [TypeError, IndexError, SyntaxError, ValueError, MemoryError, OSError, KeyError]
)
def test_every_exception_of_a_decoder_is_a_refusal(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def load(*_: object) -> None:
        raise error

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert refuse(encode(corners(), "JPEG")).code == "photo_unreadable"


def test_keyboard_interrupt_is_not_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(KeyboardInterrupt):
        convert(encode(corners(), "JPEG"))


@pytest.mark.parametrize("seed", range(200))
def test_randomly_damaged_files_never_raise_anything_else(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 -- to be the same at each run
    form = ("JPEG", "PNG", "WEBP", "MPO", "GIF")[seed % 5]
    data = bytearray(encode(corners(330, 310), form, **({} if form == "GIF" else {"exif": samples.exif()})))
    for _ in range(dice.randint(1, 8)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    for work in (convert, convert_product, normalize_result, make_thumbnail):
        with suppress(ImageRefused):
            assert isinstance(work(bytes(data)), EncodedImage)


def test_messages_are_translated() -> None:
    refusal = refuse(encode(corners(200, 200), "PNG"))
    with translation.override("de"):
        assert "200 × 200" in str(refusal.message)


def test_pillows_global_settings_are_not_changed() -> None:
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    convert(samples.phone_jpeg())
    refuse(samples.phone_jpeg()[:900])
    assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)) == before


def test_images_can_be_converted_in_parallel() -> None:
    data = [
        samples.phone_jpeg(),
        encode(corners(), "WEBP"),
        encode(corners(), "PNG"),
        samples.animated("MPO"),
    ] * 8
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(convert, data)) == [convert(one) for one in data[:4]] * 8
