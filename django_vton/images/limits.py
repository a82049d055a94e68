"""Limits of photos, product images and results: bytes of a file, pixels of an image, pixels on a side."""

# Photos of people.
MAX_BYTES = 15_000_000
MAX_PIXELS = 40_000_000
MAX_SIDE = 2000
# Pixazo's requirements on the Glass v1 page: at least this many pixels on each side, and at most 10 MB.
MIN_SIDE = 300
# A third of Fashn's result size, 864 x 1296, so that whole pixels are averaged without resampling.
THUMBNAIL_SIDE = 432
VENDOR_BYTES = 10_000_000

# Product images, and results from the vendor.
PRODUCT_BYTES = 50_000_000
PRODUCT_PIXELS = 80_000_000
RESULT_PIXELS = 25_000_000

# A decoder's memory in bytes. With the copies of the file, the total stays below 300 MB. Formats that take
# more memory per pixel may have fewer pixels.
MAX_MEMORY = 200_000_000
