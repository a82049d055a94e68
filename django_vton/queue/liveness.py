"""Record and tell whether workers are alive, and whether another project takes their tasks."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Max

from ..models import DispatcherLease, FailedCheck
from ..utils import clock, database
from .dispatcher_leases import EXPIRED, record_time

GONE_AFTER = timedelta(minutes=5)
"""The time without a worker after which no more try-ons are accepted."""

RECENT = timedelta(minutes=2)
"""The time in which a running worker is seen at least once, since it is woken every minute."""


@database.retry
def record_heartbeat() -> None:
    """Record that a worker is alive, even if there is no work."""
    seen = record_time()
    if not DispatcherLease.objects.filter(number=1).update(**seen):
        first = DispatcherLease(number=1, lease_until=EXPIRED, **seen)
        DispatcherLease.objects.bulk_create([first], ignore_conflicts=True)


def record_foreign_task() -> None:
    """Record that a worker has found a task of another project in its queue, and could not run it."""
    FailedCheck.objects.update_or_create(name="queue", defaults={"since": clock.now()})


def workers_seen_recently() -> bool:
    """Return whether a worker was seen in the last two minutes."""
    seen = last_seen()
    return seen is not None and seen > clock.now() - RECENT


def last_seen() -> datetime | None:
    """Return when a worker was last seen, or None if none was."""
    seen: datetime | None = DispatcherLease.objects.aggregate(last=Max("seen_at"))["last"]
    return seen
