"""Estimate where the head is, by the color of skin. Used to compare pictures, not to identify anybody."""

# ruff: noqa: PLR2004 - color ranges and proportions were chosen by trying them on pictures

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

SIDE = 72

BRIGHTNESS = ((35, 255), (35, 95), (70, 140), (110, 190), (150, 255))
"""Ranges of the brightness of a face. The smaller ones divide it from a background of a similar color."""


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
    raw = small.convert("YCbCr").tobytes()
    pixels = zip(raw[::3], raw[1::3], raw[2::3], strict=True)
    skin = {at: y for at, (y, cb, cr) in enumerate(pixels) if 80 <= cb <= 127 and 134 <= cr <= 180}
    best, best_score = None, 0.0
    for darkest, brightest in BRIGHTNESS:
        within = {at for at, y in skin.items() if darkest <= y <= brightest}
        while within:
            head, score = _measure(_take_patch(within, width), width, height)
            if score > best_score:
                best, best_score = head, score
    if best is None:
        return None
    scale = photo.width / width
    return Head(best.x * scale, best.top * scale, best.width * scale)


def _take_patch(skin: set[int], width: int) -> list[int]:
    """Remove one connected patch from `skin` and return it."""
    todo, patch = [skin.pop()], []
    while todo:
        at = todo.pop()
        patch.append(at)
        beside = [at - 1] * (at % width > 0) + [at + 1] * (at % width < width - 1)
        for near in (at - width, at + width, *beside):
            if near in skin:
                skin.remove(near)
                todo.append(near)
    return patch


def _measure(patch: list[int], width: int, height: int) -> tuple[Head | None, float]:
    """Measure a patch as a face. The score is 0 if its size, place or shape rules that out."""
    rows: dict[int, list[int]] = {}
    for at in patch:
        rows.setdefault(at // width, []).append(at % width)
    top, across = min(rows), 0
    for y in sorted(rows):  # The neck and the shoulders may belong to the patch.
        if y - top > max(3, 1.3 * across):
            break
        across = max(across, max(rows[y]) - min(rows[y]) + 1)
    down = min(max(rows) - top + 1, round(1.4 * across))
    inside = [at for at in patch if at // width <= top + down]
    plausible = 0.05 * width < across < 0.42 * width and top < 0.25 * height
    if not plausible or down < 0.7 * across or len(inside) < 0.4 * across * down:
        return None, 0.0
    x = sum(at % width for at in inside) / len(inside)
    if abs(x / width - 0.5) > 0.25 or top < 0.02 * height:
        return None, 0.0
    # Arms are skin too, but a face is higher and nearer to the middle.
    filled = min(1.0, len(inside) / (0.75 * across * down))
    score = (
        math.sqrt(len(inside)) * filled**2 * (1 - top / height) ** 8 * max(0.0, 1 - abs(2 * x / width - 1))
    )
    return Head(x + 0.5, top, across), score
