"""The images that the benchmarks use."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image, ImageCms, ImageDraw, ImageFilter

from tests.live_shop import phone_photo

SIZE = (576, 864)
"""Of the photo and therefore of the result: two thirds of the vendor's 864 x 1296, because the fake vendor
and the shop's web server share the processors with the workers here.
"""

CAMERA_SIZE = (4032, 3024)


@cache
def person_photo() -> bytes:
    """A small photo of a person as JPEG."""
    return phone_photo(*SIZE)


@cache
def product_image() -> bytes:
    """A garment as JPEG."""
    image = Image.new("RGB", (400, 500), "white")
    ImageDraw.Draw(image).polygon([(40, 80), (360, 80), (330, 460), (70, 460)], fill=(60, 90, 140))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return out.getvalue()


@cache
def camera_photo(size: tuple[int, int] = CAMERA_SIZE) -> bytes:
    """A photo as from a phone: 12 megapixels with fine texture, Exif rotation, GPS, colour profile; 3 MB."""
    width, height = size
    grain = Image.new("L", size, 128)
    for cell, share in ((4096, 0.4), (1024, 0.4), (256, 0.3), (32, 0.2), (2, 0.15)):
        noise = Image.effect_noise((max(2, width // cell), max(2, height // cell)), 60)
        grain = Image.blend(grain, noise.resize(size, Image.Resampling.BICUBIC), share)
    scene = Image.new("RGB", size, (150, 160, 170))
    draw = ImageDraw.Draw(scene)
    draw.ellipse((width * 0.1, height * 0.35, width * 0.35, height * 0.65), fill=(224, 172, 140))
    draw.rectangle((width * 0.35, height * 0.2, width, height * 0.8), fill=(40, 70, 110))
    _light, blue, red = scene.filter(ImageFilter.GaussianBlur(12)).convert("YCbCr").split()
    light = Image.blend(scene.convert("L"), grain, 0.6)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F], exif[0x0110] = 6, "Maker", "Phone"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (48.0, 12.0, 30.0)
    out = io.BytesIO()
    Image.merge("YCbCr", (light, blue, red)).save(
        out,
        "JPEG",
        quality=92,
        subsampling="4:2:0",
        exif=exif,
        icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    )
    return out.getvalue()
