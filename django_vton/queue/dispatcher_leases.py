"""Leases that limit how many dispatchers run at the same time.

They do not prevent two dispatchers from doing the same work; the compare-and-swap on each try-on row does.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from .. import lifecycle
from ..conf import config
from ..models import DispatcherLease
from ..utils import clock, database

LEASE_DURATION = timedelta(seconds=15)
"""The time without a renewal after which another dispatcher may take the lease."""

RENEW_INTERVAL_SECONDS = 5.0

EXPIRED = datetime(2000, 1, 1, tzinfo=UTC)
"""The `lease_until` of a free lease."""

SET_BACK_TOLERANCE = timedelta(seconds=5)
"""How far ahead a stored time may be before the clock counts as set back."""


def acquire() -> DispatcherLease | None:
    """Take a free lease; return None if enough dispatchers are running."""
    seen = record_time()
    now = seen["seen_at"]
    token = secrets.token_hex(16)
    numbers = range(1, config.DISPATCHERS + 1)
    if DispatcherLease.objects.filter(number__in=numbers).count() < config.DISPATCHERS:
        missing = [DispatcherLease(number=number, lease_until=EXPIRED) for number in numbers]
        DispatcherLease.objects.bulk_create(missing, ignore_conflicts=True)
    for number in numbers:
        free = DispatcherLease.objects.exclude(_is_held(now)).filter(number=number)
        if free.update(token=token, lease_until=now + LEASE_DURATION, **seen):
            return DispatcherLease(number=number, token=token)
    return None


def renew(lease: DispatcherLease) -> bool:
    """Extend the lease. Return False if it expired and another dispatcher has taken it."""
    seen = record_time()
    return bool(_held(lease).update(lease_until=seen["seen_at"] + LEASE_DURATION, **seen))


def release(lease: DispatcherLease) -> None:
    """End the lease, unless another dispatcher has taken it."""
    _held(lease).update(token="", lease_until=EXPIRED, seen_at=clock.now())


def count_held() -> int:
    """Return how many dispatchers are running."""
    return DispatcherLease.objects.filter(_is_held(clock.now())).count()


def record_time() -> dict[str, Any]:
    """Return the fields that tell when a worker was seen, and how far its host's clock is ahead.

    If a worker was seen in the future, the clock was set back, so bring forward what waits for that time.
    """
    now = clock.now()
    with database.atomic():
        if DispatcherLease.objects.filter(seen_at__gt=now + SET_BACK_TOLERANCE).update(seen_at=now):
            lifecycle.bring_forward(now)
    return {"seen_at": now, "host_lead": clock.host_lead().total_seconds()}


def _is_held(now: datetime) -> Q:
    """Return a filter for leases that are held. After the clock was set back, an old one can end too late."""
    return Q(lease_until__gt=now, lease_until__lte=now + LEASE_DURATION + SET_BACK_TOLERANCE)


def _held(lease: DispatcherLease) -> QuerySet[DispatcherLease]:
    return DispatcherLease.objects.filter(number=lease.number, token=lease.token)
