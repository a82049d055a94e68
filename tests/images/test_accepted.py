from io import BytesIO
from itertools import pairwise

import pytest
from PIL import Image

from django_vton import images
from django_vton.images import thumbnail
from tests.images import files
from tests.images.files import BLUE, CANARY, RED, YELLOW, corners, saved
from tests.images.looking import has_corners, jpeg_markers, near, opened, photo, product


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright(orientation: int) -> None:
    turns = Image.Transpose
    stored = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_90,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_270,
    }
    image = corners().transpose(stored[orientation]) if orientation > 1 else corners()
    for form in ("JPEG", "PNG", "WEBP"):
        picture = photo(saved(image, form, exif=files.exif(orientation)))
        assert (picture.width, picture.height) == (400, 600)
        assert has_corners(opened(picture))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    assert has_corners(opened(photo(saved(corners(), "JPEG", exif=files.exif(orientation)))))


@pytest.mark.parametrize(
    "broken", [b"", b"II*\0", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"\0" * 40]
)
def test_broken_exif_is_no_reason_to_refuse(broken: bytes) -> None:
    segment = files.jpeg_segment(0xE1, b"Exif\0\0" + broken)
    assert has_corners(opened(photo(files.segments_after_start(saved(corners(), "JPEG"), segment))))


def test_nothing_of_the_file_is_kept_but_its_pixels() -> None:
    webp = saved(corners(), "WEBP", exif=files.exif(), xmp=files.xmp(), icc_profile=files.srgb())
    for data in (files.phone_jpeg(), files.png_with_everything(corners()), webp):
        assert CANARY in data
        for written in (photo(data).data, product(data).data, thumbnail(data).data):
            assert set(jpeg_markers(written)) == {0xE0, 0xDB, 0xC0, 0xC4}
            for trace in (CANARY, b"Exif", b"adobe", b"ICC_PROFILE", b"GPS"):
                assert trace not in written
            assert written[4:20].startswith(b"\0\x10JFIF")
            assert written.index(b"\xff\xd9") == len(written) - 2


def test_the_longest_side_is_shrunk() -> None:
    for size, expected in (
        ((2000, 2000), (2000, 2000)),
        ((4032, 3024), (2000, 1500)),
        ((3024, 4032), (1500, 2000)),
        ((2001, 1000), (2000, 1000)),
        ((5999, 3001), (2000, 1001)),
    ):
        for form in ("JPEG", "PNG"):
            picture = photo(saved(corners(*size), form))
            assert (picture.width, picture.height) == expected
            assert has_corners(opened(picture))


def test_shrinking_moves_nothing() -> None:
    """Edges stay where they are, in parts of the picture, at sizes that divide by nothing."""
    size = (4099, 4093)
    image = Image.new("L", size, 255)
    image.paste(0, (size[0] // 2, 0, *size))
    for form in ("JPEG", "PNG"):
        row = opened(photo(saved(image, form))).convert("L").crop((0, 1000, 2000, 1001)).tobytes()
        edges = [x for x, (left, right) in enumerate(pairwise(row)) if left >= 128 > right]
        assert len(edges) == 1
        assert abs(edges[0] - 999) <= 1


def test_fine_stripes_survive_the_size_of_most_phones() -> None:
    """4032 pixels, halved, are 16 above the longest side: cut off, for resampled they would blur."""
    stripes = Image.frombytes("L", (4032, 1), b"\0\0\xff\xff" * 1008).resize((4032, 3024))
    row = opened(photo(saved(stripes, "JPEG", quality=95))).convert("L").crop((0, 700, 2000, 701)).tobytes()
    assert all(abs(left - right) > 200 for left, right in pairwise(row))


def test_one_with_too_many_pixels_for_a_screen_but_not_for_us_passes() -> None:
    assert has_corners(opened(photo(saved(corners(7300, 5470), "JPEG"))))


def test_the_same_file_gives_the_same_bytes() -> None:
    data = files.phone_jpeg(files.noise(700, 900))
    first, second = photo(data), photo(data)
    assert first == second
    assert first.digest == second.digest
    assert len(first.digest) == 64
    assert first.extension == "jpg"
    assert "data" not in repr(first)


def test_a_written_photo_is_small_enough_for_the_vendor() -> None:
    harsh = files.noise(2000, 2000).point(([0] * 128 + [255] * 128) * 3)
    picture = photo(saved(harsh, "PNG"))
    assert len(picture.data) < 10_000_000
    assert photo(picture.data).width == 2000


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_modes(mode: str, progressive: bool) -> None:
    image = opened(photo(saved(corners(mode=mode), "JPEG", quality=95, progressive=progressive)))
    assert image.mode == "RGB"
    assert has_corners(image) or mode == "L"
    assert mode != "L" or near(image, (0.8, 0.8), (207, 207, 207))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_png_modes(mode: str) -> None:
    data = saved(corners(mode=mode) if mode != "P" else corners().quantize(16), "PNG")
    image = opened(photo(data))
    assert image.mode == "RGB"
    assert has_corners(image) or mode in ("1", "L", "LA")


def test_16_bit_grey() -> None:
    image = Image.new("I;16", (300, 300), 0x8000)
    image.paste(0xFFFF, (0, 0, 150, 300))
    written = opened(photo(saved(image, "PNG")))
    assert near(written, (0.2, 0.5), (255, 255, 255), 3)
    assert near(written, (0.8, 0.5), (128, 128, 128), 3)


@pytest.mark.parametrize(
    ("colour", "pixel"), [(2, b"\xdc\x00\x1e\x00\x1e\x00"), (6, b"\xdc\x00\x1e\x00\x1e\x00\xff\xff")]
)
def test_16_bit_colour(colour: int, pixel: bytes) -> None:
    rows = (b"\0" + pixel * 300) * 300
    assert near(opened(photo(files.png(300, 300, colour, 16, rows))), (0.5, 0.5), RED, 3)


def test_alpha_lies_on_white() -> None:
    image = corners().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 200, 300))
    image.paste((0, 0, 0, 128), (200, 0, 400, 300))
    for form in ("PNG", "WEBP"):
        written = opened(photo(saved(image, form)))
        assert near(written, (0.2, 0.2), (255, 255, 255), 4)
        assert near(written, (0.8, 0.2), (127, 127, 127), 6)
        assert near(written, (0.2, 0.8), BLUE)


