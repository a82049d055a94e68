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

from django_vton.images import ImageRefused, Picture, person_photo, result_picture, thumbnail
from django_vton.images.containers import MAX_SCANS
from tests.images import files
from tests.images.files import CANARY, corners, saved
from tests.images.looking import photo, product, refused


@pytest.mark.parametrize(
    "data",
    [
        b"Dear shop, this is me.",
        files.SVG,
        files.HTML,
        b"BM" + bytes(100),
        b"%PDF-1.7",
        saved(corners(), "GIF"),
        saved(corners(), "TIFF"),
        saved(corners(), "BMP"),
        files.animated("PNG"),
        files.animated("WEBP"),
        files.animated("GIF"),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_only_still_photos(data: bytes) -> None:
    refusal = refused(data)
    assert refusal.code == "photo_format"
    assert "JPEG, PNG, WebP" in str(refusal.message)


def test_a_name_that_lies_changes_nothing() -> None:
    file = BytesIO(saved(corners(), "GIF"))
    file.name = "me.jpg"
    with pytest.raises(ImageRefused, match="format"):
        person_photo(file)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "MPO"])
def test_a_truncated_file_is_refused(form: str) -> None:
    data = saved(files.noise(400, 400), form, exif=files.exif())
    for part in range(1, 40):
        assert refused(data[: len(data) * part // 40]).code in ("photo_unreadable", "photo_format")
    for missing in (1, 2, 3, 9, 12):
        assert refused(data[:-missing]).code == "photo_unreadable"


def test_an_empty_file() -> None:
    assert refused(b"").code == "photo_unreadable"


@pytest.mark.parametrize(
    ("size", "numbers"), [((299, 600), "299 × 600"), ((600, 299), "600 × 299"), ((1, 5000), "1 × 5000")]
)
def test_too_small(size: tuple[int, int], numbers: str) -> None:
    refusal = refused(saved(corners(*size), "PNG"))
    assert refusal.code == "photo_too_small"
    assert numbers in str(refusal.message)
    assert "300 × 300" in str(refusal.message)


def test_small_is_told_as_the_shopper_sees_it() -> None:
    assert "280 × 500" in str(refused(saved(corners(500, 280), "JPEG", exif=files.exif(6))).message)


def test_just_large_enough() -> None:
    assert photo(saved(corners(300, 300), "JPEG")).width == 300


def test_too_narrow_once_it_is_shrunk() -> None:
    refusal = refused(saved(corners(400, 5000), "JPEG"))
    assert refusal.code == "photo_too_small"
    assert "at most 6 times" in str(refusal.message)
    assert photo(saved(corners(400, 2600), "JPEG")).width >= 300


def test_too_many_bytes() -> None:
    data = saved(corners(), "JPEG")
    assert photo(data, max_bytes=len(data)).width == 400
    file = BytesIO(data + bytes(10_000_000))
    with pytest.raises(ImageRefused) as caught:
        person_photo(file, max_bytes=2_000_000)
    assert caught.value.code == "photo_too_large"
    assert "2 MB" in str(caught.value.message)
    assert file.tell() == 2_000_001


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    for data in files.header_only(50_000, 50_000):
        refusal = refused(data)
        assert refusal.code == "photo_too_large"
        assert "million" in str(refusal.message)


def test_the_pixel_cap() -> None:
    assert refused(files.header_only(8000, 5001)[1]).code == "photo_too_large"
    assert refused(files.header_only(8000, 5000)[1]).code == "photo_unreadable"  # its pixels are missing


def test_no_pixels() -> None:
    assert refused(files.header_only(0, 500)[1]).code == "photo_unreadable"
    assert refused(files.header_only(0, 500)[0]).code == "photo_unreadable"


def test_a_cap_of_the_shops_own_holds_and_warns_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
    assert photo(saved(corners(1000, 1000), "PNG")).width == 1000
    for form in ("JPEG", "PNG", "WEBP"):
        assert refused(saved(corners(1000, 1001), form)).code == "photo_too_large"


def test_what_needs_much_memory_may_have_fewer_pixels() -> None:
    interleaved = saved(corners(7000, 5000), "JPEG", subsampling=0)
    assert photo(interleaved).width == 2000
    assert (
        refused(saved(corners(7000, 5000), "JPEG", subsampling=0, progressive=True)).code == "photo_too_large"
    )
    assert refused(saved(corners(4200, 4200), "WEBP", method=0)).code == "photo_too_large"


@pytest.mark.parametrize(
    ("colour", "side", "million"), [(0, 6400, 40), (2, 6000, 33), (4, 6400, 40), (6, 5100, 25)]
)
def test_what_takes_long_to_inflate_may_have_fewer_pixels(colour: int, side: int, million: int) -> None:
    refusal = refused(files.png(side, side, colour, 16, b""))
    assert refusal.code == "photo_too_large"
    assert f"{million} million" in str(refusal.message)
    fits = math.isqrt(million * 1_000_000)
    assert refused(files.png(fits, fits, colour, 16, b"")).code == "photo_unreadable"


@pytest.mark.parametrize(("depth", "million"), [(8, 25), (10, 16)])
def test_what_a_heic_may_have_depends_on_its_depth(depth: int, million: int) -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the optional pillow-heif is not installed")
    mode, bits = {8: ("L", 1), 10: ("L;16", 2)}[depth]
    out = BytesIO()
    side = math.isqrt(million * 1_000_000) + 100
    pillow_heif.encode(mode, (side, side), bytes(side * side * bits), out, enc_params={"preset": "ultrafast"})
    refusal = refused(out.getvalue())
    assert refusal.code == "photo_too_large"
    assert f"{million} million" in str(refusal.message)


def test_many_scans() -> None:
    data = saved(corners(mode="L"), "JPEG", progressive=True)
    scan = data[data.rindex(b"\xff\xda") : -2]
    whole = MAX_SCANS - data.count(b"\xff\xda")
    assert photo(data[:-2] + scan * whole + data[-2:]).width == 400
    assert refused(data[:-2] + scan * (whole + 1) + data[-2:]).code == "photo_unreadable"


@pytest.mark.parametrize("code", [0x3C, 0xBF, 0xE5, 0xFE])
def test_damage_within_the_pixels_that_looks_like_a_marker(code: int) -> None:
    data = bytearray(saved(files.noise(400, 600), "JPEG"))
    middle = data.index(b"\xff\xda") + 5000
    while 0xFF in data[middle : middle + 200]:
        middle += 1
    data[middle : middle + 4] = bytes([0xFF, code, 0, 100])
    assert refused(bytes(data)).code == "photo_unreadable"


def test_bytes_between_the_segments_ahead_of_the_pixels_harm_nothing() -> None:
    comment = files.jpeg_segment(0xFE, b"made by a careless program")
    assert photo(files.segments_after_start(saved(corners(), "JPEG"), comment, bytes(7))).width == 400


def test_thousands_of_segments_and_chunks() -> None:
    comments = files.segments_after_start(saved(corners(), "JPEG"), files.jpeg_segment(0xFE, b"") * 1_000_000)
    assert refused(comments).code == "photo_unreadable"
    assert refused(b"\xff\xd8" + b"\xff" * 5_000_000).code == "photo_unreadable"
    rows = (b"\0" + bytes(300)) * 300
    assert (
        refused(files.png(300, 300, 0, 8, rows, files.png_chunk(b"teXt", b"") * 500_000)).code
        == "photo_unreadable"
    )


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP", b"iTXt"])
def test_a_bomb_in_a_chunk_is_never_inflated(kind: bytes) -> None:
    packed = zlib.compress(bytes(200_000_000))
    body = b"key\0\0" + packed if kind != b"iTXt" else b"key\0\x01\0\0\0" + packed
    rows = (b"\0" + bytes(300)) * 300
    assert photo(files.png(300, 300, 0, 8, rows, files.png_chunk(kind, body) * 3)).width == 300


def test_a_damaged_checksum() -> None:
    data = bytearray(saved(corners(), "PNG"))
    data[-13] ^= 1  # of the last chunk of pixels
    assert refused(bytes(data)).code == "photo_unreadable"


def test_two_headers() -> None:
    once = files.png(300, 300, 0, 8, bytes(301 * 300))
    twice = files.png(300, 300, 0, 8, bytes(301 * 300), once[8:33])
    assert photo(once).width == 300
    assert refused(twice).code == "photo_unreadable"
    jpeg = saved(corners(), "JPEG")
    frame = jpeg[jpeg.index(b"\xff\xc0") :][:19]
    assert refused(jpeg.replace(frame, frame + frame)).code == "photo_unreadable"


@pytest.mark.parametrize("code", [0xC3, 0xC9, 0xCA, 0xD8])
def test_kinds_of_jpeg_that_no_camera_writes(code: int) -> None:
    assert (
        refused(saved(corners(), "JPEG").replace(b"\xff\xc0", bytes([0xFF, code]))).code == "photo_unreadable"
    )


def test_a_refusal_shows_no_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> None:
        raise IndexError(CANARY)

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    refusal = refused(files.phone_jpeg())
    assert refusal.code == "photo_unreadable"
    assert refusal.__cause__ is None
    assert refusal.__context__ is None


@pytest.mark.parametrize(
    "error", [TypeError, IndexError, SyntaxError, ValueError, MemoryError, OSError, KeyError]
)
def test_whatever_a_decoder_raises(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def load(*_: object) -> None:
        raise error

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    assert refused(saved(corners(), "JPEG")).code == "photo_unreadable"


def test_an_interrupt_is_no_broken_photo(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)
    with pytest.raises(KeyboardInterrupt):
        photo(saved(corners(), "JPEG"))


@pytest.mark.parametrize("seed", range(200))
def test_flipped_bytes(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311 -- to be the same at each run
    form = ("JPEG", "PNG", "WEBP", "MPO", "GIF")[seed % 5]
    data = bytearray(saved(corners(330, 310), form, **({} if form == "GIF" else {"exif": files.exif()})))
    for _ in range(dice.randint(1, 8)):
        data[dice.randrange(len(data))] = dice.randrange(256)
    for work in (photo, product, result_picture, thumbnail):
        with suppress(ImageRefused):
            assert isinstance(work(bytes(data)), Picture)


def test_words_come_in_the_readers_language() -> None:
    refusal = refused(saved(corners(200, 200), "PNG"))
    with translation.override("de"):
        assert "200 × 200" in str(refusal.message)


def test_pillows_globals_stay_as_they_are() -> None:
    before = (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters))
    photo(files.phone_jpeg())
    refused(files.phone_jpeg()[:900])
    assert (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, list(warnings.filters)) == before


def test_threads() -> None:
    data = [files.phone_jpeg(), saved(corners(), "WEBP"), saved(corners(), "PNG"), files.animated("MPO")] * 8
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(photo, data)) == [photo(one) for one in data[:4]] * 8
