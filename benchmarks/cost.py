"""Calls to the vendor for each try-on, counted by the sandbox."""

from __future__ import annotations

import math

from django_vton.gateway import polling

from .lab import Lab
from .report import Row, at_most, exactly
from .throughput import VTON

POLL = polling.FIRST_POLL_WITHOUT_CALLBACK.total_seconds()
"""Without callbacks the first ask comes after 5 s, and then one every 5 s: the vendor wants no more."""

NUMBER, SECONDS = 100, 12.0
QUICK_NUMBER, QUICK_SECONDS = 5, 1.0


def measure(*, quick: bool) -> list[Row]:
    """With callbacks and without."""
    number, seconds = (QUICK_NUMBER, QUICK_SECONDS) if quick else (NUMBER, SECONDS)
    fewest = 1 + math.ceil(max(0.0, seconds - POLL) / POLL)
    with Lab(seconds=seconds) as lab:
        lab.start_web()
        return [
            *_calls(lab, "with callbacks", number, asks=1, callbacks=True),
            *_calls(lab, "without callbacks", number, asks=fewest, callbacks=False),
        ]


def _calls(lab: Lab, name: str, number: int, *, asks: int, callbacks: bool) -> list[Row]:
    lab.ask_gateway("POST", "reset")
    lab.start_workers(vton=VTON | {"WEBHOOKS": callbacks})
    lab.do("queue", number=number)
    lab.wait_for_rest(seconds=300)
    lab.stop("workers")
    totals = lab.ask_gateway("GET", "ledger")["totals"]
    note = f"{number} try-ons of {lab.seconds:g} s each"
    return [
        exactly(f"{name}, submits", totals["submits"] / number, "each", goal=1, note=note),
        at_most(f"{name}, asks", totals["asks"] / number, "each", goal=asks),
        exactly(f"{name}, fetches", totals["media_fetches"] / number, "each", goal=1),
    ]
