"""Split a HEIC into the tiles that it consists of, so that they can be decoded one by one.

Phones and cameras divide their HEICs into tiles, usually of 512 x 512 pixels. The decoder joins all of them
before it returns anything, which takes 450 MB for 100 million pixels. If each tile is decoded and shrunk
alone, a HEIC takes no more memory than a JPEG.

Sources: ISO/IEC 14496-12 (boxes and items), ISO/IEC 23008-12 (images, grids, rotation and mirroring).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import pack

from .source import DamagedError, number

MAX_TILES = 1_000  # The decoder has the same limit.
# Bytes. The description of 1,000 tiles has 50 kB.
MAX_META = 1_000_000
# Pixels. Tiles with sides that are multiples of this can be shrunk to 1/2, 1/4 and 1/8 without remainders.
ALIGNMENT = 8

_DESCRIBES_PIXELS = (b"hvcC", b"ispe", b"pixi")
_ROTATION, _MIRROR = b"irot", b"imir"
_TURNED_OR_CROPPED = {_ROTATION, _MIRROR, b"clap"}
# By whether the image is mirrored, and by the quarter turns that follow.
_ORIENTATIONS = ((1, 8, 3, 6), (2, 5, 4, 7))


@dataclass(frozen=True, slots=True)
class Grid:
    """The tiles row by row, each a complete HEIC. Sizes are in pixels, before the orientation is applied."""

    width: int
    height: int
    tile_width: int
    tile_height: int
    columns: int
    orientation: int
    """As in Exif."""
    tiles: tuple[bytes, ...] = field(repr=False)


def parse_grid(data: bytes) -> Grid | None:
    """Return the tiles, or None if the image is in one piece or has unusual properties.

    Raise `DamagedError` if a tile is incomplete.
    """
    try:
        return _grid(_Items(data))
    except KeyError:
        return None


def _grid(items: "_Items") -> Grid | None:
    properties, tile_ids = items.properties[items.primary], items.sources[items.primary]
    first = dict(items.properties[tile_ids[0]])
    tile_width, tile_height = number(first[b"ispe"], 4, 4), number(first[b"ispe"], 8, 4)
    if (
        items.kinds[items.primary] != b"grid"
        or len(tile_ids) > MAX_TILES
        or any(items.kinds[tile] != b"hvc1" for tile in tile_ids)
        or any(_TURNED_OR_CROPPED & dict(items.properties[tile]).keys() for tile in tile_ids)
        or b"clap" in dict(properties)
        or tile_width % ALIGNMENT
        or tile_height % ALIGNMENT
    ):
        return None
    layout = items.content(items.primary)
    length = 4 if number(layout, 1, 1) & 1 else 2
    rows, columns = number(layout, 2, 1) + 1, number(layout, 3, 1) + 1
    width, height = number(layout, 4, length), number(layout, 4 + length, length)
    if rows * columns != len(tile_ids) or columns * tile_width < width or rows * tile_height < height:
        raise DamagedError("The tiles do not cover the image.")
    colors = [box for box in properties if box[0] == b"colr"]
    return Grid(
        width,
        height,
        tile_width,
        tile_height,
        columns,
        _orientation(properties),
        tuple(
            _single_image(
                [box for box in items.properties[tile] if box[0] in _DESCRIBES_PIXELS]
                + (colors or [box for box in items.properties[tile] if box[0] == b"colr"]),
                items.content(tile),
            )
            for tile in tile_ids
        ),
    )


def _orientation(properties: list[tuple[bytes, bytes]]) -> int:
    """Combine the rotations (counterclockwise) and mirrorings, in their order."""
    turns, mirrored = 0, False
    for kind, body in properties:
        if kind == _ROTATION:
            turns += number(body, 0, 1) & 3
        elif kind == _MIRROR:
            is_sideways = number(body, 0, 1) & 1  # exchanges left and right, or otherwise top and bottom
            turns, mirrored = (0 if is_sideways else 2) - turns, not mirrored
    return _ORIENTATIONS[mirrored][turns % 4]


def _boxes(data: bytes, position: int = 0) -> Iterator[tuple[bytes, int, int]]:
    """Yield each box's kind, and where its body starts and ends."""
    while position + 8 <= len(data):
        size, kind, start = number(data, position, 4), data[position + 4 : position + 8], position + 8
        if size == 1:
            size, start = number(data, start, 8), start + 8
        end = position + size if size else len(data)
        if end < start:
            raise DamagedError("A box has an impossible size.")
        yield kind, start, end
        position = end


class _Reader:
    """Read numbers one after the other from the body of a box."""

    def __init__(self, body: bytes) -> None:
        self.version, self.flags = number(body, 0, 1), number(body, 1, 3)
        self._body, self._position = body, 4

    def number(self, length: int) -> int:
        self._position += length
        return number(self._body, self._position - length, length)


