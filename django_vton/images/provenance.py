"""The machine-readable mark of AI-generated images: write it, read it, and copy it to a derived file.

The mark is the "Digital Source Type" of the IPTC Photo Metadata Standard, which is a property of XMP. The
older IPTC-IIM has no dataset for it, so the IIM record of a JPEG carries the same term in "Special
Instructions" (2:40).

Sources: XMP part 3 (storage in files), IPTC-IIM 4.2, Photoshop's image resources, RFC 9649 (WebP).
"""

import re
import zlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from .source import number

SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
AI_COMPOSITE = "compositeWithTrainedAlgorithmicMedia"
"""IPTC's term for a picture of several sources, at least one of which was made with generative AI."""

_TERM = re.compile(re.escape(SOURCE_TYPES.encode()) + rb"(\w{1,80})(?=\s*[<\"'])")
_DESCRIPTION = (
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
    ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/">'
    "<Iptc4xmpExt:DigitalSourceType>{uri}</Iptc4xmpExt:DigitalSourceType>"
    "<photoshop:Instructions>Digital source type: {uri}</photoshop:Instructions>"
    "</rdf:Description>"
)
_PACKET = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{description}</rdf:RDF></x:xmpmeta>'
    '<?xpacket end="r"?>'
)
_RDF_END = b"</rdf:RDF>"

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_XMP_SEGMENT = b"http://ns.adobe.com/xap/1.0/\0"
_IIM_SEGMENT = b"Photoshop 3.0\0"
_MAX_SEGMENT = 65_533
_XMP_CHUNK = b"XML:com.adobe.xmp\0"
_VP8X_ALPHA, _VP8X_XMP = 0x10, 0x04
_RIFF_HEADER = 12


class ReadableFile(Protocol):
    """An open file, or a file of Django, also of a model field."""

    def read(self) -> bytes: ...  # noqa: D102 - as of any file
    def seek(self, offset: int, /) -> object: ...  # noqa: D102 - as of any file


ImageFile = bytes | str | PathLike[str] | ReadableFile


def keep_provenance(source: ImageFile | Image.Image, target: ImageFile) -> bytes:
    """Return the bytes of `target` with the mark that `source` bears in its metadata.

    Both are files of the same picture, such as a result and its thumbnail: bytes, paths, open files, or files
    of Django's model fields. `source` may also be an image that Pillow has opened, or its XMP packet. Return
    the bytes of `target` unchanged if `source` bears no mark, or `target` bears one already. Raise
    `ValueError` if `target` has to be marked and is no JPEG, PNG or WebP.
    """
    data = _read(target)
    term = read_source_type(source.info.get("xmp", b"") if isinstance(source, Image.Image) else _read(source))
    return data if term is None or read_source_type(data) is not None else add_source_type(data, term)


def read_source_type(data: bytes) -> str | None:
    """Return IPTC's term in the XMP of a JPEG, PNG or WebP, such as `AI_COMPOSITE`, or None.

    `data` is the file or its XMP packet alone.
    """
    found = _TERM.search(_find_xmp(data))
    return found[1].decode() if found else None


def add_source_type(data: bytes, term: str = AI_COMPOSITE) -> bytes:
    """Return the file with this term in its XMP, and in the IPTC-IIM record of a JPEG.

    Other XMP is kept. A JPEG's IIM record is written only if there is none. Raise `ValueError` if the file is
    no JPEG, PNG or WebP.
    """
    description = _DESCRIPTION.format(uri=SOURCE_TYPES + term)
    if not (data.startswith((_JPEG, _PNG)) or _is_webp(data)):
        raise ValueError("Only JPEG, PNG and WebP files can be marked.")
    existing = _find_xmp(data)
    if _RDF_END in existing:
        packet = existing.replace(_RDF_END, description.encode() + _RDF_END, 1)
    else:
        packet = _PACKET.format(description=description).encode()
    if data.startswith(_JPEG):
        return _add_to_jpeg(data, packet, f"Digital source type: {SOURCE_TYPES}{term}")
    if data.startswith(_PNG):
        return _add_to_png(data, packet)
    return _add_to_webp(data, packet)


def _read(file: ImageFile) -> bytes:
    if isinstance(file, bytes):
        return file
    if isinstance(file, str | PathLike):
        return Path(file).read_bytes()
    closed_file: Any = file if getattr(file, "closed", False) and hasattr(file, "open") else None
    if closed_file is not None:  # A file of Django, which can be opened again.
        with closed_file.open("rb") as opened:
            return bytes(opened.read())
    file.seek(0)
    data = file.read()
    file.seek(0)
    return data


