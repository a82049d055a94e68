"""Places for running pumps: a lease that is renewed while its pump lives.

They only limit how many pumps look for work; what keeps them from doing the same work is each row's swap.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from .conf import config
from .models import PumpSlot

PLACE_LEASE = timedelta(seconds=15)
"""So long a place is kept for a pump that is silent; the lease of a try-on is in `claims`."""

RENEW_SECONDS = 5.0

FREE = datetime(2000, 1, 1, tzinfo=UTC)
"""The lease of a free place: over for everybody, also for who read the clock a moment before."""


def take() -> PumpSlot | None:
    """A free place, or None where enough pumps are running."""
    now = timezone.now()
    token = secrets.token_hex(16)
    numbers = range(1, config.PUMPS + 1)
    if PumpSlot.objects.filter(number__in=numbers).count() < config.PUMPS:
        missing = [PumpSlot(number=number, lease_until=FREE) for number in numbers]
        PumpSlot.objects.bulk_create(missing, ignore_conflicts=True)
    for number in numbers:
        free = PumpSlot.objects.filter(number=number, lease_until__lte=now)
        if free.update(token=token, lease_until=now + PLACE_LEASE, seen_at=now):
            return PumpSlot(number=number, token=token)
    return None


def renew(slot: PumpSlot) -> bool:
    """Keep the place; False where another pump has it, since this one was silent for too long."""
    now = timezone.now()
    mine = PumpSlot.objects.filter(number=slot.number, token=slot.token)
    return bool(mine.update(lease_until=now + PLACE_LEASE, seen_at=now))


def release(slot: PumpSlot) -> None:
    """Give the place back."""
    now = timezone.now()
    PumpSlot.objects.filter(number=slot.number, token=slot.token).update(
        token="", lease_until=FREE, seen_at=now
    )


def note_worker() -> None:
    """A worker lives, though nothing is to be done: the shop may go on taking photos."""
    now = timezone.now()
    if not PumpSlot.objects.filter(number=1).update(seen_at=now):
        PumpSlot.objects.bulk_create(
            [PumpSlot(number=1, seen_at=now, lease_until=FREE)], ignore_conflicts=True
        )
