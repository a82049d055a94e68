"""Decode, convert to sRGB, shrink and encode. Never change Pillow's global settings, which are the shop's."""

import math
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module
from io import BytesIO
from itertools import product

from PIL import Image, ImageChops, ImageCms
from PIL.JpegImagePlugin import JpegImageFile

from . import jpeg, png
from .heif import Grid
from .provenance import add_source_type
from .source import ImageSource

# A large image takes up to 240 MB of memory. It is processed in strips of this many pixels, to avoid a second
# copy of the whole image.
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

Size = tuple[int, int]
Area = tuple[float, float]
"""The width and height of an image's content, which may end within a pixel."""
Strip = Callable[[int, int], Image.Image]
"""Returns the rows of an image from the first number up to the second."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def fit(width: int, height: int, longest: int) -> tuple[int, int]:
    """Return the size, reduced in proportion so that the longest side has at most `longest` pixels."""
    scale = min(1.0, longest / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def decode_plain_rgb(source: ImageSource, longest: int) -> Image.Image:
    """Decode to upright, opaque RGB in sRGB, with at most `longest` pixels on each side.

    Transparent pixels become white.
    """
    size = fit(source.width, source.height, longest)
    small, content = (_decode_heif if source.format == "HEIF" else _decode_draft)(source, size)
    small = _resize(small, size, content)
    upright = rotate_upright(_to_srgb(small, source.profile), source.orientation)
    upright.info = {}
    return upright


def shrink(image: Image.Image, longest: int) -> Image.Image:
    """Shrink an image from `decode_plain_rgb` to at most `longest` pixels on each side."""
    size = fit(*image.size, longest)
    factor = _factor(image.size, size)
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
    image.save(out, "JPEG", quality=quality, subsampling="4:4:4")
    return add_source_type(out.getvalue()) if label else out.getvalue()


def encode_png(image: Image.Image, *, label: bool = False, compression: int = 6) -> bytes:
    """Encode as PNG, with a level of zlib's compression."""
    out = BytesIO()
    image.save(out, "PNG", compress_level=compression)
    return add_source_type(out.getvalue()) if label else out.getvalue()


class _Followed(BytesIO):
    """A file and the bytes that follow it. Does not copy the file."""

    def __init__(self, data: bytes, following: bytes) -> None:
        super().__init__(data)
        self._following = BytesIO(following)

    def read(self, size: int | None = -1) -> bytes:
        return super().read(size) or self._following.read(size)


def _open(source: ImageSource, following: bytes = b"") -> Image.Image:
    image: Image.Image
    if source.format == "JPEG":
        # `Image.open` would warn about more than 89 million pixels, which `draft` makes harmless.
        image = JpegImageFile(_Followed(source.data, following + jpeg.END if source.is_progressive else b""))
    else:
        if source.format == "PNG":
            png.require_all_rows(source.data)
        image = Image.open(BytesIO(source.data), formats=[source.format])
    _check_size(image.size, (source.width, source.height))
    return image


def _decode_draft(source: ImageSource, size: Size) -> tuple[Image.Image, Area]:
    """Decode, shrink to at least `size`, and make opaque. Return also the area with content.

    `draft` makes the decoder shrink a JPEG to 1/2, 1/4 or 1/8 if that is still large enough. If it is
    progressive, decode twice and raise ValueError if its last scan was cut: the pixels then depend on what
    follows.
    """
    digests = set()
    for following in (b"\x00", b"\xaa") if source.is_progressive else (b"",):
        image = _open(source, following * PROBE_BYTES)
        drafted = image.draft(None, size)
        image.load()
        if source.is_progressive:
            digests.add(_digest(image))
    if len(digests) > 1:
        raise ValueError("The last scan is incomplete.")
    _left, _top, right, bottom = drafted[1] if drafted else (0, 0, *image.size)
    factor = _factor(image.size, size)
    small = image if factor == 1 and _is_opaque(image) else _reduce(image.size, factor, _cropping(image))
    return small, (right / factor, bottom / factor)


def _digest(image: Image.Image) -> int:
    strip = _cropping(image)
    return hash(tuple(hash(strip(*rows).tobytes()) for rows in _strips(image.size)))


def _decode_heif(source: ImageSource, size: Size) -> tuple[Image.Image, Area]:
    """Like `_decode_draft`, but the image may be a tile's width and height larger than its content."""
    factor = _factor((source.width, source.height), size)
    if source.grid:
        factor = max(power for power in (1, 2, 4, 8) if power <= factor)  # divides the sides of tiles
        return _join_tiles(source.grid, factor), (source.width / factor, source.height / factor)
    heif = import_module("pillow_heif").open_heif(source.data)
    _check_size(heif.size, (source.width, source.height))
    pixels, stride = heif.data, heif.stride  # Pillow would make a copy of four bytes per pixel.

    def strip(top: int, bottom: int) -> Image.Image:
        rows = pixels[top * stride : bottom * stride]
        return Image.frombytes(heif.mode, (source.width, bottom - top), rows, "raw", heif.mode, stride)

    return _reduce(heif.size, factor, strip), (source.width / factor, source.height / factor)


def _join_tiles(grid: Grid, factor: int) -> Image.Image:
    small: Image.Image | None = None
    for index, data in enumerate(grid.tiles):
        tile = import_module("pillow_heif").open_heif(data).to_pillow()
        _check_size(tile.size, (grid.tile_width, grid.tile_height))
        if small is None:
            small = Image.new(tile.mode, (math.ceil(grid.width / factor), math.ceil(grid.height / factor)))
        row, column = divmod(index, grid.columns)
        small.paste(tile.reduce(factor), (column * tile.width // factor, row * tile.height // factor))
    assert small is not None
    return small


def _check_size(decoded: Size, stated: Size) -> None:
    if decoded != stated:
        raise ValueError("The decoder and the container disagree about the image's size.")


def _factor(stored: Size, wanted: Size) -> int:
    """Return the largest whole factor by which an image can be shrunk without being smaller than wanted."""
    return max(1, min(stored[0] // wanted[0], stored[1] // wanted[1]))


def _strips(size: Size, factor: int = 1) -> Iterator[tuple[int, int]]:
    """Yield where each strip starts and ends, in rows. All but the last have a multiple of `factor` rows."""
    width, height = size
    rows = factor * max(1, STRIP_PIXELS // (width * factor))
    for top in range(0, height, rows):
        yield top, min(top + rows, height)


def _cropping(image: Image.Image) -> Strip:
    return lambda top, bottom: image.crop((0, top, image.width, bottom))


def _reduce(size: Size, factor: int, strip: Strip) -> Image.Image:
    """Shrink by a whole factor and make opaque, strip by strip to avoid a second copy in full size."""
    small: Image.Image | None = None
    for top, bottom in _strips(size, factor):
        part = _make_opaque(strip(top, bottom)).reduce(factor)
        if small is None:
            small = Image.new(part.mode, (math.ceil(size[0] / factor), math.ceil(size[1] / factor)))
        small.paste(part, (0, top // factor))
    assert small is not None
    return small


def _resize(image: Image.Image, size: Size, content: Area) -> Image.Image:
    """Resize or crop to `size`."""
    if content == size:
        return image
    if any(actual > wanted * (1 + MAX_CROP) for actual, wanted in zip(content, size, strict=True)):
        return image.resize(size, Image.Resampling.BICUBIC, box=(0, 0, *content))
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
