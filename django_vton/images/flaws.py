"""Compare a result with its photo: has the vendor changed what was ordered, and nothing else.

The comparison uses plain statistics of small images and takes less than 150 ms of processor time. Its
thresholds were chosen with drawn people and with photographs: see `docs/admin-renders.md`.
"""

# ruff: noqa: PLR2004 - thresholds, as the docstring says

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import product
from operator import mul
from typing import Literal

from PIL import Image, ImageChops, ImageFilter, ImageStat

from .alignment import Box, align, detail, mean_difference
from .heads import Head, find_head

Flaw = Literal["", "unchanged", "face", "body"]

SIDE = 128
"""Pixels of the longest side of the photo when it is compared."""

ON_HEAD = frozenset({"eyewear", "jewellery", "headwear"})
"""Kinds of products that are worn on the head, so that the head must change."""

PLAIN = 4
"""The standard deviation of an image that shows nothing."""

SMALL_HEAD, LARGE_HEAD = 6, 10
"""Pixels across. The width of a smaller face cannot be compared, and glasses need a larger one."""

EDGE = [min(255, round(16 * math.sqrt(max(0, value - 3)))) for value in range(256)]
CLIPPED = [min(value, 24) for value in range(256)]


def find_flaw(photo: bytes, result: bytes, kind: str) -> Flaw:
    """Return why the result is flawed, or "". The images are JPEG files that this package encoded.

    "unchanged": the result is the photo, perhaps with other colors. "face": the head is another one. "body":
    the figure, or its part below the garment, is narrower. `kind` is the kind of the product.
    """
    with (
        Image.open(BytesIO(photo), formats=["JPEG"]) as one,
        Image.open(BytesIO(result), formats=["JPEG"]) as two,
    ):
        return compare(one.convert("RGB"), two.convert("RGB"), kind)


