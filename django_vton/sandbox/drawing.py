"""Draw a result: the product image on the photo, with the label SANDBOX.

The result is not realistic, but shows which photo and which product the gateway received.
"""

# ruff: noqa: PLR2004 - color thresholds and proportions were chosen by looking at results

import io
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps, ImageStat

from .face_detection import Face, find_face
from .images import decode_upright
from .parameters import ImageFormat, Placement

LONGEST_SIDE = 1296  # The vendor's results are 864 x 1296.
PRODUCT_SIDE = 800
MASK_SIDE = 320
DRESS_RATIO = 1.5  # With the placement "auto", a product with a larger height / width is a dress.

# For each placement: the distance from the center of the face down to the product's upper edge (or, for
# "eyes", to the product's center), the maximum width, and the maximum height. The unit is a face's width.
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
    variant: int = 0,
) -> bytes:
    """Return a PNG or JPEG file that depends only on the arguments, and differs by `sample` and `variant`."""
    canvas = decode_upright(photo)
    canvas.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    if product is not None:
        cutout = _cut_out(product, see_through=placement == "eyes")
        _add_product(canvas, cutout, placement, sample + variant)
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
        # Move the product up if it would exceed the lower edge, but never above the chin.
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
    """Return where the face usually is."""
    if canvas.height > 1.2 * canvas.width:  # A tall photo shows more of the body.
        return Face(canvas.width * 0.5, canvas.height * 0.17, canvas.width * 0.2)
    return Face(canvas.width * 0.5, canvas.height * 0.32, canvas.width * 0.26)


@lru_cache(maxsize=32)
def _cut_out(file: bytes, *, see_through: bool) -> Image.Image:
    """Return the product cropped and without its plain background. Do not change the image: it is cached."""
    product = decode_upright(file)
    product.thumbnail((PRODUCT_SIDE, PRODUCT_SIDE), Image.Resampling.LANCZOS)
    if product.getchannel("A").getextrema()[0] == 255:
        product.putalpha(_product_mask(product.convert("RGB"), see_through=see_through))
    box = product.getchannel("A").point(lambda a: 255 if a > 24 else 0).getbbox()
    return product.crop(box) if box else product


def _product_mask(product: Image.Image, *, see_through: bool) -> Image.Image:
    """Return a mask with soft edges, white on the product. If the background has a pattern, all is white.

    Only background that is connected to the edge is removed, so a white print on a shirt stays. With
    `see_through`, the inside of the product, such as lenses, is nearly transparent.
    """
    small = product.copy()
    small.thumbnail((MASK_SIDE, MASK_SIDE))
    edge = Image.new("L", small.size, 255)
    edge.paste(0, (2, 2, small.width - 2, small.height - 2))
    stat = ImageStat.Stat(small, edge)
    if max(stat.stddev) > 18:
        return Image.new("L", product.size, 255)
    background = tuple(round(each) for each in stat.median)
    distance = _distance(small, Image.new("RGB", small.size, background))
    rough = _foreground_mask(small, distance)
    if see_through:
        frame = distance.point(lambda d: 255 if d > 60 else 0)
        lenses = ImageChops.darker(rough, ImageChops.invert(frame)).filter(ImageFilter.MinFilter(3))
        rough = ImageChops.subtract(rough, lenses.point(lambda a: a * 7 // 8))
    soft = rough.filter(ImageFilter.GaussianBlur(1)).point(lambda a: max(0, min(255, (a - 110) * 2)))
    return soft.resize(product.size, Image.Resampling.BICUBIC)


def _foreground_mask(small: Image.Image, distance: Image.Image) -> Image.Image:
    """Return a mask that is black where a flood fill from the edge reaches, and white elsewhere.

    `distance` is each pixel's distance from the background color. The fill follows gradual shades, as of
    studio light, and stops where the color changes suddenly.
    """
    width, height = small.size
    raw = small.tobytes()
    points = [(x, y) for y in range(height) for x in range(width)]
    pixels = zip(raw[::3], raw[1::3], raw[2::3], strict=True)
    near_background = {
        point: color
        for point, color, far in zip(points, pixels, distance.tobytes(), strict=True)
        if far <= 40
    }
    todo = [(x, y) for x, y in near_background if x in {0, width - 1} or y in {0, height - 1}]
    filled = set(todo)
    while todo:
        x, y = todo.pop()
        color = near_background[x, y]
        for point in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
            neighbor = near_background.get(point)
            if neighbor is None or point in filled:
                continue
            if max(abs(a - b) for a, b in zip(color, neighbor, strict=True)) <= 4:
                filled.add(point)
                todo.append(point)
    return Image.frombytes("L", small.size, bytes(0 if point in filled else 255 for point in points))


def _distance(one: Image.Image, other: Image.Image) -> Image.Image:
    """Return an image of the largest difference of a color channel at each pixel."""
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
