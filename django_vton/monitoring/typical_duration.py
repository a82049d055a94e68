"""The usual duration of an engine's renders, measured from the shop's own try-ons."""

from __future__ import annotations

from math import ceil
from statistics import median

from ..gateway.engines import engines
from ..models import TryOnRequest
from ..models.states import State
from ..utils import cache

SAMPLE = 50
"""The maximum number of completed renders of which the median is taken."""

MAX_ROWS = 500
"""The maximum number of try-ons that are searched for completed renders, the newest first."""

CACHE_SECONDS = 60
FALLBACK_SECONDS = 20
"""The duration for old try-ons of an engine that is no longer configured."""


def typical_seconds(engine: str) -> int:
    """Return the median seconds from a submit to its stored images, cached for a minute.

    If no render has completed, return the engine's own estimate.
    """
    key = f"vton.typical.{engine}"
    seconds: int | None = cache.get(key)
    if seconds is None:
        seconds = _measure(engine)
        cache.set(key, seconds, CACHE_SECONDS)
    return seconds


def _measure(engine: str) -> int:
    rows = TryOnRequest.objects.filter(engine=engine).order_by("-created_at")
    durations = [
        (finished - started).total_seconds()
        for state, started, finished in rows.values_list("state", "started_at", "finished_at")[:MAX_ROWS]
        if state == State.COMPLETED and started and finished
    ]
    if durations:
        return max(1, ceil(median(durations[:SAMPLE])))
    return engines()[engine].typical_seconds if engine in engines() else FALLBACK_SECONDS
