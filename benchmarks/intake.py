"""Intake of a 12-megapixel photo from a phone: normalizing the image alone, and the whole request.

Measures processor time of one thread, which depends little on the load of the machine. For requests it
includes the database, since SQLite runs in the same process, but not the disk.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from PIL import Image, ImageOps

from django_vton import images

from . import databases
from .databases import ROOT
from .report import Row, at_least, at_most, skipped
from .sample_images import camera_photo

ROUNDS = 15
REQUESTS = 30
QUICK = 2
SIDE, QUALITY = 2000, 92
MEGABYTE = 2**20

EXACT = (4000, 3000)
"""Half of it is exactly 2000: nothing is trimmed."""

SAVE_OPTIONS: Any = {"format": "JPEG", "quality": QUALITY, "subsampling": "4:4:4"}


def measure(*, quick: bool) -> list[Row]:
    """Normalizing, memory, and the request."""
    rounds = QUICK if quick else ROUNDS
    with tempfile.TemporaryDirectory(prefix="vton-bench-") as name:
        photo = Path(name, "photo.jpg")
        photo.write_bytes(camera_photo())
        return [
            *_times("", camera_photo(), rounds),
            *([] if quick else _times(" at 4000 x 3000", camera_photo(EXACT), rounds)),
            _memory(photo),
            _request(photo, QUICK if quick else REQUESTS),
        ]


def ours(data: bytes) -> None:
    """As django-vton normalizes a shopper's photo."""
    images.normalize_person_photo(io.BytesIO(data))


def plain(data: bytes) -> None:
    """As Pillow's documentation suggests."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image.thumbnail((SIDE, SIDE))
    image.save(io.BytesIO(), **SAVE_OPTIONS)


def upper_bound(data: bytes) -> None:
    """Only decode at half the size and encode; no checks, no rotation, and 16 pixels too long."""
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (SIDE, SIDE * 3 // 4))
    image.save(io.BytesIO(), **SAVE_OPTIONS)


def _times(which: str, data: bytes, rounds: int) -> list[Row]:
    times = _median_times({"ours": ours, "plain": plain, "bound": upper_bound}, data, rounds)
    durations = ", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in times.items())
    note = f"{durations}; {len(data) / 1e6:.1f} MB, {rounds} rounds"
    return [
        at_least(
            f"photo{which}, over plain Pillow", times["plain"] / times["ours"], "x", goal=1.8, note=note
        ),
        at_most(
            f"photo{which}, over the upper bound",
            times["ours"] / times["bound"],
            "x",
            goal=1.25,
            note=durations,
        ),
    ]


def _median_times(tasks: Mapping[str, Callable[[bytes], None]], data: bytes, rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(rounds + 1):
        for name, task in tasks.items():
            began = time.process_time()
            task(data)
            if turn:
                times[name].append(time.process_time() - began)
    return {name: median(values) for name, values in times.items()}


PEAK = """
import sys
from django_vton import images
from PIL import Image
Image.init()
def kilobytes(name):
    return next(int(row.split()[1]) for row in open("/proc/self/status") if row.startswith(name))
idle = kilobytes("VmRSS")
with open(sys.argv[1], "rb") as file:
    photo = images.normalize_person_photo(file)
images.make_thumbnail(photo)
print(kilobytes("VmHWM") - idle)
"""


def _memory(photo: Path) -> Row:
    name = "photo, memory above the idle process"
    if not Path("/proc/self/status").exists():
        return skipped(name, "no /proc here")
    command = [sys.executable, "-c", PEAK, str(photo)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return at_most(name, int(result.stdout) * 1024 / MEGABYTE, "MB", goal=60, note="with its thumbnail")


def _request(photo: Path, rounds: int) -> Row:
    folder = photo.parent
    with databases.migrated("SQLite", folder) as template, databases.copy(template, folder, "shop") as url:
        # With a daily budget, as a shop has; the IP quota must not stop many new guests at one address.
        limits = {"VTON_IP_QUOTA": "100000/day", "VTON_DAILY_BUDGET": "10000"}
        times: dict[str, dict[str, float]] = databases.run_module(
            "benchmarks.intake_process", photo, rounds, env=databases.environment(url, folder) | limits
        )
    whole, minimal = times["whole"], times["minimal"]
    note = (
        f"{1000 * whole['processor']:.0f} and {1000 * minimal['processor']:.0f} ms; with the disk "
        f"{1000 * whole['clock']:.0f} and {1000 * minimal['clock']:.0f} ms; {rounds} requests"
    )
    return at_most(
        "whole request, over a minimal view",
        whole["processor"] / minimal["processor"],
        "x",
        goal=1.3,
        note=note,
    )
