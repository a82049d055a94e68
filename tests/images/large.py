"""Files of many pixels, made from small ones in milliseconds."""

import re
import struct
from io import BytesIO

from PIL import Image

from tests.images import samples

# A scan's header for one or three components, and its data.
_SCAN = re.compile(rb"(\xff\xda\0(?:\x08\x01.{5}|\x0c\x03.{9}))((?:[^\xff]|\xff[\0\xd0-\xd7])*)", re.DOTALL)


def tall_jpeg(width: int, height: int, **options: object) -> bytes:
    """A JPEG of noise: one row of blocks, over and over. The height is rounded to a multiple of 16."""
    times = height // 16
    row = samples.encode(samples.noise(width, 16), "JPEG", restart_marker_rows=1, **options)

    def repeat(scan: re.Match[bytes]) -> bytes:
        parts = re.split(rb"\xff[\xd0-\xd7]", scan[2]) * times
        marked = [part + bytes([0xFF, 0xD0 + index % 8]) for index, part in enumerate(parts)]
        return scan[1] + b"".join(marked)[:-2]

    data = bytearray(_SCAN.sub(repeat, row))
    frame = re.search(rb"\xff[\xc0\xc2]", data)
    assert frame
    data[frame.start() + 5 : frame.start() + 7] = struct.pack(">H", 16 * times)
    return bytes(data)


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I", len(body) + 8) + kind + body


def heic(image: Image.Image, **options: object) -> bytes:
    import pillow_heif

    out = BytesIO()
    pillow_heif.from_pillow(image).save(out, enc_params={"preset": "ultrafast"}, **options)
    return out.getvalue()


def tiled_heic(tile: Image.Image, columns: int, rows: int) -> bytes:
    """A HEIC of many tiles, all of which are stored in the same place."""
    single = heic(tile)
    found = {kind: single.index(kind) - 4 for kind in (b"hvcC", b"ispe", b"mdat")}
    stored = {kind: single[at : at + int.from_bytes(single[at : at + 4])] for kind, at in found.items()}
    content, count = stored[b"mdat"][8:], columns * rows
    whole = struct.pack(">II", columns * tile.width, rows * tile.height)
    layout = struct.pack(">BBBB", 0, 1, rows - 1, columns - 1) + whole
    ids = range(2, count + 2)
    start = box(b"ftyp", b"heic", bytes(4), b"mif1heic")

    def meta(position: int) -> bytes:
        places = struct.pack(">HHHHII", 1, 1, 0, 1, 0, len(layout))
        places += b"".join(struct.pack(">HHHHII", item, 0, 0, 1, position, len(content)) for item in ids)
        items = b"".join(
            box(
                b"infe",
                struct.pack(">IHH4sx", 2 << 24 | (item > 1), item, 0, b"hvc1" if item > 1 else b"grid"),
            )
            for item in (1, *ids)
        )
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", struct.pack(">II4s13x", 0, 0, b"pict")),
            box(b"pitm", struct.pack(">IH", 0, 1)),
            box(b"iinf", struct.pack(">IH", 0, count + 1), items),
            box(b"iref", bytes(4), box(b"dimg", struct.pack(f">HH{count}H", 1, count, *ids))),
            box(
                b"iprp",
                box(b"ipco", stored[b"hvcC"], stored[b"ispe"], box(b"ispe", bytes(4), whole)),
                box(
                    b"ipma",
                    struct.pack(">II", 0, count + 1),
                    struct.pack(">HBB", 1, 1, 3),
                    *(struct.pack(">HBBB", item, 2, 0x81, 2) for item in ids),
                ),
            ),
            box(b"idat", layout),
            box(b"iloc", struct.pack(">IBBH", 1 << 24, 0x44, 0, count + 1), places),
        )

    return start + meta(len(start) + len(meta(0)) + 8) + box(b"mdat", content)
