from io import BytesIO
from itertools import pairwise

import pytest
from PIL import Image

from django_vton.images import make_thumbnail
from tests.images import samples
from tests.images.assertions import (
    convert,
    convert_product,
    decode,
    has_color,
    has_corners,
    jpeg_markers,
)
from tests.images.samples import BLUE, CANARY, RED, YELLOW, corners, encode


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_rotated_upright(orientation: int) -> None:
    image = samples.stored_as(corners(), orientation)
    for form in ("JPEG", "PNG"):
        converted = convert(encode(image, form, exif=samples.exif(orientation)))
        assert (converted.width, converted.height) == (400, 600)
        assert has_corners(decode(converted))


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_invalid_orientation_is_ignored(orientation: int) -> None:
    assert has_corners(decode(convert(encode(corners(), "JPEG", exif=samples.exif(orientation)))))


@pytest.mark.parametrize(
    "broken", [b"", b"II*\0", b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff", b"\0" * 40]
)
def test_broken_exif_is_ignored(broken: bytes) -> None:
    segment = samples.jpeg_segment(0xE1, b"Exif\0\0" + broken)
    assert has_corners(decode(convert(samples.segments_after_start(encode(corners(), "JPEG"), segment))))


def test_only_the_pixels_of_a_file_are_kept() -> None:
    webp = encode(corners(), "WEBP", exif=samples.exif(), xmp=samples.xmp(), icc_profile=samples.srgb())
    for data in (samples.phone_jpeg(), samples.png_with_everything(corners()), webp):
        assert CANARY in data
        for written in (convert(data).data, convert_product(data).data, make_thumbnail(data).data):
            assert set(jpeg_markers(written)) == {0xE0, 0xDB, 0xC0, 0xC4}
            for trace in (CANARY, b"Exif", b"adobe", b"ICC_PROFILE", b"GPS"):
                assert trace not in written
            assert written[4:20].startswith(b"\0\x10JFIF")
            assert written.index(b"\xff\xd9") == len(written) - 2


def test_images_are_shrunk_to_the_longest_side() -> None:
    for size, expected in (
        ((2000, 2000), (2000, 2000)),
        ((4032, 3024), (2000, 1500)),
        ((3024, 4032), (1500, 2000)),
        ((2001, 1000), (2000, 1000)),
        ((5999, 3001), (2000, 1001)),
    ):
        for form in ("JPEG", "PNG"):
            converted = convert(encode(corners(*size), form))
            assert (converted.width, converted.height) == expected
            assert has_corners(decode(converted))


def test_shrinking_does_not_move_edges() -> None:
    """Sizes without common divisors: the edge stays in the middle."""
    size = (4099, 4093)
    image = Image.new("L", size, 255)
    image.paste(0, (size[0] // 2, 0, *size))
    for form in ("JPEG", "PNG"):
        row = decode(convert(encode(image, form))).convert("L").crop((0, 1000, 2000, 1001)).tobytes()
        edges = [x for x, (left, right) in enumerate(pairwise(row)) if left >= 128 > right]
        assert len(edges) == 1
        assert abs(edges[0] - 999) <= 1


def test_fine_stripes_of_most_phones_photos_are_not_blurred() -> None:
    """Half of 4032 pixels is 16 above the limit: the image is cropped, since resampling would blur it."""
    stripes = Image.frombytes("L", (4032, 1), b"\0\0\xff\xff" * 1008).resize((4032, 3024))
    row = (
        decode(convert(encode(stripes, "JPEG", quality=95))).convert("L").crop((0, 700, 2000, 701)).tobytes()
    )
    assert all(abs(left - right) > 200 for left, right in pairwise(row))


def test_the_same_file_gives_the_same_bytes() -> None:
    data = samples.phone_jpeg(samples.noise(700, 900))
    first, second = convert(data), convert(data)
    assert first == second
    assert first.digest == second.digest
    assert len(first.digest) == 64
    assert first.extension == "jpg"
    assert "data" not in repr(first)


def test_even_noise_is_encoded_below_the_vendors_size_limit() -> None:
    harsh = samples.noise(2000, 2000).point(([0] * 128 + [255] * 128) * 3)
    converted = convert(encode(harsh, "PNG"))
    assert len(converted.data) < 10_000_000
    assert convert(converted.data).width == 2000


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_all_jpeg_modes_become_rgb(mode: str, progressive: bool) -> None:
    image = decode(convert(encode(corners(mode=mode), "JPEG", quality=95, progressive=progressive)))
    assert image.mode == "RGB"
    assert has_corners(image) or mode == "L"
    assert mode != "L" or has_color(image, (0.8, 0.8), (207, 207, 207))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_all_png_modes_become_rgb(mode: str) -> None:
    data = encode(corners(mode=mode) if mode != "P" else corners().quantize(16), "PNG")
    image = decode(convert(data))
    assert image.mode == "RGB"
    assert has_corners(image) or mode in ("1", "L", "LA")


def test_16_bit_gray_is_converted() -> None:
    image = Image.new("I;16", (300, 300), 0x8000)
    image.paste(0xFFFF, (0, 0, 150, 300))
    written = decode(convert(encode(image, "PNG")))
    assert has_color(written, (0.2, 0.5), (255, 255, 255), 3)
    assert has_color(written, (0.8, 0.5), (128, 128, 128), 3)


@pytest.mark.parametrize(
    ("color", "pixel"), [(2, b"\xdc\x00\x1e\x00\x1e\x00"), (6, b"\xdc\x00\x1e\x00\x1e\x00\xff\xff")]
)
def test_16_bit_color_is_converted(color: int, pixel: bytes) -> None:
    rows = (b"\0" + pixel * 300) * 300
    assert has_color(decode(convert(samples.png(300, 300, color, 16, rows))), (0.5, 0.5), RED, 3)


def test_alpha_is_composed_onto_white() -> None:
    image = corners().convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 200, 300))
    image.paste((0, 0, 0, 128), (200, 0, 400, 300))
    for form in ("PNG", "WEBP"):
        written = decode(convert(encode(image, form)))
        assert has_color(written, (0.2, 0.2), (255, 255, 255), 4)
        assert has_color(written, (0.8, 0.2), (127, 127, 127), 6)
        assert has_color(written, (0.2, 0.8), BLUE)


def test_a_transparent_palette_is_composed_onto_white() -> None:
    image = corners().quantize(4)
    index = image.getpixel((10, 10))
    assert isinstance(index, int)
    alphas = bytes(90 if n == index else 255 for n in range(4))
    for transparency in (index, alphas):
        written = decode(convert(encode(image, "PNG", transparency=transparency)))
        share = 0 if transparency == index else 90 / 255
        mixed = tuple(round(share * channel + 255 * (1 - share)) for channel in RED)
        assert has_color(written, (0.2, 0.2), mixed)
        assert has_color(written, (0.8, 0.8), YELLOW)


def test_a_transparent_color_is_composed_onto_white() -> None:
    for image, color in ((corners(), RED), (Image.new("L", (300, 300), 9), 9)):
        assert has_color(
            decode(convert(encode(image, "PNG", transparency=color))), (0.2, 0.2), (255, 255, 255)
        )


def test_colors_are_converted_to_srgb() -> None:
    for form in ("JPEG", "PNG", "WEBP"):
        written = decode(convert(encode(corners(), form, quality=95, icc_profile=samples.swapped_rgb())))
        assert has_color(written, (0.2, 0.2), RED[::-1])
        assert has_color(written, (0.2, 0.8), BLUE[::-1])


# Explicit ids: a generated profile contains its creation time, and pytest-xdist needs constant ids.
@pytest.mark.parametrize(
    "profile",
    [samples.srgb(), samples.lab(), b"no profile", samples.srgb()[:200], bytes(1_000_000)],
    ids=["srgb", "lab", "none", "cut off", "zeros"],
)
def test_an_srgb_or_unusable_profile_changes_nothing(profile: bytes) -> None:
    for form in ("JPEG", "PNG", "WEBP"):
        assert has_corners(decode(convert(encode(corners(), form, quality=95, icc_profile=profile))))


def test_a_profile_with_multiprocess_elements_is_ignored() -> None:
    profile = samples.swapped_rgb()
    profile = profile[:80] + b"mpet" + profile[84:]
    assert has_corners(decode(convert(encode(corners(), "PNG", icc_profile=profile))))


def test_a_profile_for_another_color_space_is_ignored() -> None:
    assert convert(encode(corners(mode="L"), "JPEG", icc_profile=samples.srgb())).width == 400
    assert convert(encode(corners(mode="CMYK"), "JPEG", icc_profile=samples.srgb())).width == 400


def test_only_the_first_frame_of_an_mpo_is_used() -> None:
    frames = [corners().rotate(180), corners().rotate(90)]
    data = encode(corners(), "MPO", save_all=True, append_images=frames, exif=samples.exif())
    with Image.open(BytesIO(data)) as image:
        assert image.format == "MPO"
    assert has_corners(decode(convert(data)))


def test_an_ultra_hdr_photo_is_accepted() -> None:
    marked = samples.jpeg_segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version="1.0"/>')
    first = samples.segments_after_start(encode(corners(), "JPEG", quality=95), marked)
    assert has_corners(decode(convert(first + encode(Image.new("L", (100, 150)), "JPEG"))))


def test_a_broken_index_of_frames_is_ignored() -> None:
    index = samples.jpeg_segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff")
    assert has_corners(decode(convert(samples.segments_after_start(encode(corners(), "JPEG"), index))))
