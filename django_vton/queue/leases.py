"""Places for running pumps: a lease that is renewed while its pump lives.

They only limit how many pumps look for work; what keeps them from doing the same work is each row's swap.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from ..conf import config
from ..models import DispatcherLease

DISPATCHER_LEASE = timedelta(seconds=15)
"""So long a place is kept for a pump that is silent; the lease of a try-on is in `claims`."""

RENEW_SECONDS = 5.0

FREE = datetime(2000, 1, 1, tzinfo=UTC)
"""The lease of a free place: over for everybody, also for who read the clock a moment before."""


def acquire() -> DispatcherLease | None:
    """A free place, or None where enough pumps are running."""
    now = timezone.now()
    token = secrets.token_hex(16)
    numbers = range(1, config.DISPATCHERS + 1)
    if DispatcherLease.objects.filter(number__in=numbers).count() < config.DISPATCHERS:
        missing = [DispatcherLease(number=number, lease_until=FREE) for number in numbers]
        DispatcherLease.objects.bulk_create(missing, ignore_conflicts=True)
    for number in numbers:
        free = DispatcherLease.objects.filter(number=number, lease_until__lte=now)
        if free.update(token=token, lease_until=now + DISPATCHER_LEASE, seen_at=now):
            return DispatcherLease(number=number, token=token)
    return None


def renew(slot: DispatcherLease) -> bool:
    """Keep the place; False where another pump has it, since this one was silent for too long."""
    now = timezone.now()
    mine = DispatcherLease.objects.filter(number=slot.number, token=slot.token)
    return bool(mine.update(lease_until=now + DISPATCHER_LEASE, seen_at=now))


def release(slot: DispatcherLease) -> None:
    """Give the place back."""
    now = timezone.now()
    DispatcherLease.objects.filter(number=slot.number, token=slot.token).update(
        token="", lease_until=FREE, seen_at=now
    )
