"""Whether workers are alive. `DispatcherLease.seen_at` records when one was last seen."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from ..models import DispatcherLease
from .dispatcher_leases import EXPIRED

GONE_AFTER = timedelta(minutes=5)
"""If no worker was seen for this long, no photo is accepted, since no worker would render it."""

RECENT = timedelta(minutes=2)
"""Longer than the minute between two scheduled wake-ups, at which workers are seen."""


def record_heartbeat() -> None:
    """Record that a worker is alive, even if there is no work."""
    now = timezone.now()
    if not DispatcherLease.objects.filter(number=1).update(seen_at=now):
        first = DispatcherLease(number=1, seen_at=now, lease_until=EXPIRED)
        DispatcherLease.objects.bulk_create([first], ignore_conflicts=True)


def workers_are_gone() -> bool:
    """Whether workers were seen before, but not within `GONE_AFTER`."""
    seen = last_seen()
    return seen is not None and seen < timezone.now() - GONE_AFTER


def workers_seen_recently() -> bool:
    """Whether a worker was seen within the last two scheduled wake-ups; False if none was ever seen."""
    seen = last_seen()
    return seen is not None and seen > timezone.now() - RECENT


def last_seen() -> datetime | None:
    """When a worker was last seen; None if never."""
    seen: datetime | None = DispatcherLease.objects.aggregate(last=Max("seen_at"))["last"]
    return seen
