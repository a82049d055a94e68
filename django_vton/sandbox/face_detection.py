"""Estimate the position of a face by the color of skin, to place the product."""

# ruff: noqa: PLR2004 - color ranges and proportions were chosen by trying them on photos

from dataclasses import dataclass

from PIL import Image

Point = tuple[int, int]
SIDE = 96
SKIN_BRIGHTNESS = 0.72  # Relative to the brightest skin of a patch. Darker pixels are hair.


@dataclass(frozen=True)
class Face:
    """The center and the width of a face, in pixels of the photo."""

    x: float
    y: float
    width: float


def find_face(photo: Image.Image) -> Face | None:
    """Return the position of the skin-colored patch that is most likely a face, or None."""
    small = photo.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    width, height = small.size
    raw = small.convert("YCbCr").tobytes()
    brightness = {
        (i % width, i // width): luma
        for i, (luma, blue, red) in enumerate(zip(raw[::3], raw[1::3], raw[2::3], strict=True))
        if luma > 40 and 85 <= blue <= 125 and 137 <= red <= 172
    }
    skin = set(brightness)
    best, best_score = None, -1.0
    while skin:
        patch = _without_hair(_connected_patch(skin), brightness)
        face = _measure(patch, width, height)
        if face is None:
            continue
        # Arms are skin too, but a face is higher and nearer to the middle.
        score = len(patch) * (1 - min(y for _, y in patch) / height) ** 3 * (1 - abs(2 * face.x / width - 1))
        if score > best_score:
            best, best_score = face, score
    if best is None:
        return None
    scale = photo.width / width
    return Face(best.x * scale, best.y * scale, best.width * scale)


def _connected_patch(skin: set[Point]) -> list[Point]:
    """Remove one connected patch from `skin` and return it."""
    todo = [skin.pop()]
    patch = []
    while todo:
        x, y = todo.pop()
        patch.append((x, y))
        for near in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
            if near in skin:
                skin.remove(near)
                todo.append(near)
    return patch


def _without_hair(patch: list[Point], brightness: dict[Point, int]) -> list[Point]:
    """Return the largest bright part of the patch. Brown hair has the color of skin, but is darker."""
    bright = sorted(brightness[at] for at in patch)[-max(1, len(patch) // 10)]
    rest = {at for at in patch if brightness[at] > SKIN_BRIGHTNESS * bright}
    parts = []
    while rest:
        parts.append(_connected_patch(rest))
    return max(parts, key=len)


def _measure(patch: list[Point], width: int, height: int) -> Face | None:
    """Measure a patch as a face. Return None if its size, position or shape rules out a face."""
    rows: dict[int, list[int]] = {}
    for x, y in patch:
        rows.setdefault(y, []).append(x)
    top = min(rows)
    # The patch can contain the neck and shoulders, so use only the rows within the height of a head.
    head_width = 0
    inside: list[int] = []
    for y in sorted(rows):
        if y - top > 1.25 * head_width and y - top > 3:
            break
        head_width = max(head_width, max(rows[y]) - min(rows[y]) + 1)
        inside += rows[y]
    head_height = min(max(rows) - top + 1, round(1.3 * head_width))
    plausible = 0.05 * width < head_width < 0.6 * width and top < 0.5 * height
    if not plausible or head_height < 0.8 * head_width or len(inside) < 0.5 * head_width * head_height:
        return None
    return Face(sum(inside) / len(inside), top + 0.6 * head_width, head_width)
