"""Parse a PNG without decoding the pixels, and find out whether all of them are there.

Source: W3C PNG (Third Edition).
"""

import math
import zlib
from collections.abc import Iterator
from itertools import islice

from .source import MAX_PROFILE, DamagedError, ImageSource, limit_profile, number, orientation

# A PNG of 50 MB in chunks of 8 kB has about 6,000.
MAX_CHUNKS = 50_000
INFLATE_BYTES = 1_000_000

_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")
_END = b"\0\0\0\0IEND\xaeB`\x82"
_METADATA_CHUNKS = (b"acTL", b"eXIf", b"iCCP")
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # The number of samples per pixel, by color type.
# The first column and row of each pass of an interlaced image, and the distances to the next ones.
_WHOLE = ((0, 0, 1, 1),)
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def parse_png(data: bytes) -> ImageSource:
    """Keep what the pixels need. What follows them, such as the end chunk, may be missing or incomplete."""
    kept, metadata = [data[:8]], dict.fromkeys(_METADATA_CHUNKS, b"")
    for kind, body, chunk in islice(_chunks(data), MAX_CHUNKS):
        if kind in _PIXEL_CHUNKS:
            if zlib.crc32(body, zlib.crc32(kind)) != number(chunk, len(chunk) - 4, 4):
                raise DamagedError("The checksum of a chunk is wrong.")
            if (kind == b"IHDR") != (len(kept) == 1):
                raise DamagedError("The header is not the first chunk, or there are two headers.")
            kept.append(chunk)
        elif kind in _METADATA_CHUNKS:
            metadata[kind] = metadata[kind] or body
    if len(kept) == 1:
        raise DamagedError("The header is missing.")
    return ImageSource(
        "PNG",
        b"".join([*kept, _END]),
        width=number(kept[1], 8, 4),
        height=number(kept[1], 12, 4),
        # A decoded pixel has four bytes. For 16-bit color, up to eight are inflated first, which takes time.
        cost=max(4, _SAMPLES.get(kept[1][17], 0) * kept[1][16] / 8),
        orientation=orientation(metadata[b"eXIf"]),
        profile=_inflate_profile(metadata[b"iCCP"]),
        is_animated=bool(metadata[b"acTL"]) and number(metadata[b"acTL"], 0, 4) > 1,
    )


def require_all_rows(data: bytes) -> None:
    """Raise `DamagedError` if rows are missing. The decoder makes them black and raises no error."""
    chunks = list(_chunks(data))
    width, height = number(chunks[0][1], 0, 4), number(chunks[0][1], 4, 4)
    bits, color, *_, is_interlaced = chunks[0][1][8:13]
    missing = 0
    for left, top, right, down in _PASSES if is_interlaced else _WHOLE:
        columns, rows = math.ceil((width - left) / right), math.ceil((height - top) / down)
        if columns > 0 and rows > 0:
            missing += rows * (1 + math.ceil(columns * bits * _SAMPLES[color] / 8))
    inflater = zlib.decompressobj()
    for body in (body for kind, body, _chunk in chunks if kind == b"IDAT"):
        packed = body
        while packed and missing > 0:
            missing -= len(inflater.decompress(packed, INFLATE_BYTES))
            packed = inflater.unconsumed_tail
    if missing > 0:
        raise DamagedError("Rows are missing.")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield each chunk's kind, body and complete bytes, up to the end chunk or the end of the file.

    Raise `DamagedError` if one of the pixels' chunks is incomplete.
    """
    position = 8
    while position + 8 <= len(data):
        end = position + 12 + number(data, position, 4)
        kind = data[position + 4 : position + 8]
        if kind == b"IEND":
            return
        if end > len(data):
            if kind in _PIXEL_CHUNKS:
                raise DamagedError("A chunk is incomplete.")
            return
        yield kind, data[position + 8 : end - 4], data[position:end]
        position = end


def _inflate_profile(body: bytes) -> bytes:
    packed = body.partition(b"\0")[2][1:]  # The profile follows its name and the compression method.
    try:
        return limit_profile(zlib.decompressobj().decompress(packed, MAX_PROFILE + 1))
    except zlib.error:
        return b""