def test_a_palette_with_transparency_lies_on_white() -> None:
    image = corners().quantize(4)
    index = image.getpixel((10, 10))
    assert isinstance(index, int)
    alphas = bytes(90 if n == index else 255 for n in range(4))
    for transparency in (index, alphas):
        written = opened(photo(saved(image, "PNG", transparency=transparency)))
        share = 0 if transparency == index else 90 / 255
        mixed = tuple(round(share * channel + 255 * (1 - share)) for channel in RED)
        assert near(written, (0.2, 0.2), mixed)
        assert near(written, (0.8, 0.8), YELLOW)


def test_a_transparent_colour_lies_on_white() -> None:
    for image, colour in ((corners(), RED), (Image.new("L", (300, 300), 9), 9)):
        assert near(opened(photo(saved(image, "PNG", transparency=colour))), (0.2, 0.2), (255, 255, 255))


def test_colours_are_brought_to_srgb() -> None:
    for form in ("JPEG", "PNG", "WEBP"):
        written = opened(photo(saved(corners(), form, quality=95, icc_profile=files.swapped_rgb())))
        assert near(written, (0.2, 0.2), RED[::-1])
        assert near(written, (0.2, 0.8), BLUE[::-1])


# With names of their own: a profile tells when it was made, and workers that collect other tests run none.
@pytest.mark.parametrize(
    "profile",
    [files.srgb(), files.lab(), b"no profile", files.srgb()[:200], bytes(1_000_000)],
    ids=["srgb", "lab", "none", "cut off", "zeros"],
)
def test_a_profile_that_changes_nothing_or_cannot_be_used(profile: bytes) -> None:
    for form in ("JPEG", "PNG", "WEBP"):
        assert has_corners(opened(photo(saved(corners(), form, quality=95, icc_profile=profile))))


def test_a_profile_that_holds_a_program_is_not_run() -> None:
    profile = files.swapped_rgb()
    profile = profile[:80] + b"mpet" + profile[84:]
    assert has_corners(opened(photo(saved(corners(), "PNG", icc_profile=profile))))


def test_a_grey_profile_is_no_colour_profile() -> None:
    assert photo(saved(corners(mode="L"), "JPEG", icc_profile=files.srgb())).width == 400
    assert photo(saved(corners(mode="CMYK"), "JPEG", icc_profile=files.srgb())).width == 400


def test_the_first_frame_of_a_phones_photo() -> None:
    frames = [corners().rotate(180), corners().rotate(90)]
    data = saved(corners(), "MPO", save_all=True, append_images=frames, exif=files.exif())
    with Image.open(BytesIO(data)) as image:
        assert image.format == "MPO"
    assert has_corners(opened(photo(data)))


def test_an_ultra_hdr_photo() -> None:
    marked = files.jpeg_segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version="1.0"/>')
    first = files.segments_after_start(saved(corners(), "JPEG", quality=95), marked)
    assert has_corners(opened(photo(first + saved(Image.new("L", (100, 150)), "JPEG"))))


def test_a_broken_index_of_frames_is_not_read() -> None:
    index = files.jpeg_segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff")
    assert has_corners(opened(photo(files.segments_after_start(saved(corners(), "JPEG"), index))))


def test_heic_is_taken_where_it_can_be_read() -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the optional pillow-heif is not installed")
    out = BytesIO()
    pillow_heif.from_pillow(corners()).save(out, exif=files.exif(6).tobytes())
    assert "HEIF" in images.PHOTO_FORMATS
    written = photo(out.getvalue())
    assert CANARY not in written.data
    assert {written.width, written.height} == {400, 600}
