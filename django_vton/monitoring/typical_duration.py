"""How long renders of an engine usually take, measured from the shop's own try-ons."""

from __future__ import annotations

from math import ceil
from statistics import median

from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured

from ..gateway.engines import get_engine
from ..models import TryOnRequest
from ..models.states import State

SAMPLE = 50
"""How many completed renders the median is taken of."""

MAX_ROWS = 500
"""How many of the newest try-ons are searched for them; older durations say nothing about today's."""

CACHE_SECONDS = 60
FALLBACK_SECONDS = 20
"""For old try-ons of an engine that is no longer configured."""


def typical_seconds(engine: str) -> int:
    """Return the median duration from the submit to the stored images in whole seconds, cached for a minute.

    Without any completed render it is the engine's own estimate.
    """
    key = f"vton.typical.{engine}"
    seconds: int | None = cache.get(key)
    if seconds is None:
        seconds = _measure(engine) or _estimate(engine)
        cache.set(key, seconds, CACHE_SECONDS)
    return seconds


def _measure(engine: str) -> int:
    rows = TryOnRequest.objects.filter(engine=engine).order_by("-created_at")
    durations = [
        (finished - started).total_seconds()
        for state, started, finished in rows.values_list("state", "started_at", "finished_at")[:MAX_ROWS]
        if state == State.COMPLETED and started and finished
    ]
    return max(1, ceil(median(durations[:SAMPLE]))) if durations else 0


def _estimate(engine: str) -> int:
    try:
        return get_engine(engine).typical_seconds
    except ImproperlyConfigured:
        return FALLBACK_SECONDS