class _Items:
    """The images of a file, by their ids. Raise `KeyError` if the description of them is missing."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        meta = next((data[start:end] for kind, start, end in _boxes(data) if kind == b"meta"), b"")
        if len(meta) > MAX_META:
            raise KeyError("meta")
        boxes = {kind: meta[start:end] for kind, start, end in _boxes(meta, 4)}
        self._stored = boxes.get(b"idat", b"")
        pitm = _Reader(boxes[b"pitm"])
        self.primary = pitm.number(4 if pitm.version else 2)
        self.kinds = dict(_kinds(boxes[b"iinf"]))
        self.sources = dict(_sources(boxes.get(b"iref", bytes(4))))
        self.properties = dict(_properties(boxes[b"iprp"]))
        self._locations = dict(_locations(boxes[b"iloc"]))

    def content(self, item: int) -> bytes:
        is_stored, extents = self._locations[item]
        parts = [(self._stored if is_stored else self._data)[start:end] for start, end in extents]
        if any(len(part) != end - start for part, (start, end) in zip(parts, extents, strict=True)):
            raise DamagedError("The file is incomplete.")
        return b"".join(parts)


def _kinds(iinf: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield each item's id and kind, such as b"hvc1"."""
    for kind, start, end in _boxes(iinf, 8 if iinf[0] else 6):
        if kind == b"infe" and iinf[start] in (2, 3):
            length = 2 * (iinf[start] - 1)
            yield number(iinf, start + 4, length), iinf[start + 6 + length : min(start + 10 + length, end)]


def _sources(iref: bytes) -> Iterator[tuple[int, list[int]]]:
    """Yield each derived item's id, and the ids of those that it consists of."""
    for kind, start, end in _boxes(iref, 4):
        if kind == b"dimg":
            reader, length = _Reader(bytes(4) + iref[start:end]), 4 if iref[0] else 2
            item = reader.number(length)
            yield item, [reader.number(length) for _ in range(reader.number(2))]


def _properties(iprp: bytes) -> Iterator[tuple[int, list[tuple[bytes, bytes]]]]:
    """Yield each item's id and properties, in their order, as pairs of kind and body."""
    found = {kind: iprp[start:end] for kind, start, end in _boxes(iprp)}
    ipco, reader = found[b"ipco"], _Reader(found[b"ipma"])
    boxes = [(kind, ipco[start:end]) for kind, start, end in _boxes(ipco)]
    length = 2 if reader.flags & 1 else 1
    for _ in range(reader.number(4)):
        item = reader.number(4 if reader.version else 2)
        # The highest bit says that the property is essential. The index 0 means none.
        indexes = [reader.number(length) & (0x7FFF if length > 1 else 0x7F) for _ in range(reader.number(1))]
        yield item, [boxes[index - 1] for index in indexes if 0 < index <= len(boxes)]


def _locations(iloc: bytes) -> Iterator[tuple[int, tuple[bool, list[tuple[int, int]]]]]:
    """Yield each item's id, whether its data is in the `idat` box, and where the parts start and end."""
    reader = _Reader(iloc)
    sizes = reader.number(1), reader.number(1)
    offset_size, length_size, base_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index_size = sizes[1] & 15 if reader.version else 0
    id_size = 4 if reader.version == 2 else 2  # noqa: PLR2004 -- version 2 has longer ids
    for _ in range(reader.number(id_size)):
        item = reader.number(id_size)
        is_stored = bool(reader.version and reader.number(2) & 15)
        reader.number(2)  # the file, which is always this one
        base, extents = reader.number(base_size), []
        for _ in range(reader.number(2)):
            reader.number(index_size)
            start = base + reader.number(offset_size)
            extents.append((start, start + reader.number(length_size)))
        yield item, (is_stored, extents)


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return pack(">I", 8 + len(body)) + kind + body


def _single_image(properties: list[tuple[bytes, bytes]], content: bytes) -> bytes:
    """Return a HEIC of one image."""
    start = _box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    indexes = bytes(
        index | (0x80 if kind == b"hvcC" else 0) for index, (kind, _body) in enumerate(properties, 1)
    )
    described = [
        _box(b"hdlr", pack(">II4s13x", 0, 0, b"pict")),
        _box(b"pitm", pack(">IH", 0, 1)),
        _box(b"iinf", pack(">IH", 0, 1), _box(b"infe", pack(">IHH4sx", 2 << 24, 1, 0, b"hvc1"))),
        _box(
            b"iprp",
            _box(b"ipco", *(_box(kind, body) for kind, body in properties)),
            _box(b"ipma", pack(">IIHB", 0, 1, 1, len(indexes)), indexes),
        ),
    ]
    iloc_size = 30
    position = len(start) + 12 + sum(map(len, described)) + iloc_size + 8
    iloc = _box(b"iloc", pack(">IBBHHHHII", 0, 0x44, 0, 1, 1, 0, 1, position, len(content)))
    assert len(iloc) == iloc_size
    return start + _box(b"meta", bytes(4), *described, iloc) + _box(b"mdat", content)
