"""How many try-ons a shopper, and an address, may have: counters that only conditional updates move."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.utils import timezone

from .clock import seconds_until, window
from .conf import Rate, config
from .exceptions import QuotaExceeded, Refused
from .models import Quota, Shopper, TryOnRequest

if TYPE_CHECKING:
    from datetime import datetime


def _key(shopper: Shopper) -> str:
    return f"shopper:{shopper.pk}"


def take(shopper: Shopper, address_key: str) -> list[int]:
    """Count one try-on for this shopper and address; returns the rows to give back to.

    Raises QuotaExceeded. Call it in the transaction that accepts: it rolls back with it.
    """
    rows = [_take(_key(shopper), config.quota), _take(address_key, config.ip_quota)]
    return [row for row in rows if row is not None]


def _take(key: str, rate: Rate | None) -> int | None:
    if rate is None or not key:
        return None
    start, end = window(rate.period)
    Quota.objects.bulk_create([Quota(key=key, window=start)], ignore_conflicts=True)
    row = Quota.objects.filter(key=key, window=start)
    if not row.filter(used__lt=rate.limit).update(used=F("used") + 1):
        raise QuotaExceeded(seconds_until(end))
    return row.values_list("pk", flat=True).get()


def give_back(request: TryOnRequest) -> None:
    """It cost nothing, so it does not count. Call it once: where the money was freed."""
    Quota.objects.filter(pk__in=request.counted_in, used__gt=0).update(used=F("used") - 1)
    TryOnRequest.objects.filter(pk=request.pk).update(counted_in=[])
    request.counted_in = []


def check_in_flight(shopper: Shopper) -> None:
    """Raise `in_flight_limit` where enough of this shopper's try-ons are running."""
    if TryOnRequest.objects.active().filter(shopper=shopper).count() >= config.IN_FLIGHT:
        raise Refused("in_flight_limit", retry_after=10)


def state_of(shopper: Shopper | None) -> dict[str, Any]:
    """`{"limit", "remaining", "resets_at"}` for the dialog; all null where there is no quota."""
    rate = config.quota
    if rate is None:
        return {"limit": None, "remaining": None, "resets_at": None}
    start, end = window(rate.period)
    used = _used(shopper, start)
    return {"limit": rate.limit, "remaining": max(0, rate.limit - used), "resets_at": end.isoformat()}


def _used(shopper: Shopper | None, start: datetime) -> int:
    if shopper is None:
        return 0
    row = Quota.objects.filter(key=_key(shopper), window=start).first()
    return row.used if row else 0


def merge(guest: Shopper, user: Shopper) -> None:
    """A guest logged in: what was used as a guest counts for the user from now on."""
    for row in Quota.objects.filter(key=_key(guest), window__lte=timezone.now(), used__gt=0):
        mine, _created = Quota.objects.get_or_create(key=_key(user), window=row.window)
        Quota.objects.filter(pk=mine.pk).update(used=F("used") + row.used)
