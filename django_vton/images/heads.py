"""Estimate where the head is, by the color of skin. Used to compare pictures, not to identify anybody."""

# ruff: noqa: PLR2004 - color ranges and proportions were chosen by trying them on pictures

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageChops

SIDE = 72

SKIN_CB = [255 * (80 <= value <= 127) for value in range(256)]
SKIN_CR = [255 * (134 <= value <= 180) for value in range(256)]

BRIGHTNESS = [
    re.compile(b"[%c-%c]+" % ends) for ends in ((35, 255), (35, 95), (70, 140), (110, 190), (150, 255))
]
"""Ranges of the brightness of a face. The smaller ones divide it from a background of a similar color."""

Run = tuple[int, int, int]
"""A row, the column of its first pixel, and the column after its last one."""


@dataclass(frozen=True)
class Head:
    """The center, the upper end and the width of a face, in pixels."""

    x: float
    top: float
    width: float


def find_head(photo: Image.Image) -> Head | None:
    """Return the skin that is most likely a face in the upper quarter of the photo, or None."""
    small = photo.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    width, height = small.size
    y, cb, cr = small.convert("YCbCr").split()
    skin = ImageChops.multiply(cb.point(SKIN_CB), cr.point(SKIN_CR))
    # A black column divides the last pixel of a row from the first one of the next.
    brightness = ImageChops.multiply(y, skin).crop((0, 0, width + 1, height)).tobytes()
    best, best_score = None, 0.0
    for within in BRIGHTNESS:
        rows: list[list[Run]] = [[] for _ in range(height + 2)]
        for run in within.finditer(brightness):
            row, start = divmod(run.start(), width + 1)
            rows[row].append((row, start, start + run.end() - run.start()))
        for patch in _patches(rows, height // 4 + 1):
            head, score = _measure(patch, width, height)
            if score > best_score:
                best, best_score = head, score
    if best is None:
        return None
    scale = photo.width / width
    return Head(best.x * scale, best.top * scale, best.width * scale)


def _patches(rows: list[list[Run]], height: int) -> Iterator[list[Run]]:
    """Remove the connected patches from `rows` that begin above `height`, and yield them.

    The last row must be empty: it is also the one above the first.
    """
    for row in rows[:height]:
        while row:
            todo, patch = [row.pop()], []
            while todo:
                y, start, end = run = todo.pop()
                patch.append(run)
                for beside in rows[y - 1], rows[y + 1]:
                    for near in [near for near in beside if near[1] < end and start < near[2]]:
                        beside.remove(near)
                        todo.append(near)
            yield patch


def _measure(patch: list[Run], width: int, height: int) -> tuple[Head | None, float]:
    """Measure a patch as a face. The score is 0 if its size, place or shape rules that out."""
    rows: dict[int, list[Run]] = {}
    for run in patch:
        rows.setdefault(run[0], []).append(run)
    top, across = min(rows), 0
    for y in sorted(rows):  # The neck and the shoulders may belong to the patch.
        if y - top > max(3, 1.3 * across):
            break
        across = max(across, max(end for _, _, end in rows[y]) - min(start for _, start, _ in rows[y]))
    down = min(max(rows) - top + 1, round(1.4 * across))
    inside = [(start, end) for y, start, end in patch if y <= top + down]
    size = sum(end - start for start, end in inside)
    plausible = 0.05 * width < across < 0.42 * width and top < 0.25 * height
    if not plausible or down < 0.7 * across or size < 0.4 * across * down:
        return None, 0.0
    x = sum((start + end - 1) * (end - start) for start, end in inside) / 2 / size
    if abs(x / width - 0.5) > 0.25 or top < 0.02 * height:
        return None, 0.0
    # Arms are skin too, but a face is higher and nearer to the middle.
    filled = min(1.0, size / (0.75 * across * down))
    score = math.sqrt(size) * filled**2 * (1 - top / height) ** 8 * max(0.0, 1 - abs(2 * x / width - 1))
    return Head(x + 0.5, top, across), score
