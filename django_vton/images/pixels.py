"""Decode, convert to sRGB, shrink and encode. Never change Pillow's global settings, which are the shop's."""

import math
from functools import lru_cache
from importlib import import_module
from io import BytesIO
from itertools import product

from PIL import Image, ImageChops, ImageCms
from PIL.PngImagePlugin import PngInfo

from . import jpeg
from .source import ImageSource

# A large image takes 40 MB to 160 MB of memory. It is processed in strips of this many pixels, to avoid a
# second copy of the whole image.
STRIP_PIXELS = 1_000_000
# Bytes. Color profiles of displays and cameras have a few kB. Larger ones are of printing presses, and are
# used for CMYK images only.
MAX_DISPLAY_PROFILE = 128_000
# If an image exceeds the wanted size by at most this fraction, it is cropped instead of resampled, because
# resampling by one percent blurs fine stripes. Most phones' photos have a side of 4032 pixels: shrunk by half
# to 2016, they are cropped to 2000.
MAX_CROP = 0.01

# Bytes after the last scan of a progressive JPEG. If the scan was cut, the decoder takes them for pixels.
PROBE_BYTES = 256

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# IPTC Photo Metadata Standard: the "Digital Source Type" for images that were made with generative AI.
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
    """Return the size, reduced in proportion so that the longest side has at most `longest` pixels."""
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def decode_plain_rgb(source: ImageSource, longest: int) -> Image.Image:
    """Decode to upright, opaque RGB in sRGB, with at most `longest` pixels on each side.

    Transparent pixels become white.
    """
    size = fit(source.width, source.height, longest)
    if source.is_progressive:
        _require_complete(source, size)
    image = _open(source)
    # `draft` makes the decoder shrink a JPEG to 1/2, 1/4 or 1/8 if that is still large enough. `box` is then
    # the area with content, in fractions of pixels.
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
    """Shrink an image from `decode_plain_rgb` to at most `longest` pixels on each side."""
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
    """Encode as JPEG, without chroma subsampling, because that blurs fine colored stripes of garments."""
    out = BytesIO()
    image.save(out, "JPEG", quality=quality, subsampling="4:4:4", **({"xmp": AI_LABEL} if label else {}))
    return out.getvalue()


def encode_png(image: Image.Image, *, label: bool = False) -> bytes:
    """Encode as PNG. The label is an uncompressed iTXt chunk, as the XMP specification (part 3) requires."""
    out, info = BytesIO(), PngInfo()
    if label:
        info.add_itxt("XML:com.adobe.xmp", AI_LABEL)
    image.save(out, "PNG", pnginfo=info)
    return out.getvalue()


def _require_complete(source: ImageSource, size: tuple[int, int]) -> None:
    """Raise ValueError if the last scan of a progressive JPEG was cut: pixels then depend on the end."""
    digests = set()
    for following in (b"\x00", b"\xaa"):
        image = _open(source, following * PROBE_BYTES)
        image.draft(None, size)
        digests.add(hash(image.tobytes()))
    if len(digests) > 1:
        raise ValueError("The last scan is incomplete.")


def _open(source: ImageSource, following: bytes = b"") -> Image.Image:
    image: Image.Image
    if source.format == "HEIF":
        image = import_module("pillow_heif").open_heif(source.data).to_pillow()
    else:
        data = source.data + following + jpeg.END if source.is_progressive else source.data
        image = Image.open(BytesIO(data), formats=[source.format])
    if image.size != (source.width, source.height):
        raise ValueError("The decoder and the container disagree about the image's size.")
    return image


def _reduce(image: Image.Image, factor: int) -> Image.Image:
    """Shrink by a whole factor and make opaque, strip by strip to avoid a second copy in full size."""
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
    """Resize or crop to `size`. `filled` is the size of the content, which may end within a pixel."""
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
        return Image.frombytes("L", image.size, image.tobytes()[1::2])  # The high bytes (little-endian).
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image.convert("RGB")


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Convert to RGB in sRGB. Without a usable profile, treat the values as sRGB, as browsers do."""
    if profile and (image.mode == "CMYK" or len(profile) <= MAX_DISPLAY_PROFILE):
        try:
            if image.mode != "RGB" or not _is_srgb(profile):
                return _convert(image, profile)
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # The profile is broken or for another color space.
    return image if image.mode == "RGB" else image.convert("RGB")


@lru_cache(maxsize=16)
def _is_srgb(profile: bytes) -> bool:
    """Return whether the profile changes no color by more than one step, like the sRGB profiles of phones."""
    grid = bytes(channel for color in product(range(0, 256, 17), repeat=3) for channel in color)
    colors = Image.frombytes("RGB", (64, 64), grid)
    difference = ImageChops.difference(colors, _convert(colors, profile))
    return not any(difference.point(lambda step: step > 1).tobytes())


def _convert(image: Image.Image, profile: bytes) -> Image.Image:
    if b"mpet" in profile:
        raise ValueError("The profile has multiprocess elements: programs that may run for minutes.")
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    assert converted is not None
    return converted
