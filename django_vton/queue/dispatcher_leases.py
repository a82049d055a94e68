"""Leases that limit how many dispatchers run at the same time.

They do not prevent two dispatchers from doing the same work; the compare-and-swap on each try-on row does.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet

from ..conf import config
from ..models import DispatcherLease
from ..utils import clock

LEASE_DURATION = timedelta(seconds=15)
"""The time without a renewal after which another dispatcher may take the lease."""

RENEW_INTERVAL_SECONDS = 5.0

EXPIRED = datetime(2000, 1, 1, tzinfo=UTC)
"""The `lease_until` of a free lease: long past, so that clock differences do not matter."""


def acquire() -> DispatcherLease | None:
    """Take a free lease; return None if enough dispatchers are running."""
    now = clock.now()
    token = secrets.token_hex(16)
    numbers = range(1, config.DISPATCHERS + 1)
    if DispatcherLease.objects.filter(number__in=numbers).count() < config.DISPATCHERS:
        missing = [DispatcherLease(number=number, lease_until=EXPIRED) for number in numbers]
        DispatcherLease.objects.bulk_create(missing, ignore_conflicts=True)
    for number in numbers:
        free = DispatcherLease.objects.filter(number=number, lease_until__lte=now)
        if free.update(token=token, lease_until=now + LEASE_DURATION, seen_at=now):
            return DispatcherLease(number=number, token=token)
    return None


def renew(lease: DispatcherLease) -> bool:
    """Extend the lease. Return False if it expired and another dispatcher has taken it."""
    now = clock.now()
    return bool(_held(lease).update(lease_until=now + LEASE_DURATION, seen_at=now))


def release(lease: DispatcherLease) -> None:
    """End the lease, unless another dispatcher has taken it."""
    _held(lease).update(token="", lease_until=EXPIRED, seen_at=clock.now())


def _held(lease: DispatcherLease) -> QuerySet[DispatcherLease]:
    return DispatcherLease.objects.filter(number=lease.number, token=lease.token)
