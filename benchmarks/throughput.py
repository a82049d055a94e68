"""Renders per second, compared with other approaches, and the memory of the workers."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from statistics import median
from typing import Any

from tests.live_shop import free_port, is_listening, wait_until

from .deployment import WORKERS, Deployment, has_postgres
from .report import Row, at_least, at_most, info, skipped
from .sample_images import person_photo, product_image

VTON = {"CONCURRENCY": 50, "SUBMIT_CONCURRENCY": 16, "DISPATCHERS": 2}
"""The defaults, but with a dispatcher for each of the two workers, and more concurrent submits."""

CHECK_INTERVAL_SECONDS = 2.0
"""Each check reads /proc and queries the database, on the cores that are measured."""


@dataclass(frozen=True)
class Size:
    """How many try-ons, at which latency. Medians, because the speed of a shared machine varies."""

    seconds: float
    number: int
    blocking: int
    """Few: each worker runs one at a time, so the rate does not depend on the number."""
    rounds: int
    """Of ours, in succession through the same workers, whose memory is measured too."""
    asyncio_rounds: int

    @property
    def total(self) -> int:
        """Try-ons of all our rounds."""
        return self.number * self.rounds


FULL = Size(seconds=10, number=2000, blocking=6, rounds=5, asyncio_rounds=3)
QUICK = Size(seconds=1, number=20, blocking=2, rounds=2, asyncio_rounds=1)


def measure(*, quick: bool) -> list[Row]:
    """All four in one deployment, in succession."""
    size = QUICK if quick else FULL
    images, fashn = free_port(), free_port()
    env = {"BENCH_IMAGES": f"http://127.0.0.1:{images}", "BENCH_FASHN_API": f"http://127.0.0.1:{fashn}"}
    with Deployment(seconds=size.seconds, vton=VTON, env=env) as deployment:
        asyncio_rate = _measure_asyncio(deployment, size, images=False)
        with_images = _measure_asyncio(deployment, size, images=True)
        deployment.spawn(
            "fashn", sys.executable, "-m", "benchmarks.fashn_api", str(fashn), deployment.gateway
        )
        _serve_images(deployment, images)
        wait_until(lambda: is_listening(fashn), "the fashn API listens")
        deployment.start_workers()
        blocking = _measure_blocking(deployment, size, "render")
        sdk = _measure_blocking(deployment, size, "render_with_sdk") if find_spec("fashn") else None
        deployment.stop("fashn")
        deployment.stop("images")
        deployment.start_web_server()
        ours, memory = _measure_ours(deployment, size)
    rows = _rates(size, ours, blocking, sdk, {"c": asyncio_rate, "d": with_images})
    return [*rows, _memory_row(memory, size)]


def _rates(size: Size, ours: float, blocking: float, sdk: float | None, loops: dict[str, float]) -> list[Row]:
    concurrency = ", ".join(f"{name} {value}" for name, value in VTON.items())
    database = "PostgreSQL" if has_postgres() else "SQLite"
    many = f"{size.number:,} try-ons at {size.seconds:g} s, median of"
    few = f"{size.blocking} renders at {size.seconds:g} s, {WORKERS} workers"
    name = "(b) the fashn SDK's subscribe"
    return [
        info("ours", ours, "/s", note=f"{many} {size.rounds}; {WORKERS} workers, {concurrency}; {database}"),
        info("(a) blocking task", blocking, "/s", note=f"{few}, polls every 2 s"),
        info(name, sdk, "/s", note=few) if sdk else skipped(name, "`fashn` is not installed"),
        info(
            "(c) asyncio without a database",
            loops["c"],
            "/s",
            note=f"{many} {size.asyncio_rounds}; the same concurrency",
        ),
        info(
            "(d) like (c), with the work on images", loops["d"], "/s", note=f"median of {size.asyncio_rounds}"
        ),
        at_least("ours over (a)", ours / blocking, "x", goal=200),
        *([info("ours over (b)", ours / sdk, "x")] if sdk else []),
        info("ours over (c)", ours / loops["c"], "x"),
        at_least("ours over (d)", ours / loops["d"], "x", goal=0.6),
    ]


def _measure_asyncio(deployment: Deployment, size: Size, *, images: bool) -> float:
    return median(_measure_asyncio_once(deployment, size, images=images) for _ in range(size.asyncio_rounds))


def _measure_asyncio_once(deployment: Deployment, size: Size, *, images: bool) -> float:
    options: dict[str, Any] = {
        "images": images,
        "gateway": deployment.gateway,
        "folder": str(deployment.folder),
        "number": size.number,
        "submits": VTON["SUBMIT_CONCURRENCY"] * VTON["DISPATCHERS"],
        "calls": VTON["CONCURRENCY"] * VTON["DISPATCHERS"],
    }
    output = deployment.run_python("-m", "benchmarks.asyncio_baseline", json.dumps(options))
    assert len(list(deployment.folder.glob("*.jpg"))) == size.number
    deployment.call_gateway("POST", "reset")
    return size.number / float(json.loads(output)["seconds"])


def _serve_images(deployment: Deployment, port: int) -> None:
    (deployment.folder / "person.jpg").write_bytes(person_photo())
    (deployment.folder / "garment.jpg").write_bytes(product_image())
    folder = ["--directory", str(deployment.folder), "--bind", "127.0.0.1"]
    deployment.spawn("images", sys.executable, "-m", "http.server", *folder, str(port))
    wait_until(lambda: is_listening(port), "the images are served")


def _measure_blocking(deployment: Deployment, size: Size, task: str) -> float:
    began: float = deployment.call(
        "enqueue_blocking", number=size.blocking, task=f"benchmarks.blocking_task.{task}"
    )
    stored = deployment.folder / "media" / task
    wait_until(lambda: len(list(stored.glob("*.jpg"))) >= size.blocking, "all are stored", seconds=300)
    return size.blocking / (max(file.stat().st_mtime for file in stored.iterdir()) - began)


def _measure_ours(deployment: Deployment, size: Size) -> tuple[float, list[tuple[int, float]]]:
    """The rate, and for each check: the number of finished try-ons and the memory of the largest worker."""
    memory: list[tuple[int, float]] = []

    def is_done(number: int) -> bool:
        memory.append((deployment.count("finished_at IS NOT NULL"), deployment.largest_process_mb("workers")))
        return memory[-1][0] >= number

    def rate(done: int) -> float:
        began: float = deployment.call("enqueue", number=size.number)
        wait_until(
            lambda: is_done(done + size.number), "all are done", seconds=1200, every=CHECK_INTERVAL_SECONDS
        )
        requests = deployment.call("accounting")["requests"]
        assert all(row["state"] == "completed" for row in requests)
        ended: float = max(row["ended"] for row in requests)
        return size.number / (ended - began)

    return median([rate(done) for done in range(0, size.total, size.number)]), memory


def _memory_row(memory: list[tuple[int, float]], size: Size) -> Row:
    tenth = size.total / 10
    early = max(mb for done, mb in memory if done <= 1.5 * tenth)
    late = max(mb for done, mb in memory if done >= 9 * tenth)
    note = f"{early:.0f} MB at {tenth:,.0f} try-ons, {late:.0f} MB at {size.total:,}; resident"
    return at_most(
        "memory of the largest worker, last over first tenth", late / early, "x", goal=1.1, note=note
    )
