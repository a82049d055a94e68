"""Limits of photos, product images and results: formats, bytes, and pixels per image and per side."""

from importlib.util import find_spec

from PIL import features

FORMAT_NAMES = {"JPEG": "JPEG", "PNG": "PNG", "WEBP": "WebP", "HEIF": "HEIC", "GIF": "GIF", "AVIF": "AVIF"}
RESULT_FORMATS = ("JPEG", "PNG", "WEBP")
PHOTO_FORMATS = RESULT_FORMATS + (("HEIF",) if find_spec("pillow_heif") else ())
PRODUCT_FORMATS = (*PHOTO_FORMATS, "GIF", *(("AVIF",) if features.check("avif") else ()))

# Photos of people.
MAX_BYTES = 15_000_000
MAX_PIXELS = 50_000_000
MAX_SIDE = 2000
# Pixazo's page about Glass v1 requires at least this many pixels on each side, and at most this many bytes.
MIN_SIDE = 300
VENDOR_BYTES = 10_000_000
# A third of 1296, the longest side of Fashn's results: 3 x 3 pixels become one, which is fast and sharp.
THUMBNAIL_SIDE = 432

# Product images, and results from the vendor.
PRODUCT_BYTES = 50_000_000
PRODUCT_PIXELS = 100_000_000
RESULT_PIXELS = 25_000_000

# The maximum memory of a file and its decoder, in bytes: with the shrunk image, the total stays below 300 MB.
# Formats that take more memory per pixel therefore allow fewer pixels.
MAX_MEMORY = 240_000_000
# Pillow warns above `Image.MAX_IMAGE_PIXELS`, which a shop may lower.
PILLOWS_MAX_PIXELS = 1024**3 // 4 // 3
