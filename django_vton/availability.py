"""Whether try-on can be offered at all: the truth for the dialog, a cached word of it for the pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.core.cache import cache
from django.db import DatabaseError, transaction
from django.db.models import Max
from django.utils import timezone

from . import budget, engines, pictures
from .conf import config
from .exceptions import Refused
from .models import PauseSwitch, PumpSlot

if TYPE_CHECKING:
    from .products import Described

FLAG = "vton.switched_off"
FLAG_SECONDS = 60
SILENCE = timedelta(minutes=5)
"""So long may workers be silent before no more photos are taken that nobody would render."""
LATELY = timedelta(minutes=2)
"""The schedule rings every minute."""


def require_open() -> None:
    """Raise Refused where the shop has it switched off, paused, or not set up."""
    if not config.ENABLED:
        raise Refused("product_not_enabled", status=503)
    if not config.is_configured:
        raise Refused("not_configured", retry_after=3600)
    if PauseSwitch.objects.filter(is_paused=True).exists():
        raise Refused("paused", retry_after=300)


def require() -> None:
    """Raise Refused, with the reason's code, where nothing can be accepted now."""
    require_open()
    budget.require_room()
    if workers_are_gone():
        raise Refused("unavailable", retry_after=60)


def require_for(described: Described) -> None:
    """Raise Refused where this product cannot be tried on now: also where its render is past the budget."""
    require()
    if not described.is_enabled:
        raise Refused("product_not_enabled", field="product")
    budget.require_room(engines.price(described.engine.name, described.options({})))
    pictures.require_usable(described)


def reason() -> str | None:
    """The code of that refusal, or None if all is well."""
    try:
        require()
    except Refused as refusal:
        return refusal.code
    return None


def workers_are_gone() -> bool:
    """Whether workers were seen before, and none lately. Idle ones are seen too: a schedule rings."""
    seen = _seen_at()
    return seen is not None and seen < timezone.now() - SILENCE


def worked_lately() -> bool:
    """Whether a worker was seen within the last round of the schedule; False where there never was one."""
    seen = _seen_at()
    return seen is not None and seen > timezone.now() - LATELY


def _seen_at() -> datetime | None:
    seen: datetime | None = PumpSlot.objects.aggregate(last=Max("seen_at"))["last"]
    return seen


def switched_off() -> str:
    """For buttons on pages: the reason, or "". At most 60 s old, one look into the cache.

    A broken database hides them.

    A queue that died cannot tell of itself, so the page that looks anew looks for incidents as well: after
    its own transaction, where a failure is logged and harms nothing.
    """
    flag = cache.get(FLAG)
    if flag is None:
        from .incidents import watch

        try:
            flag = reason() or ""
            transaction.on_commit(watch, robust=True)
        except DatabaseError:
            flag = "unavailable"
        cache.set(FLAG, flag, FLAG_SECONDS)
    return str(flag)


def forget() -> None:
    """Make the next page look anew: the switch was moved, or the last cent was spent."""
    cache.delete(FLAG)
