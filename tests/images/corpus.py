"""Files as cameras and programs write them, all generated: complete, unusual, incomplete and damaged ones."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from functools import cache, partial

from PIL import Image

from tests.images import samples
from tests.images.samples import encode, jpeg_segment, png_chunk, riff_chunk, segments_after_start

END = b"\xff\xd9"
TRAILER = b"\0\0\1\nPanorama_Shot_Info" + bytes(range(200)) + b"SEFT"
WIDTH, HEIGHT = 330, 310


@cache
def colors() -> Image.Image:
    """Soft blots of many colors."""
    width, height = WIDTH // 10, HEIGHT // 10
    spots = random.Random(1).randbytes(width * height * 3)  # noqa: S311 -- to be the same at each run
    image = Image.frombytes("RGB", (width, height), spots)
    return image.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)


def picture(mode: str = "RGB") -> Image.Image:
    """Colors, with an alpha channel of all degrees if the mode has one."""
    image = colors().copy()
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.linear_gradient("L").resize((WIDTH, HEIGHT)))
    return image.convert(mode)


def jpeg(**options: object) -> bytes:
    return encode(picture(), "JPEG", **({"quality": 90, "subsampling": "4:4:4"} | options))


def png(mode: str = "RGB", **options: object) -> bytes:
    return encode(picture(mode), "PNG", **options)


def raw_png(rows: list[bytes], *following: bytes, is_interlaced: bool = False) -> bytes:
    """A PNG of these rows. `following` are bytes after the compressed pixels."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, is_interlaced)
    packed = b"".join([zlib.compress(b"".join(rows)), *following])
    chunks = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", packed), png_chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def rows() -> list[bytes]:
    """The rows of a PNG before they are compressed."""
    pixels, size = picture().tobytes(), 3 * WIDTH
    return [b"\0" + pixels[start : start + size] for start in range(0, len(pixels), size)]


def interlaced_rows() -> list[bytes]:
    passes = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    return [
        b"\0" + b"".join(row[1 + 3 * x : 4 + 3 * x] for x in range(left, WIDTH, right))
        for left, top, right, down in passes
        for row in rows()[top::down]
    ]


def webp(**options: object) -> bytes:
    return encode(picture(), "WEBP", **({"quality": 95} | options))


def with_size(webp: bytes, change: int) -> bytes:
    """A WebP whose stated size is changed."""
    return webp[:4] + struct.pack("<I", len(webp) - 8 + change) + webp[8:]


def avif(**options: object) -> bytes:
    return encode(picture(), "AVIF", **({"quality": 95, "subsampling": "4:4:4", "speed": 10} | options))


def animated(form: str, **options: object) -> bytes:
    return encode(
        picture(), form, save_all=True, append_images=[picture().rotate(180)], duration=100, **options
    )


def exif_of_size(change: int) -> bytes:
    segment = jpeg_segment(0xE1, b"Exif\0\0MM\0*" + bytes(300))
    return segment[:2] + struct.pack(">H", len(segment) - 2 + change) + segment[4:]


def oriented(form: str, orientation: int, **options: object) -> bytes:
    stored = samples.stored_as(picture(), orientation)
    return encode(stored, form, exif=samples.exif(orientation), **({"quality": 90} | options))


def jpeg_with_fill_bytes() -> bytes:
    data = jpeg()
    for code in (b"\xdb", b"\xc0", b"\xc4", b"\xda"):
        data = data.replace(b"\xff" + code, b"\xff\xff\xff\xff" + code)
    return data


def gif() -> bytes:
    return encode(picture().quantize(200), "GIF")


