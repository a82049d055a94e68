"""Parse an image's container without decoding the pixels, and keep only what the pixels need.

Every file is parsed here before any decoder runs. The result is the format, size and orientation, and a copy
of the file without comments, thumbnails, further frames, Exif, XMP and trailing data. The decoder never sees
these parts, which break decoders most often, and none of them can get into the output.

Sources: ITU-T T.81 (JPEG), CIPA DC-008 (Exif), W3C PNG (Third Edition), RFC 9649 (WebP), GIF89a.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from typing import Literal

# A camera's JPEG has at most a few hundred segments; a PNG of 50 MB in chunks of 8 kB has about 6,000.
MAX_SEGMENTS = 4_000
MAX_CHUNKS = 50_000
# Progressive JPEGs have 10 (color) to 18 (CMYK) scans. The decoder processes all pixels for each scan: for
# 40 million pixels, 20 nearly empty scans take one second and 32 scans take two.
MAX_SCANS = 24
# Bytes. Color profiles of printing presses have up to 3 MB. Larger profiles are ignored.
MAX_PROFILE = 3_000_000

_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
_BITS_PER_BYTE = 8


class WrongKindError(ValueError):
    """The file has none of the accepted formats, or is animated."""


class DamagedError(ValueError):
    """The file has an accepted format, but it is truncated or broken."""


@dataclass(frozen=True, slots=True)
class ImageSource:
    """A still image, not yet decoded.

    `width` and `height` are those before `orientation` (1 to 8, as in Exif) is applied. `profile` is an ICC
    profile or empty. `cost` is the memory that the decoder needs, in bytes per pixel.
    """

    format: str
    data: bytes = field(repr=False)
    width: int
    height: int
    cost: float
    orientation: int = 1
    profile: bytes = b""

    @property
    def upright(self) -> tuple[int, int]:
        """The width and height after the orientation is applied."""
        return (self.height, self.width) if self.orientation in _SIDEWAYS else (self.width, self.height)


def parse_container(data: bytes, formats: tuple[str, ...]) -> ImageSource:
    """Detect the format from the bytes and parse the container.

    `formats` are Pillow's names of the accepted formats. Raise `WrongKindError` if the file has none of them
    or is animated, and `DamagedError` if it is truncated or broken.
    """
    if not data:
        raise DamagedError("The file is empty.")
    for name, (signature, parse) in _PARSERS.items():
        if name in formats and signature.match(data):
            return parse(data)
    raise WrongKindError("The format is not accepted.")


def _number(data: bytes, start: int, length: int, order: Literal["little", "big"] = "big") -> int:
    if start + length > len(data):
        raise DamagedError("The file is incomplete.")
    return int.from_bytes(data[start : start + length], order)


def _orientation(exif: bytes) -> int:
    """Return the orientation in an Exif block, or 1 (unchanged) if the block is broken or has none."""
    exif = exif.removeprefix(b"Exif\0\0")
    order: Literal["little", "big"] = "little" if exif.startswith(b"II") else "big"
    try:
        first = _number(exif, 4, 4, order) + 2
        for entry in range(first, first + 12 * _number(exif, first - 2, 2, order), 12):
            if _number(exif, entry, 2, order) == _ORIENTATION:
                return _number(exif, entry + 8, 2, order)
    except DamagedError:
        pass
    return 1


def _limit_profile(data: bytes) -> bytes:
    return data if len(data) <= MAX_PROFILE else b""


# A marker in a JPEG is 0xFF and another byte. The excluded bytes mean data, a restart in a scan, or padding.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_FRAME_HEADERS = (0xC0, 0xC1, 0xC2)  # Baseline, extended sequential and progressive. Photos use no others.
_TABLES = (0xC4, 0xDB, 0xDD)  # Huffman tables, quantization tables, restart interval.
_FIRST_MARKER = 0xC0
_SCAN, _END, _COMMENT, _EXIF, _ICC = 0xDA, 0xD9, 0xFE, 0xE1, 0xE2
_COLOR_SPACE = ((0xE0, b"JFIF\0"), (0xEE, b"Adobe"))


def _segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield each segment's marker code, body and complete bytes, including a scan's data.

    Stop at the first end marker. Other frames (MPO), a gain map (Ultra HDR) or a manufacturer's data may
    follow it. After the first scan, bytes outside of segments are damaged pixels. Without them, the decoder
    would make the rest of the image gray, so raise `DamagedError`.
    """
    position, has_scan = 2, False
    while marker := _MARKER.search(data, position):
        start, code = marker.start(), data[marker.start() + 1]
        if has_scan and (code < _FIRST_MARKER or data[position:start].strip(b"\xff")):
            raise DamagedError("The pixels between two segments are damaged.")
        if code == _END:
            yield code, b"", data[start : start + 2]
            return
        position = body_end = start + 2 + _number(data, start + 2, 2)
        if body_end > len(data):
            break
        if code == _SCAN:
            has_scan = True
            after = _MARKER.search(data, body_end)
            position = after.start() if after else len(data)
        yield code, data[start + 4 : body_end], data[start:position]
    raise DamagedError("The end marker is missing.")


