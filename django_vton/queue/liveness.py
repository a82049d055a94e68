"""Whether workers are alive: the time when one was last seen is kept beside the dispatchers' leases."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from ..models import DispatcherLease
from .leases import FREE

GONE_AFTER = timedelta(minutes=5)
"""After this silence no more photos are accepted, since nothing would render them."""

RECENT = timedelta(minutes=2)
"""Longer than the minute between two scheduled wake-ups."""


def record_heartbeat() -> None:
    """Record that a worker is alive, even if there is nothing to do."""
    now = timezone.now()
    if not DispatcherLease.objects.filter(number=1).update(seen_at=now):
        first = DispatcherLease(number=1, seen_at=now, lease_until=FREE)
        DispatcherLease.objects.bulk_create([first], ignore_conflicts=True)


def workers_are_gone() -> bool:
    """Whether workers were seen before, but not in the last five minutes. Idle workers are seen every minute."""
    seen = _last_seen()
    return seen is not None and seen < timezone.now() - GONE_AFTER


def seen_recently() -> bool:
    """Whether a worker was seen since the last scheduled wake-up; False if there never was one."""
    seen = _last_seen()
    return seen is not None and seen > timezone.now() - RECENT


def _last_seen() -> datetime | None:
    seen: datetime | None = DispatcherLease.objects.aggregate(last=Max("seen_at"))["last"]
    return seen
