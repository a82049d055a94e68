"""A 12-megapixel photo from a phone: to the sanitised file, and through the whole request that accepts it.

Seconds are the processor's, of one thread: what others do on the machine lengthens them little and alike.
In the requests they are the database's too, for SQLite works in the same process; the disk's are not in them.
"""

from __future__ import annotations

import io
import json
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

from . import camera, databases
from .lab import ROOT
from .report import Row, at_least, at_most, left_out

ROUNDS = 15
REQUESTS = 30
QUICK = 2
SIDE, QUALITY = 2000, 92
MEGABYTE = 2**20

EXACT = (4000, 3000)
"""What half of is 2000: nothing is trimmed."""

LIKE_OURS: Any = {"format": "JPEG", "quality": QUALITY, "subsampling": "4:4:4"}


def measure(*, quick: bool) -> list[Row]:
    """All of it."""
    rounds = QUICK if quick else ROUNDS
    with tempfile.TemporaryDirectory(prefix="vton-bench-") as name:
        photo = Path(name, "photo.jpg")
        photo.write_bytes(camera.photo())
        return [
            *_times("", camera.photo(), rounds),
            *([] if quick else _times(" at 4000 x 3000", camera.photo(EXACT), rounds)),
            _memory(photo),
            _request(photo, QUICK if quick else REQUESTS),
        ]


def ours(data: bytes) -> None:
    """As a shopper's photo comes in."""
    images.person_photo(io.BytesIO(data))


def plain(data: bytes) -> None:
    """As Pillow's guide has it."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image.thumbnail((SIDE, SIDE))
    image.save(io.BytesIO(), **LIKE_OURS)


def limit(data: bytes) -> None:
    """Decoded at half the size and written: no look at the file, not upright, 16 pixels too long."""
    image = Image.open(io.BytesIO(data))
    image.draft("RGB", (SIDE, SIDE * 3 // 4))
    image.save(io.BytesIO(), **LIKE_OURS)


def _times(which: str, data: bytes, rounds: int) -> list[Row]:
    found = _in_turns({"ours": ours, "plain": plain, "limit": limit}, data, rounds)
    words = ", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in found.items())
    note = f"{words}; {len(data) / 1e6:.1f} MB, {rounds} rounds"
    return [
        at_least(
            f"photo{which}, over plain Pillow", found["plain"] / found["ours"], "x", goal=1.8, note=note
        ),
        at_most(f"photo{which}, to the limit", found["ours"] / found["limit"], "x", goal=1.25, note=words),
    ]


def _in_turns(tasks: Mapping[str, Callable[[bytes], None]], data: bytes, rounds: int) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(rounds + 1):
        for name, task in tasks.items():
            began = time.process_time()
            task(data)
            if turn:
                times[name].append(time.process_time() - began)
    return {name: median(taken) for name, taken in times.items()}


PEAK = """
import sys
from django_vton import images
from PIL import Image
Image.init()
def line(name):
    return next(int(row.split()[1]) for row in open("/proc/self/status") if row.startswith(name))
idle = line("VmRSS")
with open(sys.argv[1], "rb") as file:
    picture = images.person_photo(file)
images.thumbnail(picture)
print(line("VmHWM") - idle)
"""


def _memory(photo: Path) -> Row:
    name = "photo, memory above the idle process"
    if not Path("/proc/self/status").exists():
        return left_out(name, "no /proc here")
    command = [sys.executable, "-c", PEAK, str(photo)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return at_most(name, int(done.stdout) * 1024 / MEGABYTE, "MB", goal=60, note="with its thumbnail")


def _request(photo: Path, rounds: int) -> Row:
    folder = photo.parent
    with databases.migrated("SQLite", folder) as template, databases.copy(template, folder, "shop") as url:
        # A cap as a shop has it, and none that a hundred new guests at one address would meet.
        caps = {"VTON_IP_QUOTA": "100000/day", "VTON_DAILY_BUDGET": "10000"}
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.accepting", str(photo), str(rounds)],
            env=databases.env(url, folder) | caps,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
    times: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    whole, bare = times["whole"], times["bare"]
    note = (
        f"{1000 * whole['processor']:.0f} and {1000 * bare['processor']:.0f} ms; by the clock "
        f"{1000 * whole['clock']:.0f} and {1000 * bare['clock']:.0f} ms, with the disk; {rounds} requests"
    )
    return at_most(
        "accepting request, to a bare view", whole["processor"] / bare["processor"], "x", goal=1.3, note=note
    )
