from io import BytesIO

import pytest
from PIL import Image, ImageChops

from django_vton.images import ImageRefused, result_picture, thumbnail
from tests.images import files
from tests.images.files import CANARY, RED, YELLOW, corners, saved
from tests.images.looking import has_corners, jpeg_markers, near, opened, png_chunks, product, refused

SOURCE_TYPE = b"http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


def test_a_product_picture_in_any_shape_a_catalogue_has() -> None:
    for image, form in (
        (corners(), "JPEG"),
        (corners(mode="CMYK"), "JPEG"),
        (corners(mode="RGBA"), "PNG"),
        (corners(mode="RGBA"), "WEBP"),
        (corners(5000, 5000), "PNG"),
        (corners().quantize(16), "GIF"),
    ):
        picture = product(saved(image, form))
        assert picture.content_type == "image/jpeg"
        assert has_corners(opened(picture))
    assert has_corners(opened(product(files.animated("GIF"))))


def test_a_gifs_comment_is_dropped() -> None:
    for image in (corners(), Image.linear_gradient("L").resize((300, 300))):
        data = saved(image, "GIF", comment=CANARY)
        assert CANARY in data
        assert CANARY not in product(data).data


def test_a_gifs_frame_cannot_outgrow_its_screen() -> None:
    data = bytearray(saved(corners(), "GIF"))
    frame = data.index(b"\x2c\0\0\0\0\x90\x01\x58\x02")
    data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(ImageRefused):
        product(bytes(data))


def test_a_merchant_reads_other_words() -> None:
    for data in (
        saved(corners(200, 200), "PNG"),
        files.HTML,
        saved(corners(), "PNG")[:-20],
        files.header_only(20_000, 20_000)[1],
    ):
        with pytest.raises(ImageRefused) as caught:
            product(data)
        assert "product picture" in str(caught.value.message)
        assert str(caught.value.message) != str(refused(data).message)
        assert caught.value.code == refused(data).code


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "1", "I;16"])
def test_a_png_result_is_kept_pixel_for_pixel(mode: str) -> None:
    if mode in ("L", "LA", "RGB", "RGBA"):
        image = files.noise(333, 257, mode)
    elif mode == "P":
        image = corners().quantize(16)
    else:
        image = files.noise(333, 257, "L").convert(mode)
    written = opened(result_picture(saved(image, "PNG", icc_profile=files.srgb(), exif=files.exif())))
    assert written.format == "PNG"
    assert mode not in ("RGB", "RGBA", "I;16") or written.mode == mode
    if mode != "I;16":
        assert (
            ImageChops.difference(written.convert("RGBA"), image.convert("RGBA")).getbbox(alpha_only=False)
            is None
        )
    else:
        assert written.tobytes() == image.tobytes()


def test_a_png_results_transparent_colour_stays_transparent() -> None:
    for image, transparency in ((corners(), RED), (corners().quantize(4), bytes([0, 90, 255, 255]))):
        data = saved(image, "PNG", transparency=transparency)
        written = opened(result_picture(data))
        assert written.mode == "RGBA"
        assert written.tobytes() == Image.open(BytesIO(data)).convert("RGBA").tobytes()


def test_a_jpeg_result() -> None:
    written = opened(result_picture(files.phone_jpeg(orientation=6)))
    assert written.format == "JPEG"
    assert written.size == (600, 400)
    assert [layer[1:3] for layer in written.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]
    assert has_corners(opened(result_picture(saved(corners(mode="CMYK"), "JPEG"))))
    large = opened(result_picture(saved(corners(2100, 3000), "JPEG")))
    assert large.size == (2100, 3000)


def test_a_webp_result() -> None:
    assert opened(result_picture(saved(corners(), "WEBP"))).format == "JPEG"
    image = files.noise(300, 300, "RGBA")
    written = opened(result_picture(saved(image, "WEBP", lossless=True, exact=True)))
    assert (written.format, written.mode) == ("PNG", "RGBA")
    assert written.tobytes() == image.tobytes()


def test_a_result_bears_the_label_and_nothing_else() -> None:
    png = result_picture(files.png_with_everything(corners()))
    assert png_chunks(png.data)[:2] == [b"IHDR", b"iTXt"]
    assert set(png_chunks(png.data)) == {b"IHDR", b"iTXt", b"IDAT", b"IEND"}
    jpeg = result_picture(files.phone_jpeg())
    assert jpeg_markers(jpeg.data)[:2] == [0xE0, 0xE1]
    assert set(jpeg_markers(jpeg.data)) == {0xE0, 0xE1, 0xDB, 0xC0, 0xC4}
    small = thumbnail(png.data, label=True)
    for picture in (png, jpeg, small):
        assert CANARY not in picture.data
        packet = opened(picture).info["xmp"]
        assert b"<Iptc4xmpExt:DigitalSourceType>" + SOURCE_TYPE in packet
        assert b'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"' in packet
    assert SOURCE_TYPE not in thumbnail(png.data).data


@pytest.mark.parametrize(
    "data",
    [
        b"",
        files.HTML,
        files.SVG,
        b"{}",
        saved(corners(), "GIF"),
        saved(corners(), "PNG")[:-30],
        saved(corners(), "JPEG")[:-30],
        saved(corners(), "WEBP")[:-30],
        files.animated("PNG"),
        *files.header_only(6000, 6000),
    ],
    ids=lambda data: repr(data[:12]),
)
def test_a_result_that_is_no_picture(data: bytes) -> None:
    with pytest.raises(ImageRefused) as caught:
        result_picture(data)
    assert "try-on service" in str(caught.value.message)


def test_a_thumbnail() -> None:
    image = corners(mode="RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 200, 300))
    picture = thumbnail(result_picture(saved(image, "PNG")).data, 150)
    assert (picture.width, picture.height, picture.content_type) == (100, 150, "image/jpeg")
    assert near(opened(picture), (0.2, 0.2), (255, 255, 255))
    assert near(opened(picture), (0.8, 0.8), YELLOW)
    assert thumbnail(saved(corners(100, 100), "JPEG")).width == 100


def test_the_smallest_and_the_longest_thumbnail() -> None:
    assert thumbnail(saved(corners(1, 1), "PNG")).width == 1
    assert thumbnail(saved(corners(2, 9000), "PNG"), 400).height == 400
