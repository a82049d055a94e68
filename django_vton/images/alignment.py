"""Lay a result over its photo, although the vendor returned another size or cut the edges off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul

from PIL import Image, ImageChops, ImageFilter

Box = tuple[int, int, int, int]
Placement = tuple[float, float, float, float]
"""The scales in x and y, and the shifts in x and y as fractions of the result's size."""

COARSE_STEPS = (0.02, 0.01)
FINE_STEPS = (0.005, 0.0025, 0.00125)
MAX_ROUNDS = 6
MOVES: list[Placement] = [
    (sign * width, sign * height, sign * x, sign * y)
    for sign in (1, -1)
    for width, height, x, y in (
        *((1, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)),
        *((1, 0, 0.5, 0), (0, 1, 0, 0.5), (1, 0, -0.5, 0), (0, 1, 0, -0.5)),
    )
]
"""Changes of a placement in steps: both scales, the shifts, and one scale with one edge kept."""
LIMIT = 24
"""The largest difference of a pixel that counts, so that a new garment does not move the picture."""


@dataclass(frozen=True)
class Aligned:
    """The result in the size of the photo, and how it was placed."""

    image: Image.Image
    box: Box
    """The part of the photo that the result shows."""
    width_ratio: float
    """How much narrower (below 1) the result is than the photo."""


def detail(image: Image.Image, scale: float = 1) -> Image.Image:
    """Return the fine structure in gray, around 128, without the large areas' brightness."""
    gray = image.convert("L").filter(ImageFilter.GaussianBlur(0.8 * scale))
    return ImageChops.subtract(gray, gray.filter(ImageFilter.GaussianBlur(5 * scale)), 1, 128)


def align(photo: Image.Image, result: Image.Image) -> Aligned:
    """Find the placement of the result with the smallest difference from the photo."""
    fixed, moved = detail(photo), detail(result, max(result.size) / max(photo.size))
    stretched = (result.width / result.height) / (photo.width / photo.height)
    starts: set[tuple[float, float]] = {(1.0, 1.0)}
    if abs(stretched - 1) > COARSE_STEPS[0]:  # It may have been cut or filled up to another shape.
        starts |= {(1.0, stretched), (1 / stretched, 1.0)}
    half = fixed.reduce(2), moved.reduce(2)
    found = (_search(*half, (*start, 0.0, 0.0), start[0] / start[1], COARSE_STEPS) for start in starts)
    _, placement, start_ratio = min(found)
    _, placement, _ = _search(fixed, moved, placement, start_ratio, FINE_STEPS)
    matrix = _matrix(placement, photo.size, result.size)
    image = result.transform(photo.size, Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    box = _shown(matrix, photo.size, result.size)
    return Aligned(image, box, placement[0] / placement[1] / start_ratio)


def _search(
    fixed: Image.Image, moved: Image.Image, best: Placement, ratio: float, steps: Sequence[float]
) -> tuple[float, Placement, float]:
    """Return the smallest cost, its placement, and the ratio of the scales at the start.

    Of each step size, all moves are tried, then those that helped, and so on until none helps.
    """
    cost = _cost(fixed, moved, best, ratio)
    for step in steps:
        moves = MOVES
        for _ in range(MAX_ROUNDS):
            helped = []
            for move in moves:
                placement = _move(best, move, step)
                if (other := _cost(fixed, moved, placement, ratio)) < cost - 1e-6:
                    best, cost = placement, other
                    helped.append(move)
            if not helped:
                break
            moves = helped if moves is MOVES else MOVES
    return cost, best, ratio


def _move(placement: Placement, move: Placement, step: float) -> Placement:
    width, height, x, y = (step * part for part in move)
    return placement[0] * (1 + width), placement[1] * (1 + height), placement[2] + x, placement[3] + y


def _cost(fixed: Image.Image, moved: Image.Image, placement: Placement, ratio: float) -> float:
    """Return the mean difference of the pixels, with a little more for each change of shape."""
    matrix = _matrix(placement, fixed.size, moved.size)
    box = _shown(matrix, fixed.size, moved.size)
    if box[2] - box[0] < 0.7 * fixed.width or box[3] - box[1] < 0.6 * fixed.height:
        return 2 * LIMIT
    changed = 8 * abs(placement[0] / placement[1] / ratio - 1)
    placed = _placed(moved, matrix, box)
    moved_by = 0.3 * (abs(placement[2]) + abs(placement[3]))
    return mean_difference(fixed.crop(box), placed, 2) + changed + moved_by


def _placed(moved: Image.Image, matrix: tuple[float, ...], box: Box) -> Image.Image:
    """Return the part of the placed result within a box of the photo. Faster than an affine transform."""
    x, _, left, _, y, top = matrix
    source = (left + x * box[0], top + y * box[1], left + x * box[2], top + y * box[3])
    size = box[2] - box[0], box[3] - box[1]
    return moved.resize(size, Image.Resampling.BILINEAR, source)


def mean_difference(one: Image.Image, other: Image.Image, weight: int = 1) -> float:
    """Return the mean of the pixels' differences times `weight`, of which each counts at most as `LIMIT`."""
    histogram = ImageChops.difference(one, other).histogram()
    saved: int = sum(map(mul, range(LIMIT, 0, -weight), histogram))
    return LIMIT - saved / (one.width * one.height)


def _matrix(placement: Placement, size: tuple[int, int], moved: tuple[int, int]) -> tuple[float, ...]:
    """Return the affine matrix from the photo's pixels to the result's."""
    x = placement[0] * moved[0] / size[0]
    y = placement[1] * moved[1] / size[1]
    left = moved[0] * (0.5 + placement[2]) - x * size[0] / 2
    top = moved[1] * (0.5 + placement[3]) - y * size[1] / 2
    return x, 0, left, 0, y, top


def _shown(matrix: tuple[float, ...], size: tuple[int, int], moved: tuple[int, int]) -> Box:
    x, _, left, _, y, top = matrix
    return (
        max(0, int(-left / x) + 2),
        max(0, int(-top / y) + 2),
        min(size[0], int((moved[0] - left) / x) - 1),
        min(size[1], int((moved[1] - top) / y) - 1),
    )
