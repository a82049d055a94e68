"""Calls to the vendor per try-on, counted by the sandbox."""

from __future__ import annotations

import math

from django_vton.gateway import polling

from .deployment import Deployment
from .report import Row, at_most, exactly
from .throughput import VTON

POLL_INTERVAL_SECONDS = polling.FIRST_POLL_WITHOUT_CALLBACK.total_seconds()
"""Without callbacks we poll after 5 s and then every 5 s; the vendor asks for no more."""

NUMBER, RENDER_SECONDS = 100, 12.0
QUICK_NUMBER, QUICK_RENDER_SECONDS = 5, 1.0


def measure(*, quick: bool) -> list[Row]:
    """With and without callbacks."""
    number, seconds = (QUICK_NUMBER, QUICK_RENDER_SECONDS) if quick else (NUMBER, RENDER_SECONDS)
    fewest = 1 + math.ceil(max(0.0, seconds - POLL_INTERVAL_SECONDS) / POLL_INTERVAL_SECONDS)
    with Deployment(seconds=seconds) as deployment:
        deployment.start_web_server()
        return [
            *_calls(deployment, "with callbacks", number, polls=1, callbacks=True),
            *_calls(deployment, "without callbacks", number, polls=fewest, callbacks=False),
        ]


def _calls(deployment: Deployment, name: str, number: int, *, polls: int, callbacks: bool) -> list[Row]:
    deployment.call_gateway("POST", "reset")
    deployment.start_workers(vton=VTON | {"WEBHOOKS": callbacks})
    deployment.call("enqueue", number=number)
    deployment.wait_until_all_end(seconds=300)
    deployment.stop("workers")
    totals = deployment.call_gateway("GET", "ledger")["totals"]
    note = f"{number} try-ons of {deployment.seconds:g} s each"
    return [
        exactly(f"{name}, submits", totals["submits"] / number, "per try-on", goal=1, note=note),
        at_most(f"{name}, polls", totals["asks"] / number, "per try-on", goal=polls),
        exactly(f"{name}, downloads", totals["media_fetches"] / number, "per try-on", goal=1),
    ]
