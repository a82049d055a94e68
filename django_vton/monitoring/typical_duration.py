"""Figures that a shop gathers by itself: so far, how long renders take."""

from __future__ import annotations

from math import ceil
from statistics import median

from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured

from ..gateway.engines import get_engine
from ..models import TryOnRequest
from ..models.states import State

RECENT = 50
LOOKED_AT = 500
"""The newest of an engine's try-ons: how long it took before those says nothing any more."""

CACHE_SECONDS = 60
A_GUESS = 20
"""Seconds, for old try-ons of an engine that the shop has no more."""


def typical_seconds(engine: str) -> int:
    """The median of the last completed renders from the submit to the stored pictures, in whole seconds.

    The engine's own first guess while there are none. At most a minute old.
    """
    key = f"vton.typical.{engine}"
    known: int | None = cache.get(key)
    if known is None:
        known = _measured(engine) or _guessed(engine)
        cache.set(key, known, CACHE_SECONDS)
    return known


def _measured(engine: str) -> int:
    rows = TryOnRequest.objects.filter(engine=engine).order_by("-created_at")
    spans = [
        (finished - started).total_seconds()
        for state, started, finished in rows.values_list("state", "started_at", "finished_at")[:LOOKED_AT]
        if state == State.COMPLETED and started and finished
    ]
    return max(1, ceil(median(spans[:RECENT]))) if spans else 0


def _guessed(engine: str) -> int:
    try:
        return get_engine(engine).typical_seconds
    except ImproperlyConfigured:
        return A_GUESS
