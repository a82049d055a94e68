"""Decode, bring to plain sRGB, shrink, write anew. Pillow's globals are the shop's and stay as they are."""

import math
from functools import lru_cache
from importlib import import_module
from io import BytesIO
from itertools import product

from PIL import Image, ImageChops, ImageCms
from PIL.PngImagePlugin import PngInfo

from .containers import Source

# Of Pillow's 40 MB to 160 MB for a large picture, strips of this many pixels are worked on at a time.
STRIP_PIXELS = 1_000_000
# Colour profiles from a display or a camera have some kB; only those of printing presses are large.
MAX_DISPLAY_PROFILE = 128_000
# So little above the size that is wanted is cut off at the edges, half of it at each: a picture that is
# resampled by a hundredth loses its fine stripes. Half of most phones' 4032 pixels is such a size.
TRIMMED = 0.01

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
    """The size with the same shape whose longest side has at most ``longest`` pixels."""
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def plain(source: Source, longest: int) -> Image.Image:
    """Upright, opaque on white, RGB in sRGB, and with no side above ``longest`` pixels."""
    image = _opened(source)
    size = fit(source.width, source.height, longest)
    # A JPEG is decoded at 1/2, 1/4 or 1/8 where that is enough; the box says where the picture lies in it.
    drafted = image.draft(None, size)
    box = drafted[1] if drafted else (0, 0, *image.size)
    factor = max(1, min(image.width // size[0], image.height // size[1]))
    image.load()
    small = image if factor == 1 and _is_flat(image) else _reduced(image, factor)
    small = _sized(small, size, (box[2] / factor, box[3] / factor))
    upright = turned(_to_srgb(small, source.profile), source.orientation)
    upright.info = {}
    return upright


def shrunk(image: Image.Image, longest: int) -> Image.Image:
    """What `plain` has made, with no side above ``longest`` pixels."""
    size = fit(*image.size, longest)
    factor = max(1, min(image.width // size[0], image.height // size[1]))
    return _sized(image.reduce(factor), size, (image.width / factor, image.height / factor))


def exact(source: Source) -> Image.Image:
    """As stored, pixel for pixel and with its alpha, in a mode that PNG can hold; upright."""
    image = _opened(source)
    image.load()
    if image.mode in ("1", "P", "CMYK") or "transparency" in image.info:
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    image.info = {}
    return turned(image, source.orientation)


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Upright, from an Exif orientation."""
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


def jpeg(image: Image.Image, *, quality: int, label: bool = False) -> bytes:
    """As JPEG, without subsampling: fine coloured stripes are what garments are told apart by."""
    out = BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling="4:4:4", **({"xmp": AI_LABEL} if label else {}))
    return out.getvalue()


def png(image: Image.Image, *, label: bool = False) -> bytes:
    """As PNG; the label is in an uncompressed iTXt chunk, as the XMP specification part 3 wants it."""
    out, info = BytesIO(), PngInfo()
    if label:
        info.add_itxt("XML:com.adobe.xmp", AI_LABEL)
    image.save(out, "PNG", pnginfo=info)
    return out.getvalue()


def _opened(source: Source) -> Image.Image:
    image: Image.Image
    if source.format == "HEIF":
        image = import_module("pillow_heif").open_heif(source.data).to_pillow()
    else:
        image = Image.open(BytesIO(source.data), formats=[source.format])
    if image.size != (source.width, source.height):
        raise ValueError("The decoder sees another size than the header says.")
    return image


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """Flat and a whole factor smaller, strip by strip, so that no second copy of full size is ever made."""
    width, height = image.size
    rows = factor * max(1, STRIP_PIXELS // (width * factor))
    small: Image.Image | None = None
    for top in range(0, height, rows):
        strip = _flat(image.crop((0, top, width, min(top + rows, height)))).reduce(factor)
        if small is None:
            small = Image.new(strip.mode, (math.ceil(width / factor), math.ceil(height / factor)))
        small.paste(strip, (0, top // factor))
    assert small is not None
    return small


def _sized(image: Image.Image, size: tuple[int, int], scaled: tuple[float, float]) -> Image.Image:
    """`scaled` is what the picture fills of the image, which a last strip may have made larger."""
    if scaled == size:
        return image
    if any(there > wanted * (1 + TRIMMED) for there, wanted in zip(scaled, size, strict=True)):
        return image.resize(size, Image.Resampling.BICUBIC, box=(0, 0, *scaled))
    left, top = (image.width - size[0]) // 2, (image.height - size[1]) // 2
    return image.crop((left, top, left + size[0], top + size[1]))


def _is_flat(image: Image.Image) -> bool:
    return image.mode in ("L", "RGB", "CMYK") and not image.has_transparency_data


def _flat(image: Image.Image) -> Image.Image:
    """Without alpha, palette or 16 bit: L, RGB or CMYK."""
    if _is_flat(image):
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
    """RGB in sRGB; without a profile that can be used, the numbers are taken for sRGB, as browsers do."""
    if profile and (image.mode == "CMYK" or len(profile) <= MAX_DISPLAY_PROFILE):
        try:
            if image.mode != "RGB" or not _is_srgb(profile):
                return _converted(image, profile)
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # broken, or of another colour space than the picture
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=16)
def _is_srgb(profile: bytes) -> bool:
    """Whether it changes no colour by more than a step, as a phone's own profile of sRGB. Phones have few."""
    grid = bytes(channel for colour in product(range(0, 256, 17), repeat=3) for channel in colour)
    colours = Image.frombytes("RGB", (64, 64), grid)
    difference = ImageChops.difference(colours, _converted(colours, profile))
    return not any(difference.point(lambda step: step > 1).tobytes())


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    if b"mpet" in profile:
        raise ValueError("Multiprocess elements: programs, which may run for minutes.")
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    assert converted is not None
    return converted