def compare(photo: Image.Image, result: Image.Image, kind: str) -> Flaw:
    """Like `find_flaw`, for two RGB images."""
    photo, result = _shrink(photo, SIDE), _shrink(result, SIDE * 3 // 2)
    if max(ImageStat.Stat(photo).stddev) < PLAIN:
        return ""
    seen = _measure(photo, result)
    if kind in ON_HEAD:
        # Glasses are small. Only a large head that was found tells whether they are there.
        return "unchanged" if seen.changed_most <= 18 and 0 <= seen.head_change <= 12 else ""
    if seen.width_ratio <= 0.966 or seen.is_narrower:
        return "body"
    if min(seen.figure_likeness, seen.torso_likeness) >= 0.83:
        is_recolored = seen.recolored >= 10 and seen.head_likeness >= 0.8
        if seen.changed_most <= 26 or is_recolored:
            return "unchanged"
    is_other_head = seen.head_likeness < (0.92 if seen.recolored >= 11 else 0.87)
    return "face" if is_other_head else ""


@dataclass(frozen=True)
class _Measures:
    """What the comparison found. A likeness is a correlation, and a change is a difference of 0 to 255."""

    width_ratio: float
    changed_most: int
    """The change that 97 % of the picture do not exceed."""
    recolored: int
    """The median change of the face; of the whole picture if no face was found."""
    figure_likeness: float
    torso_likeness: float
    head_likeness: float = 1.0
    head_change: int = -1
    """The change that 99.5 % of the surroundings of the head do not exceed; -1 without a large head."""
    is_narrower: bool = False


def _measure(photo: Image.Image, result: Image.Image) -> _Measures:
    aligned = align(photo, result)
    head = find_head(photo)
    edges = _edges(photo), _edges(aligned.image)
    change = _change(photo, aligned.image)
    left, top, right, bottom = aligned.box
    bottom -= 8  # A vendor's mark does not count.
    place = head or Head(photo.width / 2, 0.15 * photo.height, 0.2 * photo.width)
    below = min(place.top + 1.3 * place.width, photo.height - 30)
    figure = _box(place, -2, 2, below, below + 6 * place.width, aligned.box)
    torso = _box(place, -1.3, 1.3, below, below + 3 * place.width, aligned.box)
    whole = _percentile(change.crop((left, top, right, bottom)), 0.97)
    likeness = _likeness(*edges, figure), _likeness(*edges, torso)
    if head is None:
        return _Measures(aligned.width_ratio, whole, _percentile(change, 0.5), *likeness)
    face = _box(head, -0.4, 0.4, head.top, head.top + 0.9 * head.width, aligned.box)
    around = _box(head, -0.7, 0.7, head.top - 0.5 * head.width, head.top + head.width, aligned.box)
    legs = _box(head, -2.4, 2.4, min(below + 3 * head.width, photo.height - 30), photo.height, aligned.box)
    details = detail(photo), detail(aligned.image)

    def is_narrower(box: Box, gain: float) -> bool:
        return _is_narrower(*details, box, head.x, gain, 0.95 / aligned.width_ratio)

    return _Measures(
        aligned.width_ratio,
        whole,
        _percentile(change.crop(face), 0.5),
        *likeness,
        head_likeness=_likeness(*edges, face) if _is_near(head, find_head(aligned.image)) else 1.0,
        head_change=_percentile(change.crop(around), 0.995) if head.width >= LARGE_HEAD else -1,
        is_narrower=(head.width >= SMALL_HEAD and is_narrower(around, 0.92)) or is_narrower(legs, 0.95),
    )


def _is_near(head: Head, other: Head | None) -> bool:
    """Return whether two heads are in one place. Otherwise one of them is no head."""
    if other is None:
        return False
    away = 0.8 * max(head.width, other.width)
    down = head.top + 0.6 * head.width - other.top - 0.6 * other.width
    return abs(head.x - other.x) < away and abs(down) < away


def _shrink(image: Image.Image, side: int) -> Image.Image:
    scale = side / max(image.size)
    size = max(8, round(image.width * scale)), max(8, round(image.height * scale))
    return image.resize(size, Image.Resampling.BOX if scale < 0.5 else Image.Resampling.BILINEAR)


def _box(head: Head, left: float, right: float, top: float, bottom: float, inside: Box) -> Box:
    """Return a box whose sides are in face widths from the middle of the face, cut to `inside`."""
    wanted = (head.x + left * head.width, top, head.x + right * head.width, bottom)
    x, y, x2, y2 = (round(value) for value in wanted)
    x, y = max(inside[0], min(x, inside[2] - 3)), max(inside[1], min(y, inside[3] - 3))
    return x, y, max(x + 3, min(x2, inside[2])), max(y + 3, min(y2, inside[3]))


def _largest(image: Image.Image) -> Image.Image:
    red, green, blue = image.split()
    return ImageChops.lighter(red, ImageChops.lighter(green, blue))


def _change(photo: Image.Image, result: Image.Image) -> Image.Image:
    blur = ImageFilter.GaussianBlur(1.2)
    return _largest(ImageChops.difference(photo.filter(blur), result.filter(blur)))


def _edges(image: Image.Image) -> Image.Image:
    """Return the strength of the edges, whatever the colors on both sides are."""
    soft = image.filter(ImageFilter.GaussianBlur(1))
    width, height = image.width - 1, image.height - 1
    here = soft.crop((0, 0, width, height))
    across = _largest(ImageChops.difference(here, soft.crop((1, 0, width + 1, height))))
    down = _largest(ImageChops.difference(here, soft.crop((0, 1, width, height + 1))))
    edges = Image.new("L", image.size)
    edges.paste(ImageChops.lighter(across, down), (0, 0))
    return edges.point(EDGE)


def _likeness(one: Image.Image, other: Image.Image, box: Box) -> float:
    """Return the correlation (-1 to 1) of the edges within the box. Plain areas are not alike."""
    a, b = one.crop(box).tobytes(), other.crop(box).tobytes()
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    spread_a = sum(map(mul, a, a)) / len(a) - mean_a * mean_a
    spread_b = sum(map(mul, b, b)) / len(b) - mean_b * mean_b
    both = sum(map(mul, a, b)) / len(a) - mean_a * mean_b
    plain = 60
    likeness: float = (both + plain) / math.sqrt((spread_a + plain) * (spread_b + plain))
    return likeness


def _percentile(gray: Image.Image, share: float) -> int:
    histogram = gray.histogram()
    wanted, seen = share * sum(histogram), 0
    for value, number in enumerate(histogram):
        seen += number
        if seen >= wanted:
            return value
    return 255


def _is_narrower(
    photo: Image.Image, result: Image.Image, box: Box, x: float, gain: float, most: float
) -> bool:
    """Return whether this part of the photo fits better onto the result if it is made narrower around `x`.

    The scale that fits best has to be at most `most`, and the difference has to shrink to the share `gain` of
    what it is without it, but perhaps moved sideways. The images have only their details.
    """
    wanted, present = result.crop(box), photo.crop((0, box[1], photo.width, box[3]))

    @cache
    def cost(percent: int, half: int) -> float:
        scale = percent / 100
        matrix = (1 / scale, 0, x - x / scale + half / 2 + box[0] / scale, 0, 1, 0)
        moved = present.transform(wanted.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
        return mean_difference(wanted, moved, CLIPPED)

    percent = min(range(84, 113, 4), key=lambda it: cost(it, 0))
    shift = min((-2, 0, 2), key=lambda it: cost(percent, it))
    near = product((percent - 2, percent, percent + 2), (shift - 1, shift, shift + 1))
    best = min(near, key=lambda it: cost(*it))
    unscaled = min(cost(100, half) for half in range(-2, 3))
    return best[0] / 100 <= most and cost(*best) < gain * unscaled