def _find_xmp(data: bytes) -> bytes:
    """Return the XMP packet, or b""."""
    if data.startswith(_JPEG):
        bodies = (body for code, body, _end in _jpeg_segments(data) if code == _XMP_MARKER)
        return next((b[len(_XMP_SEGMENT) :] for b in bodies if b.startswith(_XMP_SEGMENT)), b"")
    if data.startswith(_PNG):
        bodies = (body for kind, body, _end in _png_chunks(data) if kind == b"iTXt")
        # After the keyword: compression flag and method, then the language and the translated keyword.
        return next((b[len(_XMP_CHUNK) + 2 :].lstrip(b"\0") for b in bodies if b.startswith(_XMP_CHUNK)), b"")
    if _is_webp(data):
        return next((body for kind, body in _webp_chunks(data) if kind == b"XMP "), b"")
    return data if data.lstrip(b"\xef\xbb\xbf \n").startswith(b"<") else b""


_XMP_MARKER, _IIM_MARKER, _JFIF_MARKER, _SCAN_MARKER = 0xE1, 0xED, 0xE0, 0xDA


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    """Yield the marker code, the body and the end of each segment before the first scan."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _SCAN_MARKER:  # noqa: PLR2004
        end = at + 2 + number(data, at + 2, 2)
        yield data[at + 1], data[at + 4 : end], end
        at = end


def _segment(code: int, body: bytes) -> bytes:
    if len(body) > _MAX_SEGMENT:
        raise ValueError("The metadata does not fit into a segment of a JPEG.")
    return bytes([0xFF, code]) + (len(body) + 2).to_bytes(2, "big") + body


def _add_to_jpeg(data: bytes, packet: bytes, instructions: str) -> bytes:
    first: list[bytes] = [data[:2]]
    rest: list[bytes] = []
    has_iim, start = False, 2
    for code, body, end in _jpeg_segments(data):
        has_iim = has_iim or (code == _IIM_MARKER and body.startswith(_IIM_SEGMENT))
        if not (code == _XMP_MARKER and body.startswith(_XMP_SEGMENT)):
            (first if code == _JFIF_MARKER and not rest else rest).append(data[start:end])
        start = end
    first.append(_segment(_XMP_MARKER, _XMP_SEGMENT + packet))
    if not has_iim:
        first.append(_segment(_IIM_MARKER, _IIM_SEGMENT + _iim_resource(instructions)))
    return b"".join([*first, *rest, data[start:]])


def _iim_resource(instructions: str) -> bytes:
    """Return Photoshop's image resource 0x0404: UTF-8, record version 4, and "Special Instructions"."""
    datasets = ((1, 90, b"\x1b%G"), (2, 0, b"\x00\x04"), (2, 40, instructions.encode()))
    record = b"".join(
        bytes([0x1C, part, dataset]) + len(value).to_bytes(2, "big") + value
        for part, dataset, value in datasets
    )
    return b"8BIM\x04\x04\0\0" + len(record).to_bytes(4, "big") + record + bytes(len(record) % 2)


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, int]]:
    """Yield the kind, the body and the end of each chunk."""
    at = len(_PNG)
    while at + 12 <= len(data):
        end = at + 12 + number(data, at, 4)
        yield data[at + 4 : at + 8], data[at + 8 : end - 4], end
        at = end


def _add_to_png(data: bytes, packet: bytes) -> bytes:
    body = b"iTXt" + _XMP_CHUNK + bytes(4) + packet
    added = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    written, start = [data[: len(_PNG)]], len(_PNG)
    for kind, old, end in _png_chunks(data):
        if not (kind == b"iTXt" and old.startswith(_XMP_CHUNK)):
            written.append(data[start:end])
        if kind == b"IHDR":
            written.append(added)
        start = end
    return b"".join([*written, data[start:]])


def _is_webp(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:_RIFF_HEADER] == b"WEBP"


def _webp_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = _RIFF_HEADER
    while at + 8 <= len(data):
        length = number(data, at + 4, 4, "little")
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _add_to_webp(data: bytes, packet: bytes) -> bytes:
    """Add the chunk, and the header with its flag, which a simple file does not have."""
    chunks = [(kind, body) for kind, body in _webp_chunks(data) if kind not in (b"XMP ", b"VP8X")]
    header = dict(_webp_chunks(data)).get(b"VP8X") or _extended_header(*chunks[0])
    chunks.insert(0, (b"VP8X", bytes([header[0] | _VP8X_XMP]) + header[1:]))
    chunks.append((b"XMP ", packet))
    written = b"WEBP" + b"".join(
        kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2) for kind, body in chunks
    )
    return b"RIFF" + len(written).to_bytes(4, "little") + written


def _extended_header(kind: bytes, body: bytes) -> bytes:
    if kind == b"VP8L":
        packed = number(body, 1, 4, "little")
        width, height, has_alpha = packed & 0x3FFF, packed >> 14 & 0x3FFF, packed >> 28 & 1
    else:
        width, height = (number(body, at, 2, "little") - 1 & 0x3FFF for at in (6, 8))
        has_alpha = 0
    flags = _VP8X_ALPHA if has_alpha else 0
    return bytes([flags, 0, 0, 0]) + width.to_bytes(3, "little") + height.to_bytes(3, "little")
