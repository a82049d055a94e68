"""The marks of AI-generated images: the machine-readable one with exiftool, the visible one from pixels."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TERM = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
EXIFTOOL = shutil.which("exiftool")
needs_exiftool = pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed")
TAGS = ("XMP-iptcExt:DigitalSourceType", "IPTC:SpecialInstructions", "ExifTool:Warning", "ExifTool:Error")


def read_marks(folder: Path, images: Sequence[bytes]) -> list[dict[str, str]]:
    """What exiftool finds in each image: `xmp`, `iim` and, if the file is broken, `problem`."""
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number}.image" for number in range(len(images))]
    for path, data in zip(paths, images, strict=True):
        path.write_bytes(data)
    command = [str(EXIFTOOL), "-json", "-G1", *(f"-{tag}" for tag in TAGS), *map(str, paths)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    names = {TAGS[0]: "xmp", TAGS[1]: "iim", TAGS[2]: "problem", TAGS[3]: "problem"}
    return [{names[tag]: value for tag, value in entry.items() if tag in names} for entry in found]


def bear_marks(folder: Path, images: Sequence[bytes]) -> list[bool]:
    """Whether exiftool finds the mark in each image, in a JPEG in both places, and no error."""
    iim = [{"iim": f"Digital source type: {TERM}"} if it.startswith(b"\xff\xd8") else {} for it in images]
    return [entry == {"xmp": TERM} | its for entry, its in zip(read_marks(folder, images), iim, strict=True)]


def changed_area(marked: bytes, original: bytes) -> tuple[int, int, int, int]:
    """The area in which two images of the same size differ visibly."""
    images = [Image.open(io.BytesIO(data)).convert("RGB") for data in (marked, original)]
    difference = ImageChops.difference(*images).convert("L").point(lambda step: 255 * (step > 24))
    area = difference.getbbox()
    assert area, "There is no visible mark."
    return area


def is_marked(marked: bytes, original: bytes) -> bool:
    """Whether the images differ in a small area near a corner only."""
    left, top, right, bottom = changed_area(marked, original)
    width, height = Image.open(io.BytesIO(marked)).size
    is_small = (right - left) * (bottom - top) < 0.1 * width * height
    at_side = right < 0.65 * width or left > 0.35 * width
    at_edge = bottom < 0.2 * height or top > 0.8 * height
    return is_small and at_side and at_edge
