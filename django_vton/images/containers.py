"""Parse an image's container without decoding the pixels, and keep only what the pixels need.

Every file is parsed here before any decoder runs. The result is the format, size and orientation, and a copy
of the file without comments, thumbnails, further frames, Exif, XMP and trailing data. The decoder never sees
these parts, which break decoders most often, and none of them can get into the output.

Sources: CIPA DC-008 (Exif), RFC 9649 (WebP), GIF89a. JPEG, PNG and HEIC have modules of their own.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from itertools import islice

from PIL import Image

from .heif import parse_grid
from .jpeg import parse_jpeg
from .png import MAX_CHUNKS, parse_png
from .source import DamagedError, ImageSource, WrongKindError, limit_profile, number, orientation

_BITS_PER_BYTE = 8


def parse_container(data: bytes, formats: tuple[str, ...]) -> ImageSource:
    """Detect the format from the bytes and parse the container.

    ``formats`` are the accepted formats, by Pillow's names. Of an animation, only the first frame is kept.
    """
    if not data:
        raise DamagedError("The file is empty.")
    for name, (signature, parse) in _PARSERS.items():
        if name in formats and signature.match(data):
            return parse(data)
    raise WrongKindError("The format is not accepted.")


def _riff(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each WebP chunk's kind and body, up to the end of the file or the first one that is incomplete.

    Some programs write a file size that is too large, or leave out the last byte of padding.
    """
    position, end = 12, min(8 + number(data, 4, 4, "little"), len(data))
    while position + 8 <= end:
        length = number(data, position + 4, 4, "little")
        if position + 8 + length > end:
            return
        yield data[position : position + 4], data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def _webp(data: bytes) -> ImageSource:
    found: dict[bytes, bytes] = {}
    frames = 0
    for kind, body in islice(_riff(data), MAX_CHUNKS):
        frames += kind == b"ANMF"
        if kind in (b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L", b"ICCP"):
            found.setdefault(kind, body)
    extended, lossy, lossless = (found.get(kind, b"") for kind in (b"VP8X", b"VP8 ", b"VP8L"))
    if extended:
        width, height = number(extended, 4, 3, "little") + 1, number(extended, 7, 3, "little") + 1
        # Of the flags, only alpha and animation still apply.
        found[b"VP8X"] = bytes([extended[0] & (0x12 if frames else 0x10)]) + extended[1:]
    elif lossy:
        width, height = number(lossy, 6, 2, "little") & 0x3FFF, number(lossy, 8, 2, "little") & 0x3FFF
    else:
        packed = number(lossless, 1, 4, "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    kept = b"WEBP"
    for kind in (b"VP8X", b"ANIM", b"ANMF") if frames else (b"VP8X", b"ALPH", b"VP8 ", b"VP8L"):
        if body := found.get(kind, b""):
            kept += kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)
    return ImageSource(
        "WEBP",
        b"RIFF" + len(kept).to_bytes(4, "little") + kept,
        width=width,
        height=height,
        # Four bytes for each copy: the decoder keeps two and returns a third, Pillow makes a fourth, and
        # lossless data, such as alpha, needs a fifth.
        cost=16 if lossy and not found.get(b"ALPH") else 20,
        profile=limit_profile(found.get(b"ICCP", b"")),  # No browser applies an orientation here.
        is_animated=frames > 1,
    )


def _gif(data: bytes) -> ImageSource:
    return ImageSource("GIF", data, number(data, 6, 2, "little"), number(data, 8, 2, "little"), cost=4)


def _avif(data: bytes) -> ImageSource:
    with Image.open(BytesIO(data), formats=["AVIF"]) as image:  # decodes nothing yet
        return ImageSource(
            "AVIF",
            data,
            *image.size,
            cost=16,
            orientation=orientation(image.info.get("exif") or b""),
            profile=limit_profile(image.info.get("icc_profile") or b""),
            is_animated=getattr(image, "is_animated", False),
        )


def _heif(data: bytes) -> ImageSource:
    heif = import_module("pillow_heif").open_heif(data)  # decodes nothing yet, but applies the orientation
    width, height = heif.size
    # 4:2:0 is converted in one step, the rest in two. 10 bits are stored as 16.
    cost = 11.0 if heif.has_alpha else 8 if heif.info.get("chroma", 420) > 420 else 4.5  # noqa: PLR2004
    if heif.info["bit_depth"] > _BITS_PER_BYTE:
        cost *= 1.75
    profile = limit_profile(heif.info.get("icc_profile") or b"")
    grid = parse_grid(data) if heif.mode in ("L", "RGB") else None
    whole = ImageSource("HEIF", data, width, height, cost, profile=profile)
    if grid is None:
        return whole
    tile_share = grid.tile_width * grid.tile_height / (grid.width * grid.height)
    tiled = ImageSource(
        "HEIF", b"", grid.width, grid.height, 1 + cost * tile_share, grid.orientation, profile, grid=grid
    )
    return tiled if tiled.upright == whole.upright else whole


_PARSERS = {
    "JPEG": (re.compile(rb"\xff\xd8\xff"), parse_jpeg),
    "PNG": (re.compile(rb"\x89PNG\r\n\x1a\n"), parse_png),
    "WEBP": (re.compile(rb"RIFF....WEBP", re.DOTALL), _webp),
    "GIF": (re.compile(rb"GIF8[79]a"), _gif),
    "AVIF": (re.compile(rb"....ftyp(avi[fs]|(mif1|msf1|miaf)(....){0,20}?avif)", re.DOTALL), _avif),
    "HEIF": (re.compile(rb"....ftyp(heic|heix|heim|heis|mif1)", re.DOTALL), _heif),
}
