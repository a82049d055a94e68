"""Decode, convert to sRGB, shrink and encode. Pillow's global settings are the shop's and never changed."""

import math
from functools import lru_cache
from importlib import import_module
from io import BytesIO
from itertools import product

from PIL import Image, ImageChops, ImageCms
from PIL.PngImagePlugin import PngInfo

from .containers import ImageSource

# A large image has 40 MB to 160 MB in Pillow. Strips of this many pixels are processed at a time, so that no
# second copy of it is made.
STRIP_PIXELS = 1_000_000
# Bytes. Colour profiles of displays and cameras have some kB; only those of printing presses are large.
MAX_DISPLAY_PROFILE = 128_000
# An image at most this much larger than the wanted size is cropped equally at both edges. Resampling it by
# one percent would lose fine stripes. Half of most phones' 4032 pixels is such a size.
MAX_CROP = 0.01

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# IPTC Photo Metadata Standard, "Digital Source Type", and its guidance for pictures made with generative AI.
AI_LABEL = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">'
    "<Iptc4xmpExt:DigitalSourceType>"
    "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    "</Iptc4xmpExt:DigitalSourceType>"
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
    '<?xpacket end="r"?>'
).encode()


def fit(width: int, height: int, longest: int) -> tuple[int, int]:
    """The size with the same aspect ratio whose longest side has at most ``longest`` pixels."""
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def decode_plain_rgb(source: ImageSource, longest: int) -> Image.Image:
    """Decode to upright RGB in sRGB, opaque on white, and shrink to at most ``longest`` pixels a side."""
    image = _open(source)
    size = fit(source.width, source.height, longest)
    # A JPEG is decoded at 1/2, 1/4 or 1/8 if that is large enough. The box is the part that the image fills.
    drafted = image.draft(None, size)
    box = drafted[1] if drafted else (0, 0, *image.size)
    factor = max(1, min(image.width // size[0], image.height // size[1]))
    image.load()
    small = image if factor == 1 and _is_opaque(image) else _reduce(image, factor)
    small = _resize(small, size, (box[2] / factor, box[3] / factor))
    upright = rotate_upright(_to_srgb(small, source.profile), source.orientation)
    upright.info = {}
    return upright


def shrink(image: Image.Image, longest: int) -> Image.Image:
    """Shrink an image from `decode_plain_rgb` to at most ``longest`` pixels a side."""
    size = fit(*image.size, longest)
    factor = max(1, min(image.width // size[0], image.height // size[1]))
    return _resize(image.reduce(factor), size, (image.width / factor, image.height / factor))


def decode_exact(source: ImageSource) -> Image.Image:
    """Decode with unchanged pixels and alpha, in a mode that PNG supports, and rotate upright."""
    image = _open(source)
    image.load()
    if image.mode in ("1", "P", "CMYK") or "transparency" in image.info:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.info = {}
    return rotate_upright(image, source.orientation)


def rotate_upright(image: Image.Image, orientation: int) -> Image.Image:
    """Apply an Exif orientation."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def encode_jpeg(image: Image.Image, *, quality: int, label: bool = False) -> bytes:
    """Encode as JPEG, without chroma subsampling, which would blur the fine coloured stripes of garments."""
    out = BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling="4:4:4", **({"xmp": AI_LABEL} if label else {}))
    return out.getvalue()


def encode_png(image: Image.Image, *, label: bool = False) -> bytes:
    """Encode as PNG. The label is an uncompressed iTXt chunk, as part 3 of the XMP specification requires."""
    out, info = BytesIO(), PngInfo()
    if label:
        info.add_itxt("XML:com.adobe.xmp", AI_LABEL)
    image.save(out, "PNG", pnginfo=info)
    return out.getvalue()


def _open(source: ImageSource) -> Image.Image:
    image: Image.Image
    if source.format == "HEIF":
        image = import_module("pillow_heif").open_heif(source.data).to_pillow()
    else:
        image = Image.open(BytesIO(source.data), formats=[source.format])
    if image.size != (source.width, source.height):
        raise ValueError("The decoder's size differs from the container's.")
    return image


def _reduce(image: Image.Image, factor: int) -> Image.Image:
    """Shrink by a whole factor and make opaque, strip by strip, so that no full-size copy is made."""
    width, height = image.size
    rows = factor * max(1, STRIP_PIXELS // (width * factor))
    small: Image.Image | None = None
    for top in range(0, height, rows):
        strip = _make_opaque(image.crop((0, top, width, min(top + rows, height)))).reduce(factor)
        if small is None:
            small = Image.new(strip.mode, (math.ceil(width / factor), math.ceil(height / factor)))
        small.paste(strip, (0, top // factor))
    assert small is not None
    return small


def _resize(image: Image.Image, size: tuple[int, int], filled: tuple[float, float]) -> Image.Image:
    """Resize or crop. `filled` is the part of the image with content; the last strip may have enlarged it."""
    if filled == size:
        return image
    if any(actual > wanted * (1 + MAX_CROP) for actual, wanted in zip(filled, size, strict=True)):
        return image.resize(size, Image.Resampling.BICUBIC, box=(0, 0, *filled))
    left, top = (image.width - size[0]) // 2, (image.height - size[1]) // 2
    return image.crop((left, top, left + size[0], top + size[1]))


def _is_opaque(image: Image.Image) -> bool:
    return image.mode in ("L", "RGB", "CMYK") and not image.has_transparency_data


def _make_opaque(image: Image.Image) -> Image.Image:
    """Convert to L, RGB or CMYK, without alpha, palette or 16-bit channels."""
    if _is_opaque(image):
        return image
    if image.mode == "I;16":
        return Image.frombytes("L", image.size, image.tobytes()[1::2])  # little endian: the high bytes
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert to RGB in sRGB. Without a usable profile the values are taken as sRGB, as browsers do."""
    if profile and (image.mode == "CMYK" or len(profile) <= MAX_DISPLAY_PROFILE):
        try:
            if image.mode != "RGB" or not _is_srgb(profile):
                return _convert(image, profile)
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a broken profile, or one for another colour space
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=16)
def _is_srgb(profile: bytes) -> bool:
    """Whether the profile changes no colour by more than one step, as phones' own sRGB profiles.

    Cached, since there are few such profiles.
    """
    grid = bytes(channel for colour in product(range(0, 256, 17), repeat=3) for channel in colour)
    colours = Image.frombytes("RGB", (64, 64), grid)
    difference = ImageChops.difference(colours, _convert(colours, profile))
    return not any(difference.point(lambda step: step > 1).tobytes())


def _convert(image: Image.Image, profile: bytes) -> Image.Image:
    if b"mpet" in profile:
        raise ValueError("Multiprocess elements are programs that may run for minutes.")
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    assert converted is not None
    return converted