def cut_jpeg(**options: object) -> bytes:
    """A JPEG that ends in the middle of its last scan."""
    data = jpeg(**options)
    return data[: (data.rindex(b"\xff\xda") + len(data)) // 2].rstrip(b"\xff")


def webp_with_short_chunk() -> bytes:
    body = webp()[20:-2000]
    return with_size(b"RIFF\0\0\0\0WEBP" + riff_chunk(b"VP8 ", body), 0)


Build = Callable[[], bytes]

ACCEPTED: dict[str, Build] = {
    "JPEG": jpeg,
    "JPEG 4:2:0": lambda: jpeg(subsampling="4:2:0"),
    "JPEG with restarts": lambda: jpeg(restart_marker_rows=1),
    "progressive JPEG": lambda: jpeg(progressive=True),
    "gray JPEG": lambda: encode(picture("L"), "JPEG"),
    "CMYK JPEG": lambda: encode(picture("CMYK"), "JPEG", quality=95),
    "JPEG in sRGB": lambda: jpeg(icc_profile=samples.srgb()),
    "JPEG in another color space": lambda: jpeg(icc_profile=samples.swapped_rgb()),
    **{f"JPEG of orientation {n}": partial(oriented, "JPEG", n, subsampling="4:4:4") for n in range(2, 9)},
    "JPEG without its end marker": lambda: jpeg()[:-2],
    "progressive JPEG without its end marker": lambda: jpeg(progressive=True)[:-2],
    "JPEG with a trailer": lambda: jpeg() + TRAILER,
    "JPEG with a trailer instead of its end marker": lambda: jpeg()[:-2] + TRAILER,
    "JPEG and a second one": lambda: jpeg() + jpeg(quality=20),
    "JPEG with fill bytes before its markers": jpeg_with_fill_bytes,
    "JPEG with bytes between its segments": lambda: jpeg().replace(b"\xff\xdb", b"\0\1\2\xff\xdb"),
    "JPEG whose Exif states a too small size": lambda: segments_after_start(jpeg(), exif_of_size(-40)),
    "PNG": png,
    **{f"PNG of mode {mode}": partial(png, mode) for mode in ("L", "LA", "P", "RGBA", "1")},
    "PNG in another color space": lambda: png(icc_profile=samples.swapped_rgb()),
    "rotated PNG": lambda: oriented("PNG", 6),
    "interlaced PNG": lambda: raw_png(interlaced_rows(), is_interlaced=True),
    "PNG with a trailer": lambda: png() + TRAILER,
    "PNG without its end chunk": lambda: png()[:-12],
    "PNG with an incomplete end chunk": lambda: png()[:-5],
    "PNG with a wrong checksum of its end chunk": lambda: png()[:-1] + b"\0",
    "PNG with an incomplete chunk after its pixels": lambda: png()[:-12] + png_chunk(b"tEXt", TRAILER)[:50],
    "PNG with bytes after its compressed pixels": lambda: raw_png(rows(), b"more"),
    "animated PNG": lambda: animated("PNG"),
    "animated PNG that is cut after its first frame": lambda: animated("PNG")[:-50],
    "WebP": webp,
    "lossless WebP": lambda: webp(lossless=True),
    "transparent WebP": lambda: encode(picture("RGBA"), "WEBP", quality=95),
    "WebP with an orientation, which no browser applies": lambda: webp(exif=samples.exif(6)),
    "WebP in another color space": lambda: webp(icc_profile=samples.swapped_rgb()),
    "WebP with a trailer": lambda: webp() + TRAILER,
    "WebP that states a too large size": lambda: with_size(webp(), 100),
    "animated WebP": lambda: animated("WEBP", lossless=True),
    "animated WebP that is cut after its first frame": lambda: animated("WEBP", lossless=True)[:-20],
    "GIF": gif,
    "GIF without its end": lambda: gif()[:-1],
    "GIF with a trailer": lambda: gif() + TRAILER,
    "animated GIF": lambda: animated("GIF"),
    "AVIF": avif,
    "AVIF 4:2:0": lambda: avif(subsampling="4:2:0"),
    "rotated AVIF": lambda: oriented("AVIF", 6, subsampling="4:4:4"),
    "AVIF with a trailer": lambda: avif() + TRAILER,
    "transparent AVIF": lambda: encode(picture("RGBA"), "AVIF", quality=100, subsampling="4:4:4", speed=10),
    "animated AVIF": lambda: animated("AVIF", quality=100, subsampling="4:4:4", speed=10),
}
"""Files that are accepted as product images. HEIC is in test_heic.py, since Chromium does not show it."""

SHOWN: dict[str, Build] = {
    # Chromium leaves out the last row of blocks.
    "JPEG without its end marker": jpeg,
    "JPEG with a trailer instead of its end marker": jpeg,
    # Chromium shows nothing, but Firefox shows them.
    "WebP that states a too large size": webp,
    "animated WebP that is cut after its first frame": lambda: animated("WEBP", lossless=True),
    # Chromium 156 makes them up to 20 levels darker than they were before encoding. Firefox does not.
    "transparent AVIF": lambda: png("RGBA"),
    "animated AVIF": png,
}
"""What the accepted file should look like, if Chromium does not show it so."""

REFUSED: dict[str, Build] = {
    "JPEG that is cut": cut_jpeg,
    "JPEG that is cut, and an end marker": lambda: cut_jpeg() + END,
    "JPEG that is cut, and a trailer with an end marker": lambda: cut_jpeg() + bytes(900) + jpeg(),
    "JPEG without its last blocks": lambda: jpeg()[:-12] + END,
    "progressive JPEG that is cut": lambda: cut_jpeg(progressive=True),
    "progressive JPEG that is cut, and an end marker": lambda: cut_jpeg(progressive=True) + END,
    "JPEG whose Exif states a too large size": lambda: segments_after_start(jpeg(), exif_of_size(30)),
    "JPEG after a line feed": lambda: b"\n" + jpeg(),
    "PNG that is cut": lambda: png()[:-2000],
    "PNG without its last row": lambda: raw_png(rows()[:-1]),
    "interlaced PNG without its last row": lambda: raw_png(interlaced_rows()[:-1], is_interlaced=True),
    "PNG with a wrong checksum of its pixels": lambda: png()[:-13] + b"\0" + png()[-12:],
    "WebP that is cut": lambda: webp()[:-2000],
    "WebP that is cut, and states its size": lambda: with_size(webp()[:-2000], 0),
    "WebP with an incomplete chunk of pixels": webp_with_short_chunk,
    "WebP that states a too small size": lambda: with_size(webp(), -100),
    "GIF that is cut": lambda: gif()[:-2000],
    "AVIF that is cut": lambda: avif()[:-30],
}
"""Files of which browsers show a part or nothing."""
