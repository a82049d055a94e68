"""How many try-ons a shopper, and an address, may have: counters that only conditional updates move."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F

from .clock import seconds_until, window
from .conf import Rate, config
from .exceptions import QuotaExceeded, Refused
from .models import Quota, Shopper, TryOnRequest

if TYPE_CHECKING:
    from datetime import datetime


OLDEST_WINDOW = timedelta(days=40)
"""Longer than any window lasts."""


def _key(shopper: Shopper) -> str:
    return f"shopper:{shopper.pk}"


def take(shopper: Shopper, address_key: str) -> list[int]:
    """Count one try-on for this shopper and address; returns the rows to give back to.

    Raises QuotaExceeded. Call it in the transaction that accepts: it rolls back with it.
    """
    rows = [_take(_key(shopper), config.quota), _take(address_key, config.ip_quota)]
    return [row for row in rows if row is not None]


def count(key: str, rate: Rate) -> None:
    """Count one of something else than a try-on, such as a link to a phone. Raises QuotaExceeded."""
    _take(key, rate)


def _take(key: str, rate: Rate | None) -> int | None:
    if rate is None or not key:
        return None
    start, end = window(rate.period)
    found = Quota.objects.filter(key=key, window=start).values_list("pk", flat=True)
    pk = found.first()
    if pk is None:
        Quota.objects.bulk_create([Quota(key=key, window=start)], ignore_conflicts=True)
        pk = found.get()
    if not Quota.objects.filter(pk=pk, used__lt=rate.limit).update(used=F("used") + 1):
        raise QuotaExceeded(seconds_until(end))
    return pk


def give_back(request: TryOnRequest) -> None:
    """It cost nothing, so it does not count. Once: a second call, or a stale copy, changes nothing."""
    with transaction.atomic():
        rows = TryOnRequest.objects.select_for_update().filter(pk=request.pk)
        for pk in rows.values_list("counted_in", flat=True).get():  # in the order in which they were taken
            Quota.objects.filter(pk=pk, used__gt=0).update(used=F("used") - 1)
        rows.update(counted_in=[])
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
    """A guest logged in: what was used as a guest counts for the user from now on.

    Call it in the transaction that moves the guest's try-ons, and before they move.
    """
    running = list(guest.try_ons.active().select_for_update())
    for row in Quota.objects.select_for_update().filter(key=_key(guest)):
        mine, _created = Quota.objects.get_or_create(key=_key(user), window=row.window)
        Quota.objects.filter(pk=mine.pk).update(used=F("used") + row.used)
        for request in running:  # What is given back later has to come off the user's count.
            request.counted_in = [mine.pk if pk == row.pk else pk for pk in request.counted_in]
        row.delete()
    TryOnRequest.objects.bulk_update(running, ["counted_in"])


def purge(now: datetime) -> int:
    """Delete the counts of windows that are long over; how many."""
    return Quota.objects.filter(window__lt=now - OLDEST_WINDOW).delete()[0]


def used_by(shopper: Shopper) -> list[dict[str, Any]]:
    """`{"window", "used"}` of each count that is still kept, the oldest first."""
    rows = Quota.objects.filter(key=_key(shopper)).order_by("window")
    return [{"window": row.window.isoformat(), "used": row.used} for row in rows]
