"""Read a picture's container without decoding it, and keep only what its pixels need.

Every file is walked here first. What comes out is its format, size and orientation, known before any decoder
runs, and a copy without comments, thumbnails, further frames, Exif, XMP and trailing data. So the decoder
never meets the parts of a file that break it most often, and nothing of them can be carried along.

Sources: ITU-T T.81 (JPEG), CIPA DC-008 (Exif), W3C PNG (Third Edition), RFC 9649 (WebP), GIF89a.
"""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from itertools import islice
from typing import Literal

# A camera's JPEG has some hundred segments at most; a PNG of 50 MB in chunks of 8 kB has some 6,000.
MAX_SEGMENTS = 4_000
MAX_CHUNKS = 50_000
# Progressive JPEGs have 10 (colour) to 18 (CMYK) scans. For each, the decoder walks the whole picture: 40
# million pixels take a second at 20 scans that hold next to nothing, and two at 32.
MAX_SCANS = 24
# The profiles of printing presses have up to 3 MB.
MAX_PROFILE = 3_000_000

_ORIENTATION = 0x0112
_SIDEWAYS = (5, 6, 7, 8)
_BYTE = 8  # bits


class WrongKindError(ValueError):
    """Not one of the formats asked for, or a picture that moves."""


class DamagedError(ValueError):
    """The right kind of file, but cut off or broken."""


@dataclass(frozen=True, slots=True)
class Source:
    """One still picture, not yet decoded.

    ``width`` and ``height`` are as stored, before ``orientation`` (1 to 8, as in Exif); ``profile`` is an ICC
    profile or empty; ``cost`` is about how many bytes of memory the decoder takes for each pixel.
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
        """Width and height as a person sees the picture."""
        return (self.height, self.width) if self.orientation in _SIDEWAYS else (self.width, self.height)


def read(data: bytes, formats: tuple[str, ...]) -> Source:
    """The picture in ``data``, told by its bytes alone. Raises ``WrongKindError`` or ``DamagedError``.

    ``formats`` are those that may pass, by Pillow's names.
    """
    if not data:
        raise DamagedError("An empty file.")
    for name, (signature, walk) in _WALKS.items():
        if name in formats and signature.match(data):
            return walk(data)
    raise WrongKindError("No known format.")


def _number(data: bytes, start: int, length: int, order: Literal["little", "big"] = "big") -> int:
    if start + length > len(data):
        raise DamagedError("The file ends too early.")
    return int.from_bytes(data[start : start + length], order)


def _orientation(exif: bytes) -> int:
    """The orientation of an Exif block; 1 where that is broken: the price is only a picture on its side."""
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


def _profile(data: bytes) -> bytes:
    return data if len(data) <= MAX_PROFILE else b""


# JPEG. Not a marker: a stuffed 0xFF, restarts inside a scan, fill bytes.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_FRAME_HEADERS = (0xC0, 0xC1, 0xC2)  # sequential and progressive; the others are no photo's
_TABLES = (0xC4, 0xDB, 0xDD)  # Huffman, quantization, restart interval
_FIRST_MARKER = 0xC0
_SCAN, _END, _COMMENT, _EXIF, _ICC = 0xDA, 0xD9, 0xFE, 0xE1, 0xE2
_COLOUR_SPACE = ((0xE0, b"JFIF\0"), (0xEE, b"Adobe"))


def _segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Each marker's code, its body, and all its bytes, with a scan's data; up to the first end of image.

    What follows that are other frames (MPO), a gain map (Ultra HDR) or a maker's own data. Once the pixels
    have begun, what is no segment is damage to them: with it left out, the rest would decode as grey.
    """
    position, began = 2, False
    while marker := _MARKER.search(data, position):
        start, code = marker.start(), data[marker.start() + 1]
        if began and (code < _FIRST_MARKER or data[position:start].strip(b"\xff")):
            raise DamagedError("No marker, but damaged pixels.")
        if code == _END:
            yield code, b"", data[start : start + 2]
            return
        position = body_end = start + 2 + _number(data, start + 2, 2)
        if body_end > len(data):
            break
        if code == _SCAN:
            began = True
            after = _MARKER.search(data, body_end)
            position = after.start() if after else len(data)
        yield code, data[start + 4 : body_end], data[start:position]
    raise DamagedError("No end of image.")


def _jpeg(data: bytes) -> Source:
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
        elif (code, body[:5]) in _COLOUR_SPACE:
            kept.append(segment)
        elif code in range(0xC0, 0xE0) and code not in (*_TABLES, _END):
            raise DamagedError("A marker that no photo has.")
    if kept[-1] != b"\xff\xd9" or len(frames) != 1 or not 1 <= scans <= MAX_SCANS:
        raise DamagedError("Too many segments or scans, or none, or not one frame header.")
    frame = frames[0]
    sampling = [_number(frame, at, 1) for at in range(7, 6 + 3 * _number(frame, 5, 1), 3)]
    samples = [(factors >> 4) * (factors & 15) for factors in sampling]
    return Source(
        "JPEG",
        b"".join(kept),
        width=_number(frame, 3, 2),
        height=_number(frame, 1, 2),
        # For several scans the decoder holds all coefficients, two bytes each, whatever the scale.
        cost=2 + (2 * sum(samples) / max(samples) if scans > 1 else 0),
        orientation=_orientation(exif),
        profile=_profile(b"".join(profile[number] for number in sorted(profile))),
    )


