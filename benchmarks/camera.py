"""Photos as phones write them: 12 megapixels with fine texture, Exif with a place, a colour profile."""

from __future__ import annotations

import io
from functools import cache

from PIL import Image, ImageCms, ImageDraw, ImageFilter

SIZE = (4032, 3024)


@cache
def photo(size: tuple[int, int] = SIZE) -> bytes:
    """Some 3 MB of JPEG, on its side as a phone's sensor is."""
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
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (48.0, 12.0, 30.0)
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
