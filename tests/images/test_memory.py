"""The largest accepted files of each kind need less than 300 MB. Larger ones are refused with the figure."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from tests.images import large, samples
from tests.images.assertions import convert, refuse, refuse_product
from tests.images.samples import encode

MEMORY = 300_000_000
"""Bytes above the process that has imported everything, for the file, its decoder and the result."""

PEAK = """
import sys
from importlib.util import find_spec
from PIL import Image
from django_vton import images
if find_spec("pillow_heif"):
    import pillow_heif
Image.init()
def kilobytes(name):
    return next(int(row.split()[1]) for row in open("/proc/self/status") if row.startswith(name))
idle = kilobytes("VmRSS")
with open(sys.argv[2], "rb") as file:
    getattr(images, sys.argv[1])(file)
print((kilobytes("VmHWM") - idle) * 1024)
"""


def tiles(columns: int, rows: int) -> bytes:
    pytest.importorskip("pillow_heif", reason="the optional pillow-heif is not installed")
    return large.tiled_heic(Image.linear_gradient("L").resize((512, 512)).convert("RGB"), columns, rows)


def flat(form: str, width: int, height: int) -> bytes:
    return encode(Image.new("RGB", (width, height), "navy"), form, compress_level=1, method=0)


BASELINE = partial(large.tall_jpeg, quality=55)
PROGRESSIVE = partial(large.tall_jpeg, quality=25, progressive=True)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
@pytest.mark.parametrize(
    ("function", "build"),
    [
        ("normalize_product_image", lambda: BASELINE(10_000, 10_000)),
        ("normalize_product_image", lambda: PROGRESSIVE(7_400, 7_520)),
        ("normalize_product_image", lambda: tiles(19, 20)),
        ("normalize_product_image", lambda: flat("PNG", 7_730, 7_730)),
        ("normalize_product_image", lambda: flat("WEBP", 3_870, 3_870)),
        ("normalize_person_photo", lambda: PROGRESSIVE(8_192, 6_096)),
    ],
    ids=["jpeg", "progressive", "heic", "png", "webp", "photo: progressive"],
)
def test_the_largest_files_need_less_than_300_mb(
    tmp_path: Path, function: str, build: Callable[[], bytes]
) -> None:
    file = tmp_path / "image"
    file.write_bytes(build())
    command = [sys.executable, "-c", PEAK, function, str(file)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(result.stdout) < MEMORY


@pytest.mark.parametrize(
    ("data", "million"),
    [
        (lambda: BASELINE(10_000, 10_016), 100),
        (lambda: PROGRESSIVE(10_000, 10_000), 53),
        (lambda: PROGRESSIVE(10_000, 10_000, subsampling=0), 27),
        (lambda: tiles(20, 20), 100),
        (lambda: samples.png(10_000, 10_000, 2, 8, b""), 59),
    ],
    ids=["jpeg", "progressive", "progressive 4:4:4", "heic", "png"],
)
def test_a_product_image_above_the_limit_of_its_kind_is_refused_with_the_figure(
    data: Callable[[], bytes], million: int
) -> None:
    refusal = refuse_product(data())
    assert refusal.code == "photo_too_large"
    assert f"{million} million" in str(refusal.message)


def test_a_photo_may_have_50_million_pixels() -> None:
    assert convert(large.tall_jpeg(8_192, 6_096, quality=10)).width == 2000
    assert "50 million" in str(refuse(large.tall_jpeg(8_192, 6_112, quality=10)).message)
