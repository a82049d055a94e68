from io import BytesIO

import pytest
from PIL import Image, ImageChops

from django_vton.images import ImageRefused, make_thumbnail, normalize_result
from tests.images import samples
from tests.images.assertions import (
    convert_product,
    decode,
    has_color,
    has_corners,
    jpeg_markers,
    png_chunks,
    refuse,
)
from tests.images.samples import CANARY, RED, YELLOW, corners, encode

SOURCE_TYPE = b"http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


def test_product_images_in_all_usual_formats_are_accepted() -> None:
    for image, form in (
        (corners(), "JPEG"),
        (corners(mode="CMYK"), "JPEG"),
        (corners(mode="RGBA"), "PNG"),
        (corners(mode="RGBA"), "WEBP"),
        (corners(5000, 5000), "PNG"),
        (corners().quantize(16), "GIF"),
    ):
        converted = convert_product(encode(image, form))
        assert converted.content_type == "image/jpeg"
        assert has_corners(decode(converted))
    assert has_corners(decode(convert_product(samples.animated("GIF"))))


def test_the_comment_of_a_gif_is_removed() -> None:
    for image in (corners(), Image.linear_gradient("L").resize((300, 300))):
        data = encode(image, "GIF", comment=CANARY)
        assert CANARY in data
        assert CANARY not in convert_product(data).data


def test_a_gif_frame_larger_than_its_canvas_is_refused() -> None:
    data = bytearray(encode(corners(), "GIF"))
    frame = data.index(b"\x2c\0\0\0\0\x90\x01\x58\x02")
    data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(ImageRefused):
        convert_product(bytes(data))


def test_messages_for_merchants_differ_from_those_for_shoppers() -> None:
    for data in (
        encode(corners(200, 200), "PNG"),
        samples.HTML,
        encode(corners(), "PNG")[:-20],
        samples.header_only(20_000, 20_000)[1],
    ):
        with pytest.raises(ImageRefused) as caught:
            convert_product(data)
        assert "product picture" in str(caught.value.message)
        assert str(caught.value.message) != str(refuse(data).message)
        assert caught.value.code == refuse(data).code


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "I;16"])
def test_a_png_result_keeps_its_pixels(mode: str) -> None:
    if mode in ("L", "LA", "RGB", "RGBA"):
        image = samples.noise(333, 257, mode)
    elif mode == "P":
        image = corners().quantize(16)
    else:
        image = samples.noise(333, 257, "L").convert(mode)
    written = decode(normalize_result(encode(image, "PNG", icc_profile=samples.srgb(), exif=samples.exif())))
    assert written.format == "PNG"
    assert mode not in ("RGB", "RGBA", "I;16") or written.mode == mode
    if mode != "I;16":
        assert (
            ImageChops.difference(written.convert("RGBA"), image.convert("RGBA")).getbbox(alpha_only=False)
            is None
        )
    else:
        assert written.tobytes() == image.tobytes()


def test_a_transparent_color_of_a_png_result_stays_transparent() -> None:
    for image, transparency in ((corners(), RED), (corners().quantize(4), bytes([0, 90, 255, 255]))):
        data = encode(image, "PNG", transparency=transparency)
        written = decode(normalize_result(data))
        assert written.mode == "RGBA"
        assert written.tobytes() == Image.open(BytesIO(data)).convert("RGBA").tobytes()


def test_a_jpeg_result_stays_an_upright_jpeg() -> None:
    written = decode(normalize_result(samples.phone_jpeg(orientation=6)))
    assert written.format == "JPEG"
    assert written.size == (600, 400)
    assert [layer[1:3] for layer in written.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]
    assert has_corners(decode(normalize_result(encode(corners(mode="CMYK"), "JPEG"))))
    large = decode(normalize_result(encode(corners(2100, 3000), "JPEG")))
    assert large.size == (2100, 3000)


def test_a_webp_result_becomes_jpeg_or_with_alpha_png() -> None:
    assert decode(normalize_result(encode(corners(), "WEBP"))).format == "JPEG"
    image = samples.noise(300, 300, "RGBA")
    written = decode(normalize_result(encode(image, "WEBP", lossless=True, exact=True)))
    assert (written.format, written.mode) == ("PNG", "RGBA")
    assert written.tobytes() == image.tobytes()


def test_a_result_has_the_ai_label_and_no_other_metadata() -> None:
    png = normalize_result(samples.png_with_everything(corners()))
    assert png_chunks(png.data)[:2] == [b"IHDR", b"iTXt"]
    assert set(png_chunks(png.data)) == {b"IHDR", b"iTXt", b"IDAT", b"IEND"}
    jpeg = normalize_result(samples.phone_jpeg())
    assert jpeg_markers(jpeg.data)[:3] == [0xE0, 0xE1, 0xED]
    assert set(jpeg_markers(jpeg.data)) == {0xE0, 0xE1, 0xED, 0xDB, 0xC0, 0xC4}
    small = make_thumbnail(png.data, label=True)
    for converted in (png, jpeg, small):
        assert CANARY not in converted.data
        packet = decode(converted).info["xmp"]
        assert b"<Iptc4xmpExt:DigitalSourceType>" + SOURCE_TYPE in packet
        assert b'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"' in packet
    assert SOURCE_TYPE not in make_thumbnail(png.data).data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        samples.HTML,
        samples.SVG,
        b"{}",
        encode(corners(), "GIF"),
        encode(corners(), "PNG")[:-30],
        encode(corners(), "JPEG")[:-30],
        encode(corners(), "WEBP")[:-30],
        samples.animated("PNG"),
        *samples.header_only(6000, 6000),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_a_result_that_is_not_an_image_is_refused(data: bytes) -> None:
    with pytest.raises(ImageRefused) as caught:
        normalize_result(data)
    assert "try-on service" in str(caught.value.message)


def test_a_thumbnail_is_a_small_opaque_jpeg() -> None:
    image = corners(mode="RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 200, 300))
    converted = make_thumbnail(normalize_result(encode(image, "PNG")).data, 150)
    assert (converted.width, converted.height, converted.content_type) == (100, 150, "image/jpeg")
    assert has_color(decode(converted), (0.2, 0.2), (255, 255, 255))
    assert has_color(decode(converted), (0.8, 0.8), YELLOW)
    assert make_thumbnail(encode(corners(100, 100), "JPEG")).width == 100


def test_thumbnails_of_extreme_sizes() -> None:
    assert make_thumbnail(encode(corners(1, 1), "PNG")).width == 1
    assert make_thumbnail(encode(corners(2, 9000), "PNG"), 400).height == 400