def _jpeg(data: bytes) -> ImageSource:
    kept, frames, exif, scans = [b"\xff\xd8"], [], b"", 0
    profile: dict[int, bytes] = {}
    for code, body, segment in islice(_segments(data), MAX_SEGMENTS):
        if code in _FRAME_HEADERS or code in _TABLES or code in (_SCAN, _END):
            kept.append(segment)
        if code in _FRAME_HEADERS:
            frames.append(body)
        elif code == _SCAN:
            scans += 1
        elif code == _EXIF and body.startswith(b"Exif\0\0"):
            exif = exif or body
        elif code == _ICC and body.startswith(b"ICC_PROFILE\0"):
            profile[_number(body, 12, 1)] = body[14:]
        elif (code, body[:5]) in _COLOR_SPACE:
            kept.append(segment)
        elif code in range(0xC0, 0xE0) and code not in (*_TABLES, _END):
            raise DamagedError("The file has a marker that photos never have.")
    if kept[-1] != b"\xff\xd9" or len(frames) != 1 or not 1 <= scans <= MAX_SCANS:
        raise DamagedError("The file has too few or too many segments, scans or frame headers.")
    frame = frames[0]
    sampling = [_number(frame, at, 1) for at in range(7, 6 + 3 * _number(frame, 5, 1), 3)]
    samples = [(factors >> 4) * (factors & 15) for factors in sampling]
    return ImageSource(
        "JPEG",
        b"".join(kept),
        width=_number(frame, 3, 2),
        height=_number(frame, 1, 2),
        # If there are several scans, the decoder keeps all coefficients, of two bytes each, at any scale.
        cost=2 + (2 * sum(samples) / max(samples) if scans > 1 else 0),
        orientation=_orientation(exif),
        profile=_limit_profile(b"".join(profile[number] for number in sorted(profile))),
    )


_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_METADATA_CHUNKS = (b"acTL", b"eXIf", b"iCCP")
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # The number of samples per pixel, by color type.


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield each PNG chunk's kind, body and complete bytes."""
    position = 8
    while True:
        end = position + 12 + _number(data, position, 4)
        if end > len(data):
            raise DamagedError("A chunk is incomplete.")
        yield data[position + 4 : position + 8], data[position + 8 : end - 4], data[position:end]
        position = end


