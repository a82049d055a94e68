"""Sample images: photos with a phone's metadata, and hostile files."""

import struct
import zlib
from io import BytesIO

from PIL import Image, ImageCms, PngImagePlugin

Box = tuple[int, int, int, int]

# Four different corners, so that every rotation and flip can be distinguished.
RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 200, 30), (30, 30, 220), (230, 220, 20)

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
HTML = b"<!doctype html><html><body>It works!</body></html>"

CANARY = b"CANARY-7f3a"


def corners(width: int = 400, height: int = 600, mode: str = "RGB") -> Image.Image:
    image = Image.new("RGB", (width, height))
    halves: list[tuple[tuple[int, int, int], Box]] = [
        (RED, (0, 0, width // 2, height // 2)),
        (GREEN, (width // 2, 0, width, height // 2)),
        (BLUE, (0, height // 2, width // 2, height)),
        (YELLOW, (width // 2, height // 2, width, height)),
    ]
    for color, box in halves:
        image.paste(color, box)
    return image.convert(mode)


def stored_as(image: Image.Image, orientation: int) -> Image.Image:
    """Return the pixels that a camera stores, so that this Exif orientation makes them the image."""
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
    return image.transpose(stored[orientation]) if orientation in stored else image


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Noise, which hardly compresses."""
    bands = [Image.effect_noise((width, height), 120) for _ in Image.new(mode, (1, 1)).getbands()]
    return Image.merge(mode, bands)


def encode(image: Image.Image, form: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def exif(orientation: int = 1) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    tags[0x010F] = "Maker " + CANARY.decode()
    gps = tags.get_ifd(0x8825)
    gps[1], gps[2] = "N", (48.0, 12.0, 30.0)
    gps[29] = CANARY.decode()
    return tags


def xmp() -> bytes:
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/">' + CANARY + b"</x:xmpmeta>"


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_rgb() -> bytes:
    """An sRGB profile with red and blue exchanged, so that applying it is obvious."""
    profile = bytearray(srgb())
    tags = struct.unpack_from(">I", profile, 128)[0]
    at = {bytes(profile[132 + 12 * n : 136 + 12 * n]): 136 + 12 * n for n in range(tags)}
    red, blue = at[b"rXYZ"], at[b"bXYZ"]
    profile[red : red + 8], profile[blue : blue + 8] = profile[blue : blue + 8], profile[red : red + 8]
    return bytes(profile)


def lab() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def phone_jpeg(image: Image.Image | None = None, orientation: int = 1) -> bytes:
    """A JPEG with Exif including a location, XMP, a profile, a comment, and data after the end."""
    options = {"exif": exif(orientation), "xmp": xmp(), "icc_profile": srgb(), "comment": CANARY}
    return encode(image or corners(), "JPEG", quality=95, **options) + CANARY * 50


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, color: int, bits: int, rows: bytes, *before: bytes) -> bytes:
    """A PNG from filtered rows; ``before`` are complete chunks that precede the pixels."""
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    chunks = [
        png_chunk(b"IHDR", header),
        *before,
        png_chunk(b"IDAT", zlib.compress(rows)),
        png_chunk(b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def png_with_everything(image: Image.Image) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", CANARY.decode())
    info.add_itxt("XML:com.adobe.xmp", xmp())
    return encode(image, "PNG", pnginfo=info, exif=exif(), icc_profile=srgb())


def animated(form: str) -> bytes:
    return encode(corners(), form, save_all=True, append_images=[corners().rotate(180)], duration=100)


def segments_after_start(jpeg: bytes, *segments: bytes) -> bytes:
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def jpeg_segment(code: int, body: bytes) -> bytes:
    return bytes([0xFF, code]) + struct.pack(">H", len(body) + 2) + body


def riff_chunk(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)


def header_only(width: int, height: int) -> list[bytes]:
    """Images that claim a size and have hardly any data."""
    jpeg = bytearray(encode(corners(), "JPEG"))
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = min(height, 65535).to_bytes(2) + min(width, 65535).to_bytes(2)
    lossless = (max(0, min(width, 16384) - 1) | (min(height, 16384) - 1) << 14).to_bytes(4, "little")
    webp = b"WEBP" + riff_chunk(b"VP8L", b"\x2f" + lossless + bytes(20))
    return [
        bytes(jpeg),
        png(width, height, 2, 8, b"\0" * 1000),
        b"RIFF" + len(webp).to_bytes(4, "little") + webp,
    ]
