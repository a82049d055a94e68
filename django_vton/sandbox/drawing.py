"""Draws a result: the product image on the photo, with the label SANDBOX.

It is not a realistic try-on, but shows which photo and which product were sent.
"""

# ruff: noqa: PLR2004 - color thresholds and proportions, chosen by looking at results

import io
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps, ImageStat

from .face_detection import Face, find_face
from .images import decode_upright
from .parameters import ImageFormat, Placement

LONGEST_SIDE = 1296  # The vendor's results are 864 x 1296.
PRODUCT_SIDE = 800
MASK_SIDE = 320
DRESS_RATIO = 1.5  # A product that is taller than this, relative to its width, is drawn as a dress.

# Offset, maximum width and maximum height of a product, in widths of the face. The offset is from the center
# of the face down to the product's upper edge (of glasses: to their center).
POSITIONS: dict[Placement, tuple[float, float, float]] = {
    "top": (0.8, 3.5, 3.8),
    "outerwear": (0.75, 3.9, 4.6),
    "dress": (0.8, 3.5, 6.2),
    "bottom": (3.0, 2.8, 4.8),
    "eyes": (-0.2, 1.16, 1.0),
}


@lru_cache(maxsize=32)
def draw(
    photo: bytes,
    product: bytes | None,
    placement: Placement,
    image_format: ImageFormat,
    *,
    sample: int,
    samples: int,
) -> bytes:
    """Return a PNG or JPEG file: identical for the same arguments, different for another `sample`."""
    canvas = decode_upright(photo)
    canvas.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    if product is not None:
        cutout = _cut_out(decode_upright(product), see_through=placement == "eyes")
        _add_product(canvas, cutout, placement, sample)
    _add_label(canvas, "SANDBOX" if samples == 1 else f"SANDBOX {sample + 1}/{samples}")
    out = io.BytesIO()
    if image_format == "png":
        canvas.convert("RGB").save(out, "PNG", compress_level=1)
    else:
        canvas.convert("RGB").save(out, "JPEG", quality=92)
    return out.getvalue()


def _add_product(canvas: Image.Image, product: Image.Image, placement: Placement, sample: int) -> None:
    if placement == "auto":
        placement = "dress" if product.height > DRESS_RATIO * product.width else "top"
    face = find_face(canvas) or _typical_face(canvas)
    offset, width, height = POSITIONS[placement]
    scale = face.width * (1 + 0.03 * sample)
    box = (round(width * scale), round(height * scale))
    fitted = ImageOps.contain(product, (max(1, box[0]), max(1, box[1])), Image.Resampling.LANCZOS)
    if sample:
        fitted = fitted.rotate(1.5 * sample, Image.Resampling.BICUBIC, expand=True)
    x = round(face.x - fitted.width / 2)
    y = round(face.y + offset * face.width)
    if placement == "eyes":
        y -= fitted.height // 2
    else:
        # Move up what would be below the lower edge, but not above the chin.
        y = max(round(face.y + 0.75 * face.width), min(y, canvas.height - fitted.height))
    shadow = Image.new("RGBA", fitted.size, "black")
    shadow.putalpha(fitted.getchannel("A").point(lambda a: a * 0.35).filter(ImageFilter.GaussianBlur(6)))
    layer = Image.new("RGBA", canvas.size)
    layer.paste(shadow, (x + 3, y + 5))
    canvas.alpha_composite(layer)
    layer = Image.new("RGBA", canvas.size)
    layer.paste(fitted, (x, y))
    canvas.alpha_composite(layer)


def _typical_face(canvas: Image.Image) -> Face:
    """Return where the face usually is. A tall photo shows more of the body."""
    if canvas.height > 1.2 * canvas.width:
        return Face(canvas.width * 0.5, canvas.height * 0.17, canvas.width * 0.2)
    return Face(canvas.width * 0.5, canvas.height * 0.32, canvas.width * 0.26)


