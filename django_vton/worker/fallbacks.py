"""Find the due try-ons of stopped or paused engines whose products have a second engine, and move them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from .. import lifecycle
from ..gateway import circuit_breaker
from ..gateway.engines import engines
from ..models import TryOnRequest
from ..models.states import State

MAX_MOVES = 20
"""The maximum number of try-ons that one polling cycle moves, so that polls and submits are not delayed."""


def movable(now: datetime) -> Q:
    """Return a filter for due try-ons that wait for their engine, but not for their second engine."""
    paused = circuit_breaker.paused_engines(now)
    waits = Q(state=State.QUEUED, due_at__lte=now, is_on_fallback=False, engine__in=paused)
    return waits & Q(other_engine__in=engines()) & ~Q(other_engine__in=paused)


def move_due(now: datetime) -> int:
    """Move due try-ons to their second engines, each in its own transaction. Return how many have moved."""
    due = TryOnRequest.objects.due(now).filter(movable(now))[:MAX_MOVES]
    return sum(lifecycle.fall_back_while_queued(request) for request in due)
