"""Compare a result with its photo: has the vendor changed what was ordered, and nothing else.

The comparison uses plain statistics of small images and takes less than 150 ms of processor time. Its
thresholds were chosen with drawn people and with photographs: see `docs/admin-renders.md`.
"""

# ruff: noqa: PLR2004 - thresholds, as the docstring says

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, cached_property
from io import BytesIO
from itertools import product
from operator import mul
from typing import Literal

from PIL import Image, ImageChops, ImageFilter, ImageStat

from .alignment import Aligned, Box, align, detail, mean_difference
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

VALUES = range(256)
SQUARES = [value * value for value in VALUES]


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
    pair = _Pair(photo, align(photo, result), find_head(photo))
    if kind in ON_HEAD:
        # Glasses are small. Only a large head that was found tells whether they are there.
        return "unchanged" if pair.changed_most() <= 18 and 0 <= pair.head_change() <= 12 else ""
    if pair.aligned.width_ratio <= 0.966 or pair.is_narrower():
        return "body"
    recolored, head_likeness = pair.recolored(), pair.head_likeness()
    if pair.garment_likeness() >= 0.83:
        is_recolored = recolored >= 10 and head_likeness >= 0.8
        if pair.changed_most() <= 26 or is_recolored:
            return "unchanged"
    return "face" if head_likeness < (0.92 if recolored >= 11 else 0.87) else ""


class _Pair:
    """A photo and the result that was aligned with it. A change is a difference of 0 to 255."""

    def __init__(self, photo: Image.Image, aligned: Aligned, head: Head | None) -> None:
        self.photo, self.aligned, self.head = photo, aligned, head
        place = head or Head(photo.width / 2, 0.15 * photo.height, 0.2 * photo.width)
        self.below = min(place.top + 1.3 * place.width, photo.height - 30)
        self.place = place

    def changed_most(self) -> int:
        """Return the change that 97 % of the picture do not exceed."""
        left, top, right, bottom = self.aligned.box
        bottom -= 8  # A vendor's mark does not count.
        return _percentile(self._change.crop((left, top, right, bottom)), 0.97)

    def recolored(self) -> int:
        """Return the median change of the face; of the whole picture if no face was found."""
        return _percentile(self._change.crop(self._face) if self.head else self._change, 0.5)

    def head_change(self) -> int:
        """Return the change that 99.5 % of the head do not exceed; -1 without a large head."""
        if self.head is None or self.head.width < LARGE_HEAD:
            return -1
        return _percentile(self._change.crop(self._around), 0.995)

    def garment_likeness(self) -> float:
        """Return the likeness of the figure or of its torso, whichever is smaller."""
        figure = self._box(2, self.below, self.below + 6 * self.place.width)
        torso = self._box(1.3, self.below, self.below + 3 * self.place.width)
        return min(_likeness(*self._edges, figure), _likeness(*self._edges, torso))

    def head_likeness(self) -> float:
        """Return the likeness of the heads; 1 if they are not in one place, so that one is no head."""
        if self.head is None:
            return 1
        likeness = _likeness(*self._edges, self._face)
        # Only below this does it matter whether the result has a head there.
        is_head = likeness >= 0.92 or _is_near(self.head, find_head(self.aligned.image))
        return likeness if is_head else 1

    def is_narrower(self) -> bool:
        """Return whether the head or the part below the garment is narrower in the result."""
        head = self.head
        if head is None:
            return False
        details, most = (detail(self.photo), detail(self.aligned.image)), 0.95 / self.aligned.width_ratio
        legs = self._box(2.4, min(self.below + 3 * head.width, self.photo.height - 30), self.photo.height)
        if head.width >= SMALL_HEAD and _is_narrower(*details, self._around, head.x, 0.92, most):
            return True
        return _is_narrower(*details, legs, head.x, 0.95, most)

    @cached_property
    def _change(self) -> Image.Image:
        return _change(self.photo, self.aligned.image)

    @cached_property
    def _edges(self) -> tuple[Image.Image, Image.Image]:
        return _edges(self.photo), _edges(self.aligned.image)

    @property
    def _face(self) -> Box:
        return self._box(0.4, self.place.top, self.place.top + 0.9 * self.place.width)

    @property
    def _around(self) -> Box:
        return self._box(0.7, self.place.top - 0.5 * self.place.width, self.place.top + self.place.width)

    def _box(self, half: float, top: float, bottom: float) -> Box:
        """Return a box around the middle of the face, whose half width is in face widths."""
        inside, half = self.aligned.box, half * self.place.width
        x, y, x2, y2 = (round(value) for value in (self.place.x - half, top, self.place.x + half, bottom))
        x, y = max(inside[0], min(x, inside[2] - 3)), max(inside[1], min(y, inside[3] - 3))
        return x, y, max(x + 3, min(x2, inside[2])), max(y + 3, min(y2, inside[3]))


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
    """Return the correlation (-1 to 1) of the edges within the box. Plain areas are not alike.

    The sums are those of histograms, which Pillow counts much faster than Python multiplies pixels.
    """
    one, other = one.crop(box), other.crop(box)
    size = one.width * one.height
    mean_a, mean_b = _sum(one, VALUES) / size, _sum(other, VALUES) / size
    square_a, square_b = _sum(one, SQUARES) / size, _sum(other, SQUARES) / size
    # (a - b)² = a² + b² - 2ab
    product = (square_a + square_b - _sum(ImageChops.difference(one, other), SQUARES) / size) / 2
    spread_a, spread_b = square_a - mean_a * mean_a, square_b - mean_b * mean_b
    plain = 60
    return (product - mean_a * mean_b + plain) / math.sqrt((spread_a + plain) * (spread_b + plain))


def _sum(gray: Image.Image, weights: Sequence[int]) -> int:
    """Return the sum of the weights of all pixels' values."""
    return sum(map(mul, weights, gray.histogram()))


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
        return mean_difference(wanted, moved)

    percent = min(range(84, 101, 4), key=lambda it: cost(it, 0))
    if percent - 2 > 100 * most:  # The best one nearby cannot be small enough.
        return False
    shift = min((-2, 0, 2), key=lambda it: cost(percent, it))
    near = product((percent - 2, percent, percent + 2), (shift - 1, shift, shift + 1))
    best = min(near, key=lambda it: cost(*it))
    unscaled = min(cost(100, half) for half in range(-2, 3))
    return best[0] / 100 <= most and cost(*best) < gain * unscaled