def _cut_out(product: Image.Image, *, see_through: bool) -> Image.Image:
    """Return the product cropped and without its plain background."""
    product.thumbnail((PRODUCT_SIDE, PRODUCT_SIDE), Image.Resampling.LANCZOS)
    if product.getchannel("A").getextrema()[0] == 255:
        product.putalpha(_product_mask(product.convert("RGB"), see_through=see_through))
    box = product.getchannel("A").point(lambda a: 255 if a > 24 else 0).getbbox()
    return product.crop(box) if box else product


def _product_mask(product: Image.Image, *, see_through: bool) -> Image.Image:
    """Return a soft mask that is white where the product is, and everywhere if the background is not plain.

    Background is what is connected to the edge, so a white print on a shirt is kept. With `see_through`, for
    lenses, the inside is nearly transparent too.
    """
    small = product.copy()
    small.thumbnail((MASK_SIDE, MASK_SIDE))
    edge = Image.new("L", small.size, 255)
    edge.paste(0, (2, 2, small.width - 2, small.height - 2))
    stat = ImageStat.Stat(small, edge)
    if max(stat.stddev) > 18:
        return Image.new("L", product.size, 255)
    background = tuple(round(each) for each in stat.median)
    rough = _foreground_mask(small, background)
    if see_through:
        frame = _distance(small, Image.new("RGB", small.size, background)).point(
            lambda d: 255 if d > 60 else 0
        )
        lenses = ImageChops.darker(rough, ImageChops.invert(frame)).filter(ImageFilter.MinFilter(3))
        rough = ImageChops.subtract(rough, lenses.point(lambda a: a * 7 // 8))
    soft = rough.filter(ImageFilter.GaussianBlur(1)).point(lambda a: max(0, min(255, (a - 110) * 2)))
    return soft.resize(product.size, Image.Resampling.BICUBIC)


def _foreground_mask(small: Image.Image, background: tuple[int, ...]) -> Image.Image:
    """Return a mask that is white where the product is, by a flood fill from the edge.

    The fill follows small steps of color only: the light of a studio fades gradually.
    """
    width, height = small.size
    raw = small.tobytes()
    colors = list(zip(raw[::3], raw[1::3], raw[2::3], strict=True))
    filled = bytearray(width * height)

    def near(one: tuple[int, ...], other: tuple[int, ...], limit: int) -> bool:
        return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= limit

    border = [
        x + y * width
        for y in range(height)
        for x in range(width)
        if x in {0, width - 1} or y in {0, height - 1}
    ]
    todo = [at for at in border if near(colors[at], background, 40)]
    for at in todo:
        filled[at] = 1
    while todo:
        at = todo.pop()
        x = at % width
        for next_, ok in ((at - 1, x > 0), (at + 1, x < width - 1), (at - width, True), (at + width, True)):
            if ok and 0 <= next_ < len(filled) and not filled[next_]:
                color = colors[next_]
                if near(color, colors[at], 4) and near(color, background, 40):
                    filled[next_] = 1
                    todo.append(next_)
    return Image.frombytes("L", small.size, bytes(filled)).point(lambda v: 0 if v else 255)


def _distance(one: Image.Image, other: Image.Image) -> Image.Image:
    red, green, blue = ImageChops.difference(one, other).split()
    return ImageChops.lighter(red, ImageChops.lighter(green, blue))


def _add_label(canvas: Image.Image, text: str) -> None:
    """Write `text` into the lower left corner."""
    size = max(14, round(min(canvas.size) * 0.045))
    try:
        font: ImageFont.FreeTypeFont | ImageFont.ImageFont = ImageFont.load_default(size)
    except (ImportError, OSError):  # Without FreeType, Pillow has a bitmap font of one size.
        font = ImageFont.load_default()
    layer = Image.new("RGBA", canvas.size)
    drawing = ImageDraw.Draw(layer)
    left, top, right, bottom = drawing.textbbox((0, 0), text, font=font)
    pad, gap = size * 0.5, size * 0.6
    width, height = right - left + 2 * pad, bottom - top + 1.4 * pad
    x, y = gap, canvas.height - gap - height
    drawing.rounded_rectangle((x, y, x + width, y + height), size * 0.35, fill=(17, 24, 39, 225))
    drawing.text((x + pad - left, y + 0.7 * pad - top), text, font=font, fill=(255, 255, 255, 255))
    canvas.alpha_composite(layer)