_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_ABOUT = (b"acTL", b"eXIf", b"iCCP")
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # in each pixel, by its type of colour


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Each PNG chunk's kind, its body, and all its bytes."""
    position = 8
    while True:
        end = position + 12 + _number(data, position, 4)
        if end > len(data):
            raise DamagedError("A chunk ends too early.")
        yield data[position + 4 : position + 8], data[position + 8 : end - 4], data[position:end]
        position = end


def _png(data: bytes) -> Source:
    kept, about = [data[:8]], dict.fromkeys(_ABOUT, b"")
    for kind, body, chunk in islice(_chunks(data), MAX_CHUNKS):
        if kind in _PIXELS:
            if zlib.crc32(body, zlib.crc32(kind)) != _number(chunk, len(chunk) - 4, 4):
                raise DamagedError("A checksum is wrong.")
            if (kind == b"IHDR") != (len(kept) == 1):
                raise DamagedError("The header does not come first, or comes again.")
            kept.append(chunk)
        elif kind in _ABOUT:
            about[kind] = about[kind] or body
        if kind == b"IEND":
            break
    else:
        raise DamagedError("Too many chunks.")
    if about[b"acTL"] and _number(about[b"acTL"], 0, 4) > 1:
        raise WrongKindError("An animated PNG.")
    return Source(
        "PNG",
        b"".join(kept),
        width=_number(kept[1], 8, 4),
        height=_number(kept[1], 12, 4),
        # Decoded, a pixel has four bytes. Of 16-bit colour up to eight are inflated first, which takes time.
        cost=max(4, _SAMPLES.get(kept[1][17], 0) * kept[1][16] / 8),
        orientation=_orientation(about[b"eXIf"]),
        profile=_inflated_profile(about[b"iCCP"]),
    )


def _inflated_profile(body: bytes) -> bytes:
    packed = body.partition(b"\0")[2][1:]  # after the name and the method
    try:
        return _profile(zlib.decompressobj().decompress(packed, MAX_PROFILE + 1))
    except zlib.error:
        return b""


def _riff(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each WebP chunk's kind and body; a last missing byte of padding is forgiven, as by decoders."""
    position, end = 12, 8 + _number(data, 4, 4, "little")
    if end > len(data):
        raise DamagedError("The file ends too early.")
    while position < end:
        length = _number(data, position + 4, 4, "little")
        if position + 8 + length > end:
            raise DamagedError("A chunk ends too early.")
        yield data[position : position + 4], data[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def _webp(data: bytes) -> Source:
    found: dict[bytes, bytes] = {}
    for kind, body in islice(_riff(data), MAX_CHUNKS):
        if kind in (b"ANIM", b"ANMF"):
            raise WrongKindError("An animated WebP.")
        if kind in (b"VP8X", b"ALPH", b"VP8 ", b"VP8L", b"EXIF", b"ICCP"):
            found.setdefault(kind, body)
    extended, lossy, lossless = (found.get(kind, b"") for kind in (b"VP8X", b"VP8 ", b"VP8L"))
    if extended:
        width, height = _number(extended, 4, 3, "little") + 1, _number(extended, 7, 3, "little") + 1
        found[b"VP8X"] = bytes([extended[0] & 0x10]) + extended[1:]  # of its flags, only alpha still holds
    elif lossy:
        width, height = _number(lossy, 6, 2, "little") & 0x3FFF, _number(lossy, 8, 2, "little") & 0x3FFF
    else:
        packed = _number(lossless, 1, 4, "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    kept = b"WEBP"
    for kind in (b"VP8X", b"ALPH", b"VP8 ", b"VP8L"):
        if body := found.get(kind, b""):
            kept += kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)
    return Source(
        "WEBP",
        b"RIFF" + len(kept).to_bytes(4, "little") + kept,
        width=width,
        height=height,
        # The decoder holds two canvases and hands out a third, Pillow makes a fourth; what is coded without
        # loss, as alpha is, needs a fifth.
        cost=16 if lossy and not found.get(b"ALPH") else 20,
        orientation=_orientation(found.get(b"EXIF", b"")),
        profile=_profile(found.get(b"ICCP", b"")),
    )


def _gif(data: bytes) -> Source:
    return Source("GIF", data, _number(data, 6, 2, "little"), _number(data, 8, 2, "little"), cost=4)


def _heif(data: bytes) -> Source:
    heif = import_module("pillow_heif").open_heif(data)  # decodes nothing yet, and turns it upright by itself
    width, height = heif.size
    return Source(
        "HEIF",
        data,
        width,
        height,
        # A camera's 10 bits are held as 16, by the decoder and by its conversion to 8.
        cost=12 if heif.info["bit_depth"] > _BYTE else 8,
        profile=_profile(heif.info.get("icc_profile") or b""),
    )


_WALKS = {
    "JPEG": (re.compile(rb"\xff\xd8\xff"), _jpeg),
    "PNG": (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    "WEBP": (re.compile(rb"RIFF....WEBP", re.DOTALL), _webp),
    "GIF": (re.compile(rb"GIF8[79]a"), _gif),
    "HEIF": (re.compile(rb"....ftyp(heic|heix|heim|heis|mif1)", re.DOTALL), _heif),
}
