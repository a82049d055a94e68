"""Renders a second, beside the plain task, an SDK's own waiting, and the limit; and the workers' memory."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from typing import Any

from tests.running import free_port, is_listening, until

from .lab import WORKERS, Lab, has_postgres
from .pictures import garment, person
from .report import Row, at_least, at_most, left_out, told

VTON = {"CONCURRENCY": 50, "SUBMIT_CONCURRENCY": 16, "DISPATCHERS": 2}
"""The defaults, but for a second pump: two workers, two processes."""

LOOK_EVERY = 2.0
"""Seconds: each look goes through all processes and asks the database, on the cores that are measured."""


@dataclass(frozen=True)
class Size:
    """How many, at which latency; of several rounds the median, since a shared machine has its moods."""

    seconds: float
    number: int
    blocking: int
    """Small: each worker does one at a time, so their rate is the same for any number."""
    rounds: int
    """Of ours: all of them go through the same workers, one after the other, whose memory is looked at."""
    bare_rounds: int

    @property
    def in_all(self) -> int:
        """Of ours."""
        return self.number * self.rounds


FULL = Size(seconds=10, number=2000, blocking=6, rounds=5, bare_rounds=3)
QUICK = Size(seconds=1, number=20, blocking=2, rounds=2, bare_rounds=1)


def measure(*, quick: bool) -> list[Row]:
    """All four in one lab, one after the other."""
    size = QUICK if quick else FULL
    pictures, adapter = free_port(), free_port()
    env = {"BENCH_PICTURES": f"http://127.0.0.1:{pictures}", "BENCH_ADAPTER": f"http://127.0.0.1:{adapter}"}
    with Lab(seconds=size.seconds, vton=VTON, env=env) as lab:
        bare = median(_bare(lab, size) for _ in range(size.bare_rounds))
        lab.spawn("adapter", sys.executable, "-m", "benchmarks.adapter", str(adapter), lab.gateway)
        _serve_pictures(lab, pictures)
        until(lambda: is_listening(adapter), "the adapter listens")
        lab.start_workers()
        plain = _blocking(lab, size, "render")
        sdk = _blocking(lab, size, "render_with_sdk") if find_spec("fashn") else None
        lab.stop("adapter")
        lab.stop("pictures")
        lab.start_web()
        ours, memory = _ours(lab, size)
    return [*_rates(size, ours, plain, sdk, bare), _flat(memory, size)]


def _rates(size: Size, ours: float, plain: float, sdk: float | None, bare: float) -> list[Row]:
    widths = ", ".join(f"{name} {value}" for name, value in VTON.items())
    database = "PostgreSQL" if has_postgres() else "SQLite"
    many = f"{size.number:,} try-ons at {size.seconds:g} s, median of"
    few = f"{size.blocking} renders at {size.seconds:g} s, {WORKERS} workers"
    name = "(b) the fashn SDK's own waiting"
    return [
        told("ours", ours, "/s", note=f"{many} {size.rounds}; {WORKERS} workers, {widths}; {database}"),
        told("(a) blocking task", plain, "/s", note=f"{few}, asks every 2 s"),
        told(name, sdk, "/s", note=few) if sdk else left_out(name, "`fashn` is not installed"),
        told(
            "(c) bare asyncio loop",
            bare,
            "/s",
            note=f"{many} {size.bare_rounds}; the same widths; no database",
        ),
        at_least("ours over (a)", ours / plain, "x", goal=200),
        *([told("ours over (b)", ours / sdk, "x")] if sdk else []),
        at_least("ours over (c)", ours / bare, "x", goal=0.5),
    ]


def _bare(lab: Lab, size: Size) -> float:
    options: dict[str, Any] = {
        "gateway": lab.gateway,
        "folder": str(lab.folder),
        "number": size.number,
        "submits": VTON["SUBMIT_CONCURRENCY"] * VTON["DISPATCHERS"],
        "calls": VTON["CONCURRENCY"] * VTON["DISPATCHERS"],
    }
    said = lab.python("-m", "benchmarks.bare", json.dumps(options))
    assert len(list(lab.folder.glob("*.jpg"))) == size.number
    lab.ask_gateway("POST", "reset")
    return size.number / float(json.loads(said)["seconds"])


def _serve_pictures(lab: Lab, port: int) -> None:
    (lab.folder / "person.jpg").write_bytes(person())
    (lab.folder / "garment.jpg").write_bytes(garment())
    folder = ["--directory", str(lab.folder), "--bind", "127.0.0.1"]
    lab.spawn("pictures", sys.executable, "-m", "http.server", *folder, str(port))
    until(lambda: is_listening(port), "the pictures are served")


def _blocking(lab: Lab, size: Size, task: str) -> float:
    began: float = lab.do("block", number=size.blocking, task=f"benchmarks.blocking.{task}")
    stored = lab.folder / "media" / task
    until(lambda: len(list(stored.glob("*.jpg"))) >= size.blocking, "all are stored", seconds=300)
    return size.blocking / (max(file.stat().st_mtime for file in stored.iterdir()) - began)


def _ours(lab: Lab, size: Size) -> tuple[float, list[tuple[int, float]]]:
    """The rate, and the largest worker's memory by how many were done."""
    memory: list[tuple[int, float]] = []

    def is_done(number: int) -> bool:
        memory.append((lab.count("finished_at IS NOT NULL"), lab.largest("workers")))
        return memory[-1][0] >= number

    def rate(done: int) -> float:
        began: float = lab.do("queue", number=size.number)
        until(lambda: is_done(done + size.number), "all are done", seconds=1200, every=LOOK_EVERY)
        requests = lab.do("books")["requests"]
        assert all(row["state"] == "completed" for row in requests)
        ended: float = max(row["ended"] for row in requests)
        return size.number / (ended - began)

    return median([rate(done) for done in range(0, size.in_all, size.number)]), memory


def _flat(memory: list[tuple[int, float]], size: Size) -> Row:
    tenth = size.in_all / 10
    early = max(mb for done, mb in memory if done <= 1.5 * tenth)
    late = max(mb for done, mb in memory if done >= 9 * tenth)
    note = f"{early:.0f} MB at {tenth:,.0f} try-ons, {late:.0f} MB at {size.in_all:,}; resident"
    return at_most("the largest worker's memory, late over early", late / early, "x", goal=1.1, note=note)
