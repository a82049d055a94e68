"""A guess at where the face is, by the colour of skin: good enough to hang a product on, and nothing more."""

# ruff: noqa: PLR2004 - a colour range and shapes, found by looking at the pictures

from dataclasses import dataclass

from PIL import Image

SIDE = 96
HAIR = 0.72


@dataclass(frozen=True)
class Face:
    """Centre and width of a face, in pixels of the photo."""

    x: float
    y: float
    width: float


def find_face(photo: Image.Image) -> Face | None:
    """The most face-like patch of skin colour in the upper part of the photo; None where there is none."""
    small = photo.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    width, height = small.size
    raw = small.convert("YCbCr").tobytes()
    light = {
        (i % width, i // width): luma
        for i, (luma, blue, red) in enumerate(zip(raw[::3], raw[1::3], raw[2::3], strict=True))
        if luma > 40 and 85 <= blue <= 125 and 137 <= red <= 172
    }
    skin = set(light)
    best: tuple[float, Face] | None = None
    while skin:
        patch = _without_hair(_patch(skin), light)
        face = _measure(patch, width, height)
        if face is None:
            continue
        # Bare arms are skin as well: a face is high up, and near the middle.
        likely = len(patch) * (1 - min(y for _, y in patch) / height) ** 3 * (1 - abs(2 * face.x / width - 1))
        if best is None or best[0] < likely:
            best = (likely, face)
    if best is None:
        return None
    scale = photo.width / width
    return Face(best[1].x * scale, best[1].y * scale, best[1].width * scale)


def _patch(skin: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Takes one connected patch out of `skin`."""
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


def _without_hair(patch: list[tuple[int, int]], light: dict[tuple[int, int], int]) -> list[tuple[int, int]]:
    """The patch without what is much darker than its brightest tenth: brown hair has the colour of skin."""
    bright = sorted(light[at] for at in patch)[-max(1, len(patch) // 10)]
    rest = {at for at in patch if light[at] > HAIR * bright}
    parts = []
    while rest:
        parts.append(_patch(rest))
    return max(parts, key=len)


def _measure(patch: list[tuple[int, int]], width: int, height: int) -> Face | None:
    """The face that a patch may be; None where it is too small, too low or not of a head's shape."""
    rows: dict[int, list[int]] = {}
    for x, y in patch:
        rows.setdefault(y, []).append(x)
    top = min(rows)
    # A neck or bare shoulders belong to the same patch: only rows down to a head's height count.
    head = 0
    inside: list[int] = []
    for y in sorted(rows):
        if y - top > 1.25 * head and y - top > 3:
            break
        head = max(head, max(rows[y]) - min(rows[y]) + 1)
        inside += rows[y]
    tall = min(max(rows) - top + 1, round(1.3 * head))
    plausible = 0.05 * width < head < 0.6 * width and top < 0.5 * height
    if not plausible or tall < 0.8 * head or len(inside) < 0.5 * head * tall:
        return None
    return Face(sum(inside) / len(inside), top + 0.6 * head, head)