def _png(data: bytes) -> ImageSource:
    kept, metadata = [data[:8]], dict.fromkeys(_METADATA_CHUNKS, b"")
    for kind, body, chunk in islice(_chunks(data), MAX_CHUNKS):
        if kind in _PIXEL_CHUNKS:
            if zlib.crc32(body, zlib.crc32(kind)) != _number(chunk, len(chunk) - 4, 4):
                raise DamagedError("The checksum of a chunk is wrong.")
            if (kind == b"IHDR") != (len(kept) == 1):
                raise DamagedError("The header is not the first chunk, or there are two headers.")
            kept.append(chunk)
        elif kind in _METADATA_CHUNKS:
            metadata[kind] = metadata[kind] or body
        if kind == b"IEND":
            break
    else:
        raise DamagedError("The file has too many chunks.")
    if metadata[b"acTL"] and _number(metadata[b"acTL"], 0, 4) > 1:
        raise WrongKindError("The PNG is animated.")
    return ImageSource(
        "PNG",
        b"".join(kept),
        width=_number(kept[1], 8, 4),
        height=_number(kept[1], 12, 4),
        # A decoded pixel has four bytes. For 16-bit color, up to eight are inflated first, which takes time.
        cost=max(4, _SAMPLES.get(kept[1][17], 0) * kept[1][16] / 8),
        orientation=_orientation(metadata[b"eXIf"]),
        profile=_inflate_profile(metadata[b"iCCP"]),
    )


def _inflate_profile(body: bytes) -> bytes:
    packed = body.partition(b"\0")[2][1:]  # The profile follows its name and the compression method.
    try:
        return _limit_profile(zlib.decompressobj().decompress(packed, MAX_PROFILE + 1))
    except zlib.error:
        return b""


def _riff(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield each WebP chunk's kind and body. Like decoders, accept a missing last byte of padding."""
    position, end = 12, 8 + _number(data, 4, 4, "little")
    if end > len(data):
        raise DamagedError("The file is incomplete.")
    while position < end:
        length = _number(data, position + 4, 4, "little")
        if position + 8 + length > end:
            raise DamagedError("A chunk is incomplete.")
        yield data[position : position + 4], data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def _webp(data: bytes) -> ImageSource:
    found: dict[bytes, bytes] = {}
    for kind, body in islice(_riff(data), MAX_CHUNKS):
        if kind in (b"ANIM", b"ANMF"):
            raise WrongKindError("The WebP is animated.")
        if kind in (b"VP8X", b"ALPH", b"VP8 ", b"VP8L", b"EXIF", b"ICCP"):
            found.setdefault(kind, body)
    extended, lossy, lossless = (found.get(kind, b"") for kind in (b"VP8X", b"VP8 ", b"VP8L"))
    if extended:
        width, height = _number(extended, 4, 3, "little") + 1, _number(extended, 7, 3, "little") + 1
        found[b"VP8X"] = bytes([extended[0] & 0x10]) + extended[1:]  # Only the flag for alpha.
    elif lossy:
        width, height = _number(lossy, 6, 2, "little") & 0x3FFF, _number(lossy, 8, 2, "little") & 0x3FFF
    else:
        packed = _number(lossless, 1, 4, "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    kept = b"WEBP"
    for kind in (b"VP8X", b"ALPH", b"VP8 ", b"VP8L"):
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
        orientation=_orientation(found.get(b"EXIF", b"")),
        profile=_limit_profile(found.get(b"ICCP", b"")),
    )


def _gif(data: bytes) -> ImageSource:
    return ImageSource("GIF", data, _number(data, 6, 2, "little"), _number(data, 8, 2, "little"), cost=4)


def _heif(data: bytes) -> ImageSource:
    heif = import_module("pillow_heif").open_heif(data)  # decodes nothing yet, but applies the orientation
    width, height = heif.size
    return ImageSource(
        "HEIF",
        data,
        width,
        height,
        # The decoder stores a camera's 10 bits as 16, and keeps them while it converts them to 8.
        cost=12 if heif.info["bit_depth"] > _BITS_PER_BYTE else 8,
        profile=_limit_profile(heif.info.get("icc_profile") or b""),
    )


_PARSERS = {
    "JPEG": (re.compile(rb"\xff\xd8\xff"), _jpeg),
    "PNG": (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    "WEBP": (re.compile(rb"RIFF....WEBP", re.DOTALL), _webp),
    "GIF": (re.compile(rb"GIF8[79]a"), _gif),
    "HEIF": (re.compile(rb"....ftyp(heic|heix|heim|heis|mif1)", re.DOTALL), _heif),
}
