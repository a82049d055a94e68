"""From the vendor's done to the picture that a shopper may see."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import median, quantiles

import httpx

from .cost import POLL
from .lab import Lab
from .report import Row, at_most
from .throughput import VTON

STEP = 0.1
"""Seconds between an impatient shopper's looks."""


PATIENCE = 300.0


@dataclass(frozen=True)
class Size:
    """So many at this rate; every so-many-th has somebody who looks."""

    number: int
    rate: float
    seconds: float
    looked_at: int


WARM_UP = 20

FULL = Size(number=600, rate=20, seconds=6, looked_at=20)
QUICK = Size(number=20, rate=10, seconds=1, looked_at=10)


def measure(*, quick: bool) -> list[Row]:
    """With callbacks and, in a full run, without."""
    size = QUICK if quick else FULL
    with Lab(seconds=size.seconds) as lab:
        lab.start_web()
        rows = _lateness(lab, size, "with callbacks", goal=0.5, callbacks=True)
        if not quick:
            rows += _lateness(lab, size, "without callbacks", goal=POLL + 0.5, callbacks=False)
            # What one machine can do for shop, vendor, database and shoppers at once is seen beside.
            calm = replace(size, number=size.number // 2, rate=size.rate / 2)
            name = f"with callbacks, {calm.rate:g} a second"
            rows += _lateness(lab, calm, name, goal=0.5, callbacks=True)
    return rows


def _lateness(lab: Lab, size: Size, name: str, *, goal: float, callbacks: bool) -> list[Row]:
    lab.start_workers(vton=VTON | {"WEBHOOKS": callbacks})
    # What each process imports and the database plans at first use is no part of a rate.
    _trickle(lab, replace(size, number=WARM_UP))
    lab.wait_for_rest(seconds=PATIENCE)
    all_of_them, seen = _trickle(lab, size)
    lab.wait_for_rest(seconds=PATIENCE)
    lab.stop("workers")
    done = {
        entry["request_id"]: datetime.fromisoformat(entry["ended"]).timestamp()
        for entry in lab.ask_gateway("GET", "ledger")["submits"]
    }
    books = lab.do("books")
    done_of = {row["request"]: done[row["vendor_id"]] for row in books["attempts"]}
    late = [row["ended"] - done_of[row["id"]] for row in books["requests"] if row["id"] in all_of_them]
    looks = [at - done_of[try_on] for try_on, at in seen.items()]
    note = f"{size.number} try-ons at {size.rate:g} a second, {size.seconds:g} s each"
    looking = f"{len(looks)} shoppers who ask every {STEP:g} s"
    return [
        at_most(f"{name}, median", median(late), "s", goal=goal, note=note),
        at_most(f"{name}, 95th", quantiles(late, n=20)[-1], "s", goal=goal),
        at_most(f"{name}, until the API shows it, median", median(looks), "s", goal=goal, note=looking),
    ]


def _trickle(lab: Lab, size: Size) -> tuple[set[str], dict[str, float]]:
    """Put them in, and look at some of them; the ids of all, and when those were seen."""
    ids: list[str] = []
    seen: dict[str, Future[float]] = {}
    with ThreadPoolExecutor(32) as crowd:
        said = lab.stream("trickle", number=size.number, rate=size.rate)
        session = next(said)
        for try_on in said:
            if len(ids) % size.looked_at == 0:
                seen[try_on] = crowd.submit(_look, lab.url, session, try_on, size.seconds)
            ids.append(try_on)
    return set(ids), {try_on: future.result() for try_on, future in seen.items()}


def _look(url: str, session: str, try_on: str, seconds: float) -> float:
    """When the API first says that it is completed."""
    time.sleep(seconds)
    began = time.monotonic()
    with httpx.Client(base_url=url, cookies={"sessionid": session}, trust_env=False) as http:
        while (waited := time.monotonic() - began) < PATIENCE:
            with suppress(httpx.TransportError):  # A kept connection that the server closes: asked again.
                answer = http.get(f"/try-on/api/try-ons/{try_on}/").raise_for_status().json()
                if answer["status"] == "completed":
                    assert answer["images"]
                    return time.time()
            # Where the goal is missed by far, the looks themselves would be the load.
            time.sleep(STEP if waited < 10 else 20 * STEP)
    raise AssertionError(f"{try_on} is not completed after {PATIENCE:g} s")
