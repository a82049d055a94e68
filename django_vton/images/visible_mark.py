"""The visible mark of AI-generated images: a few words in a corner, on a dark field."""

from functools import lru_cache

from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageStat

FALLBACK = "AI"
"""The text if Pillow's font cannot draw another one. The EU's basic icon consists of these two letters."""

# Of the shorter side. At 320 pixels, the letters are 12 pixels high.
FONT_SHARE = 1 / 32
MIN_FONT = 12
# Above this share of the width, a text is too long for a corner.
MAX_WIDTH = 0.6
# White on black of this opacity has a contrast of 5:1 or more on any picture.
OPACITY = 150
# Standard deviation of the brightness. Differences below it are not visible at a glance.
DETAIL_STEP = 8


def draw_mark(image: Image.Image, text: str) -> Image.Image:
    """Return a copy of the image, in RGB or RGBA, with the text in its calmest corner.

    `FALLBACK` replaces a text that Pillow's font cannot draw or that is too long.
    """
    marked = image.convert("RGBA" if image.has_transparency_data else "RGB")
    label = _label(text, min(image.size), int(image.width * MAX_WIDTH))
    if label.width > marked.width or label.height > marked.height:
        label.thumbnail(marked.size)
    area = _calmest_corner(marked, label.size)
    region = marked.crop(area).convert("RGBA")
    marked.paste(Image.alpha_composite(region, label).convert(marked.mode), area)
    return marked


def can_draw(text: str) -> bool:
    """Return whether Pillow's own font has a glyph for each character."""
    return bool(text.strip()) and all(_has_glyph(character) for character in set(text))


def _label(text: str, side: int, longest: int) -> Image.Image:
    font = ImageFont.load_default(max(MIN_FONT, side * FONT_SHARE))
    if not can_draw(text) or font.getlength(text) > longest:
        text = FALLBACK
    _left, top, _right, bottom = font.getbbox("Ag")
    padding = round((bottom - top) * 0.45)
    size = (round(font.getlength(text)) + 2 * padding, round(bottom - top) + padding)
    label = Image.new("RGBA", size)
    draw = ImageDraw.Draw(label)
    draw.rounded_rectangle((0, 0, size[0] - 1, size[1] - 1), radius=padding, fill=(0, 0, 0, OPACITY))
    draw.text((padding, padding / 2 - top), text, font=font, fill="white")
    return label


def _calmest_corner(image: Image.Image, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the area in the corner with the least detail, where a face or garment is least likely.

    Of equal ones, the right one at the bottom comes first, and the top ones last.
    """
    width, height = size
    margin = min(height // 2, image.width - width, image.height - height)
    right, bottom = image.width - width - margin, image.height - height - margin
    corners = [(right, bottom), (margin, bottom), (right, margin), (margin, margin)]
    areas = [(left, top, left + width, top + height) for left, top in corners]
    return min(areas, key=lambda area: _detail(image.crop(area)))


def _detail(region: Image.Image) -> int:
    gray = region.convert("L")
    edges = ImageStat.Stat(gray.filter(ImageFilter.FIND_EDGES)).mean[0]
    return int((ImageStat.Stat(gray).stddev[0] + edges) / DETAIL_STEP)


@lru_cache(maxsize=1024)
def _has_glyph(character: str) -> bool:
    font = ImageFont.load_default(MIN_FONT)
    drawn, missing = font.getmask(character), font.getmask("\U0010fffe")
    return character == " " or (drawn.size, bytes(drawn)) != (missing.size, bytes(missing))
