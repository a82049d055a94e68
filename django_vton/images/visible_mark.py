"""The visible mark of AI-generated images: a few words in a corner, on a dark field."""

import re
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageStat

from .heads import find_head

FALLBACK = "AI"
"""The text if the font cannot draw another one. The EU's basic icon consists of these two letters."""

# Of the shorter side. At 320 pixels, the letters are 12 pixels high.
FONT_SHARE = 1 / 32
MIN_FONT = 12
# Above this share of the width, a text is too long for a corner.
MAX_WIDTH = 0.6
# White on black of this opacity has a contrast of 5:1 or more on any picture.
OPACITY = 150
# Standard deviation of the brightness. Differences below it are not visible at a glance.
DETAIL_STEP = 8

FontFile = str | Path
Box = tuple[int, int, int, int]


def draw_mark(image: Image.Image, text: str, font_file: FontFile | None = None) -> Image.Image:
    """Return a copy of the image, in RGB or RGBA, with the text in a corner, off the person if possible.

    `font_file` is a TrueType or OpenType font, by default Pillow's own, which has English letters only.
    A text that the font cannot draw, or that is too long, is replaced by the abbreviation in it, such as "IA"
    in "Généré par IA", or by `FALLBACK`. Raise OSError if the file is no font.
    """
    marked = image.convert("RGBA" if image.has_transparency_data else "RGB")
    label = _label(text, font_file, min(image.size), int(image.width * MAX_WIDTH))
    if label.width > marked.width or label.height > marked.height:
        label.thumbnail(marked.size)
    area = _best_corner(marked, label.size)
    region = marked.crop(area).convert("RGBA")
    marked.paste(Image.alpha_composite(region, label).convert(marked.mode), area)
    return marked


def can_draw(text: str, font_file: FontFile | None = None) -> bool:
    """Return whether the font, by default Pillow's own, has a glyph for each character."""
    return bool(text.strip()) and all(_has_glyph(character, font_file) for character in set(text))


def _label(text: str, font_file: FontFile | None, side: int, longest: int) -> Image.Image:
    size = max(MIN_FONT, side * FONT_SHARE)
    font = _font(size, font_file)
    if not can_draw(text, font_file) or font.getlength(text) > longest:
        abbreviation = re.search(r"\b[A-Z]{2}\b", text)
        text, font = abbreviation[0] if abbreviation else FALLBACK, _font(size)
    _left, top, _right, bottom = font.getbbox("Ag")
    padding = round((bottom - top) * 0.45)
    field = (round(font.getlength(text)) + 2 * padding, round(bottom - top) + padding)
    label = Image.new("RGBA", field)
    draw = ImageDraw.Draw(label)
    draw.rounded_rectangle((0, 0, field[0] - 1, field[1] - 1), radius=padding, fill=(0, 0, 0, OPACITY))
    draw.text((padding, padding / 2 - top), text, font=font, fill="white")
    return label


def _best_corner(image: Image.Image, size: tuple[int, int]) -> Box:
    """Return the area in the corner that covers least of the person and, of equal ones, has the least detail.

    If these are equal too, the right one at the bottom comes first, and the top ones last.
    """
    width, height = size
    margin = min(height // 2, image.width - width, image.height - height)
    right, bottom = image.width - width - margin, image.height - height - margin
    corners = [(right, bottom), (margin, bottom), (right, margin), (margin, margin)]
    areas = [(left, top, left + width, top + height) for left, top in corners]
    person = _person(image)
    return min(
        areas,
        key=lambda area: (sum(_overlap(area, part) for part in person), _detail(image.crop(area))),
    )


def _person(image: Image.Image) -> list[Box]:
    """Return where the face and the garment are, estimated from the place of the head; [] without a head."""
    head = find_head(image)
    if head is None:
        return []
    unit, shoulders = head.width, head.top + 1.2 * head.width
    parts = [(1, head.top - 0.6 * unit, shoulders), (1.4, shoulders, image.height)]
    return [
        (round(head.x - half * unit), round(top), round(head.x + half * unit), round(bottom))
        for half, top, bottom in parts
    ]


def _overlap(one: Box, other: Box) -> int:
    """Return the common area of two boxes in pixels."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0, width) * max(0, height)


def _detail(region: Image.Image) -> int:
    gray = region.convert("L")
    edges = ImageStat.Stat(gray.filter(ImageFilter.FIND_EDGES)).mean[0]
    return int((ImageStat.Stat(gray).stddev[0] + edges) / DETAIL_STEP)


def _font(size: float, file: FontFile | None = None) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.truetype(file, size) if file else ImageFont.load_default(size)


@lru_cache(maxsize=1024)
def _has_glyph(character: str, font_file: FontFile | None) -> bool:
    font = _font(MIN_FONT, font_file)
    drawn, missing = font.getmask(character), font.getmask("\U0010fffe")
    return character == " " or (drawn.size, bytes(drawn)) != (missing.size, bytes(missing))
