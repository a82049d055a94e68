"""The time from the end of a render at the vendor until the shopper can see the image."""

from __future__ import annotations

import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median, quantiles

import httpx

from .deployment import Deployment
from .report import Row, at_most, skipped
from .throughput import VTON
from .vendor_calls import POLL_INTERVAL_SECONDS

POLL_SECONDS = 0.1
"""Seconds between a shopper's polls."""

TIMEOUT_SECONDS = 300.0


@dataclass(frozen=True)
class Size:
    """How many try-ons, how many per second, seconds per render; every `poll_every`-th is polled."""

    number: int
    rate: float
    seconds: float
    poll_every: int


WARM_UP = 20

FULL = Size(number=600, rate=20, seconds=6, poll_every=20)
QUICK = Size(number=20, rate=10, seconds=1, poll_every=10)
FAST = Size(number=1800, rate=60, seconds=6, poll_every=60)

CORES = {20: 4, 60: 8}
"""The cores that so many try-ons per second need, with vendor and shoppers, and with room to spare."""


def measure(*, quick: bool) -> list[Row]:
    """With callbacks and, in a full run, without."""
    size = QUICK if quick else FULL
    cores = os.cpu_count() or 1
    with Deployment(seconds=size.seconds) as deployment:
        deployment.start_web_server()
        goal = 0.15 if cores >= CORES[20] else 0.5
        rows = _lateness(deployment, size, "with callbacks", goal=goal, callbacks=True)
        if not quick:
            name = f"with callbacks, {FAST.rate} per second"
            if cores >= CORES[60]:
                rows += _lateness(deployment, FAST, name, goal=0.5, callbacks=True)
            else:
                rows.append(skipped(name, f"needs {CORES[60]} cores"))
            rows += _lateness(
                deployment, size, "without callbacks", goal=POLL_INTERVAL_SECONDS + 0.5, callbacks=False
            )
            # Half the rate, to show how much the load of the shared machine adds.
            half = replace(size, number=size.number // 2, rate=size.rate / 2)
            name = f"with callbacks, {half.rate:g} per second"
            rows += _lateness(deployment, half, name, goal=0.5, callbacks=True)
    return rows


def _lateness(deployment: Deployment, size: Size, name: str, *, goal: float, callbacks: bool) -> list[Row]:
    deployment.start_workers(vton=VTON | {"WEBHOOKS": callbacks})
    # Warm up: imports and the database's first query plans are not part of the measurement.
    _submit_at_rate(deployment, replace(size, number=WARM_UP))
    deployment.wait_until_all_end(seconds=TIMEOUT_SECONDS)
    ids, seen = _submit_at_rate(deployment, size)
    deployment.wait_until_all_end(seconds=TIMEOUT_SECONDS)
    deployment.stop("workers")
    ends = {
        entry["request_id"]: datetime.fromisoformat(entry["ended"]).timestamp()
        for entry in deployment.call_gateway("GET", "ledger")["submits"]
    }
    accounting = deployment.call("accounting")
    end_of = {row["request"]: ends[row["vendor_id"]] for row in accounting["attempts"]}
    late = [row["ended"] - end_of[row["id"]] for row in accounting["requests"] if row["id"] in ids]
    seen_late = [at - end_of[try_on] for try_on, at in seen.items()]
    note = f"{size.number} try-ons at {size.rate:g} per second, {size.seconds:g} s each"
    polls = f"{len(seen_late)} shoppers who poll every {POLL_SECONDS:g} s"
    return [
        at_most(f"{name}, median", median(late), "s", goal=goal, note=note),
        at_most(f"{name}, 95th", quantiles(late, n=20)[-1], "s", goal=goal),
        at_most(f"{name}, until the API shows it, median", median(seen_late), "s", goal=goal, note=polls),
    ]


def _submit_at_rate(deployment: Deployment, size: Size) -> tuple[set[str], dict[str, float]]:
    """Submit try-ons and poll some; returns all ids, and when the polled ones were seen as completed."""
    ids: list[str] = []
    seen: dict[str, Future[float]] = {}
    with ThreadPoolExecutor(32) as pool:
        values = deployment.call_iterator("submit_at_rate", number=size.number, rate=size.rate)
        session = next(values)
        for try_on in values:
            if len(ids) % size.poll_every == 0:
                seen[try_on] = pool.submit(
                    _poll_until_completed, deployment.url, session, try_on, size.seconds
                )
            ids.append(try_on)
    return set(ids), {try_on: future.result() for try_on, future in seen.items()}


def _poll_until_completed(url: str, session: str, try_on: str, seconds: float) -> float:
    """The timestamp when the API first reports it as completed."""
    time.sleep(seconds)
    began = time.monotonic()
    with httpx.Client(base_url=url, cookies={"sessionid": session}, trust_env=False) as http:
        while (waited := time.monotonic() - began) < TIMEOUT_SECONDS:
            with suppress(httpx.TransportError):  # The server closed the idle connection: poll again.
                data = http.get(f"/try-on/api/try-ons/{try_on}/").raise_for_status().json()
                if data["status"] == "completed":
                    assert data["images"]
                    return time.time()
            # If the goal is missed by far, the polls themselves would be the load.
            time.sleep(POLL_SECONDS if waited < 10 else 20 * POLL_SECONDS)
    raise AssertionError(f"{try_on} is not completed after {TIMEOUT_SECONDS:g} s")
