"""The render: the product on the shopper's own photo, marked SANDBOX.

No try-on, and it does not pretend to be one: a person is to see at a glance which photo and which product
went in.
"""

# ruff: noqa: PLR2004 - thresholds on colours, found by looking at the pictures, and meant for nothing else

import io
from functools import lru_cache

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps, ImageStat

from .face import Face, find_face
from .order import PictureFormat, Placement
from .pictures import decode

LONGEST_SIDE = 1296  # The engine's own pictures are 864 x 1296.
PRODUCT_SIDE = 800
MASK_SIDE = 320
TALL = 1.5

# The place of a product, in widths of the face: how far its upper edge (of glasses: its middle) is below the
# face's middle, and how wide and high it may be.
PLACES: dict[Placement, tuple[float, float, float]] = {
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
    format_: PictureFormat,
    *,
    sample: int,
    samples: int,
) -> bytes:
    """One picture as PNG or JPEG: the same bytes for the same arguments, other pixels for another sample."""
    canvas = decode(photo)
    canvas.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    if product is not None:
        _dress(canvas, _cut_out(decode(product), see_through=placement == "eyes"), placement, sample)
    _mark(canvas, "SANDBOX" if samples == 1 else f"SANDBOX {sample + 1}/{samples}")
    out = io.BytesIO()
    if format_ == "png":
        canvas.convert("RGB").save(out, "PNG", compress_level=1)
    else:
        canvas.convert("RGB").save(out, "JPEG", quality=92)
    return out.getvalue()


def _dress(canvas: Image.Image, product: Image.Image, placement: Placement, sample: int) -> None:
    if placement == "auto":
        placement = "dress" if product.height > TALL * product.width else "top"
    face = find_face(canvas) or _usual_face(canvas)
    down, width, height = PLACES[placement]
    scale = face.width * (1 + 0.03 * sample)
    box = (round(width * scale), round(height * scale))
    fitted = ImageOps.contain(product, (max(1, box[0]), max(1, box[1])), Image.Resampling.LANCZOS)
    if sample:
        fitted = fitted.rotate(1.5 * sample, Image.Resampling.BICUBIC, expand=True)
    x = round(face.x - fitted.width / 2)
    y = round(face.y + down * face.width)
    if placement == "eyes":
        y -= fitted.height // 2
    else:
        # What would hang below the picture's edge is pulled up, as far as the chin.
        y = max(round(face.y + 0.75 * face.width), min(y, canvas.height - fitted.height))
    shadow = Image.new("RGBA", fitted.size, "black")
    shadow.putalpha(fitted.getchannel("A").point(lambda a: a * 0.35).filter(ImageFilter.GaussianBlur(6)))
    layer = Image.new("RGBA", canvas.size)
    layer.paste(shadow, (x + 3, y + 5))
    canvas.alpha_composite(layer)
    layer = Image.new("RGBA", canvas.size)
    layer.paste(fitted, (x, y))
    canvas.alpha_composite(layer)


def _usual_face(canvas: Image.Image) -> Face:
    """Where a face is in most photos of this shape: a tall one shows more of the body."""
    if canvas.height > 1.2 * canvas.width:
        return Face(canvas.width * 0.5, canvas.height * 0.17, canvas.width * 0.2)
    return Face(canvas.width * 0.5, canvas.height * 0.32, canvas.width * 0.26)


def _cut_out(product: Image.Image, *, see_through: bool) -> Image.Image:
    """The product without its plain background, cropped to what is left."""
    product.thumbnail((PRODUCT_SIDE, PRODUCT_SIDE), Image.Resampling.LANCZOS)
    if product.getchannel("A").getextrema()[0] == 255:
        product.putalpha(_silhouette(product.convert("RGB"), see_through=see_through))
    box = product.getchannel("A").point(lambda a: 255 if a > 24 else 0).getbbox()
    return product.crop(box) if box else product


def _silhouette(product: Image.Image, *, see_through: bool) -> Image.Image:
    """A soft mask: opaque where the product is; all opaque where the edges show no plain background.

    Only background that is joined to the edge goes, so that a white shirt keeps its inside; `see_through`
    lets the inside go as well, but for a tint: lenses.
    """
    small = product.copy()
    small.thumbnail((MASK_SIDE, MASK_SIDE))
    edge = Image.new("L", small.size, 255)
    edge.paste(0, (2, 2, small.width - 2, small.height - 2))
    stat = ImageStat.Stat(small, edge)
    if max(stat.stddev) > 18:
        return Image.new("L", product.size, 255)
    backdrop = tuple(round(each) for each in stat.median)
    rough = _without_backdrop(small, backdrop)
    if see_through:
        frame = _distance(small, Image.new("RGB", small.size, backdrop)).point(lambda d: 255 if d > 60 else 0)
        lenses = ImageChops.darker(rough, ImageChops.invert(frame)).filter(ImageFilter.MinFilter(3))
        rough = ImageChops.subtract(rough, lenses.point(lambda a: a * 7 // 8))
    soft = rough.filter(ImageFilter.GaussianBlur(1)).point(lambda a: max(0, min(255, (a - 110) * 2)))
    return soft.resize(product.size, Image.Resampling.BICUBIC)


def _without_backdrop(small: Image.Image, backdrop: tuple[int, ...]) -> Image.Image:
    """White where the product is, found from the edge inwards: studio light falls off in small steps only."""
    width, height = small.size
    raw = small.tobytes()
    colours = list(zip(raw[::3], raw[1::3], raw[2::3], strict=True))
    gone = bytearray(width * height)

    def near(one: tuple[int, ...], other: tuple[int, ...], most: int) -> bool:
        return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= most

    border = [
        x + y * width
        for y in range(height)
        for x in range(width)
        if x in {0, width - 1} or y in {0, height - 1}
    ]
    todo = [at for at in border if near(colours[at], backdrop, 40)]
    for at in todo:
        gone[at] = 1
    while todo:
        at = todo.pop()
        x = at % width
        for next_, ok in ((at - 1, x > 0), (at + 1, x < width - 1), (at - width, True), (at + width, True)):
            if ok and 0 <= next_ < len(gone) and not gone[next_]:
                colour = colours[next_]
                if near(colour, colours[at], 4) and near(colour, backdrop, 40):
                    gone[next_] = 1
                    todo.append(next_)
    return Image.frombytes("L", small.size, bytes(gone)).point(lambda v: 0 if v else 255)


def _distance(one: Image.Image, other: Image.Image) -> Image.Image:
    red, green, blue = ImageChops.difference(one, other).split()
    return ImageChops.lighter(red, ImageChops.lighter(green, blue))


def _mark(canvas: Image.Image, text: str) -> None:
    """A label in the lower left corner."""
    size = max(14, round(min(canvas.size) * 0.045))
    try:
        font: ImageFont.FreeTypeFont | ImageFont.ImageFont = ImageFont.load_default(size)
    except (ImportError, OSError):  # Pillow was built without FreeType: its bitmap font has one size.
        font = ImageFont.load_default()
    layer = Image.new("RGBA", canvas.size)
    pen = ImageDraw.Draw(layer)
    left, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    pad, gap = size * 0.5, size * 0.6
    width, height = right - left + 2 * pad, bottom - top + 1.4 * pad
    x, y = gap, canvas.height - gap - height
    pen.rounded_rectangle((x, y, x + width, y + height), size * 0.35, fill=(17, 24, 39, 225))
    pen.text((x + pad - left, y + 0.7 * pad - top), text, font=font, fill=(255, 255, 255, 255))
    canvas.alpha_composite(layer)
