"""Parse a JPEG without decoding the pixels. Source: ITU-T T.81.

Many cameras write JPEGs without an end marker, and every viewer shows them. On the other hand, a file that
was cut may still have an end marker, for example in the manufacturer's data after the image, and the decoder
fills the missing pixels with gray. So the marker proves nothing. The parser removes it, and the decoder shows
whether pixels are missing.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from .source import DamagedError, ImageSource, limit_profile, number, orientation

# A camera's JPEG has at most a few hundred segments.
MAX_SEGMENTS = 4_000
# Progressive JPEGs have 10 (color) to 18 (CMYK) scans. The decoder processes all pixels for each scan: for
# 40 million pixels, 20 nearly empty scans take one second and 32 scans take two.
MAX_SCANS = 24

END = b"\xff\xd9"
# Without an end marker, the decoder waits for more data if pixels are missing. It reads a few bytes ahead. In
# Huffman codes, ones are long, so these bytes do not suffice for a block of pixels.
READ_AHEAD = b"\xfe" * 8

# A marker is 0xFF and another byte. The excluded bytes mean data, a restart in a scan, or padding.
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
_SEQUENTIAL = (0xC0, 0xC1)
_FRAME_HEADERS = (*_SEQUENTIAL, 0xC2)  # Baseline, extended sequential and progressive. Photos use no others.
_TABLES = (0xC4, 0xDB, 0xDD)  # Huffman tables, quantization tables, restart interval.
_SCAN, _END, _COMMENT, _EXIF, _ICC = 0xDA, 0xD9, 0xFE, 0xE1, 0xE2
_KEPT = (*_FRAME_HEADERS, *_TABLES, _SCAN)
_BETWEEN_SCANS = (*_TABLES, _SCAN, _COMMENT, *range(0xE0, 0xF0))
_COLOR_SPACE = ((0xE0, b"JFIF\0"), (0xEE, b"Adobe"))
_COEFFICIENTS = 64  # of a block of 8 x 8 pixels


def parse_jpeg(data: bytes) -> ImageSource:
    """Keep what the pixels need: tables, frame header and scans. Raise `DamagedError` if any is missing."""
    segments = list(islice(_segments(data), MAX_SEGMENTS + 1))
    frames = [(code, body) for code, body, _segment in segments if code in _FRAME_HEADERS]
    scans = [body for code, body, _segment in segments if code == _SCAN]
    if len(segments) > MAX_SEGMENTS or len(frames) != 1 or not 1 <= len(scans) <= MAX_SCANS:
        raise DamagedError("The file has too few or too many segments, scans or frame headers.")
    if any(code in range(0xC0, 0xE0) and code not in _KEPT for code, _body, _segment in segments):
        raise DamagedError("The file has a marker that photos never have.")
    kept = [b"\xff\xd8"]
    kept += [segment for code, body, segment in segments if code in _KEPT or (code, body[:5]) in _COLOR_SPACE]
    exif = [body for code, body, _segment in segments if code == _EXIF and body.startswith(b"Exif\0\0")]
    profile = {
        number(body, 12, 1): body[14:]
        for code, body, _segment in segments
        if code == _ICC and body.startswith(b"ICC_PROFILE\0")
    }
    ((code, frame),) = frames
    components = range(6, 6 + 3 * number(frame, 5, 1), 3)
    is_progressive = code not in _SEQUENTIAL or number(scans[0], 0, 1) < len(components)
    if is_progressive:
        _require_all_scans([number(frame, at, 1) for at in components], scans)
    else:
        kept.append(READ_AHEAD)
    sampling = [number(frame, at + 1, 1) for at in components]
    samples = [(factors >> 4) * (factors & 15) for factors in sampling]
    return ImageSource(
        "JPEG",
        b"".join(kept),
        width=number(frame, 3, 2),
        height=number(frame, 1, 2),
        # The decoder shrinks to 16 million pixels at most. If there are several scans, it also keeps all
        # coefficients, of two bytes each, at any scale.
        cost=1 + (2 * sum(samples) / max(samples) if is_progressive else 0),
        orientation=orientation(exif[0] if exif else b""),
        profile=limit_profile(b"".join(profile[part] for part in sorted(profile))),
        is_progressive=is_progressive,
    )


def _segments(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield each segment's marker code, body and complete bytes, including a scan's data.

    Stop at the end of the image, with or without its marker. Other frames (MPO), a gain map (Ultra HDR) or a
    manufacturer's data may follow.
    """
    position, has_scan = 2, False
    while marker := _MARKER.search(data, position):
        start, code = marker.start(), data[marker.start() + 1]
        if code == _END:
            return
        if has_scan and (code not in _BETWEEN_SCANS or data[position:start].strip(b"\xff")):
            return
        position = body_end = start + 2 + number(data, start + 2, 2)
        if body_end > len(data):
            return
        if code == _SCAN:
            has_scan = True
            after = _MARKER.search(data, body_end)
            position = after.start() if after else len(data)
        segment = data[start:position]
        if code == _SCAN:
            segment = segment.rstrip(b"\xff")  # Padding, which would make a marker of the byte that follows.
        yield code, data[start + 4 : body_end], segment


def _require_all_scans(components: Sequence[int], scans: Sequence[bytes]) -> None:
    """Raise `DamagedError` unless the scans contain every bit of every coefficient of every component."""
    missing = {component: set(range(_COEFFICIENTS)) for component in components}
    for scan in scans:
        count = number(scan, 0, 1)
        first, last, bits = scan[1 + 2 * count : 4 + 2 * count]
        if bits & 15 == 0:  # the lowest bit that this scan contains
            for component in scan[1 : 1 + 2 * count : 2]:
                missing.get(component, set()).difference_update(range(first, last + 1))
    if any(missing.values()):
        raise DamagedError("Scans are missing.")
