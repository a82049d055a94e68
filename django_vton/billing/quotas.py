"""Limit the number of images that a shopper or an IP address may order, with counters in the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils.crypto import salted_hmac

from ..conf import Rate, config
from ..exceptions import QuotaExceeded, Refused
from ..models import Quota, Shopper, TryOnRequest
from ..utils import database
from ..utils.periods import period_bounds, seconds_until

RETENTION = timedelta(days=40)
"""The time for which counters are kept. It is longer than the longest window, a month."""

IPV6_NETWORK_FACTORS = {"ip56": 2, "ip48": 3}
"""The quotas of the networks around an IPv6 address, as multiples of `IP_QUOTA`.

A network may be one home or one firm. With the default settings, none can use up the default daily budget.
"""

SHARED_FACTOR = 10
"""The quota for try-ons with a shared render, which cost nothing, as a multiple of the usual quota."""

IN_FLIGHT_IP_FACTOR = 10
"""The multiple of `IN_FLIGHT` that may run for one IP address, since an office can share it."""

IN_FLIGHT_QUOTA_DIVISOR = 3
"""`IP_QUOTA` divided by this may run for one IP address, if that is more than the factor allows."""


def _limits(shopper: Shopper | None, addresses: Sequence[str]) -> list[tuple[str, Rate]]:
    """Return the keys of the counters with their limits. The prefix of an address key tells its network."""
    limits = []
    if config.quota is not None:
        # A visitor without a `Shopper` has used nothing yet, and no counter has an empty key.
        limits.append((_key(shopper) if shopper else "", config.quota))
    if config.ip_quota is not None:
        for key in addresses:
            factor = IPV6_NETWORK_FACTORS.get(key.partition(":")[0], 1)
            limits.append((key, replace(config.ip_quota, limit=config.ip_quota.limit * factor)))
    return limits


def _key(shopper: Shopper) -> str:
    """Return the key of a shopper's counter.

    An erased user who returns gets a new `Shopper`. Therefore a user's key is a keyed hash of the account: an
    erasure does not reset the quota, and the remaining counter does not identify the user.
    """
    if shopper.user_id is None:
        return f"shopper:{shopper.pk}"
    digest = salted_hmac("django_vton.quota", str(shopper.user_id), algorithm="sha256").hexdigest()
    return f"shopper:{digest}"


def consume(shopper: Shopper, addresses: Sequence[str], image_count: int) -> list[int]:
    """Count ordered images for this shopper and these addresses. Return the ids of the counters for `refund`.

    Call this in the transaction that accepts the try-on, so that both are rolled back together. Raise
    `QuotaExceeded` if a counter would exceed its limit.
    """
    return [consume_key(key, rate, image_count) for key, rate in _limits(shopper, addresses)]


def consume_shared(shopper: Shopper, addresses: Sequence[str]) -> None:
    """Count a free try-on in separate counters. Raise `QuotaExceeded` if one would exceed its limit."""
    for key, rate in _limits(shopper, addresses):
        consume_key(f"shared:{key}", replace(rate, limit=rate.limit * SHARED_FACTOR))


def require_available(shopper: Shopper | None, addresses: Sequence[str], image_count: int) -> None:
    """Raise `QuotaExceeded` if `consume` would raise it now, but count nothing."""
    for key, rate in _limits(shopper, addresses):
        start, end = period_bounds(rate.period)
        if _used(key, start) + image_count > rate.limit:
            raise QuotaExceeded(seconds_until(end))


def consume_key(key: str, rate: Rate, amount: int = 1) -> int:
    """Add `amount` to the counter of this key, and return its id. Raise `QuotaExceeded` above the limit."""
    start, end = period_bounds(rate.period)
    counters = Quota.objects.filter(key=key, window_start=start).values_list("pk", flat=True)
    pk = counters.first()
    if pk is None:
        Quota.objects.bulk_create([Quota(key=key, window_start=start)], ignore_conflicts=True)
        pk = counters.get()
    room = Quota.objects.filter(pk=pk, used__lte=rate.limit - amount)
    if not room.update(used=F("used") + amount):
        raise QuotaExceeded(seconds_until(end))
    return pk


def refund(request: TryOnRequest) -> None:
    """Subtract a try-on that cost nothing from its counters. A second call changes nothing."""
    with database.atomic():
        rows = TryOnRequest.objects.select_for_update().filter(pk=request.pk)
        quota_ids, image_count = rows.values_list("quota_ids", "counted_images").get()
        for pk in quota_ids:  # In the order of `consume`, to avoid deadlocks.
            Quota.objects.filter(pk=pk, used__gte=image_count).update(used=F("used") - image_count)
        rows.update(quota_ids=[], counted_images=0)
    request.quota_ids, request.counted_images = [], 0


def check_in_flight(shopper: Shopper | None, addresses: Sequence[str] = ()) -> None:
    """Raise `Refused("in_flight_limit")` if too many try-ons of this shopper or IP address are running."""
    active = TryOnRequest.objects.active()
    is_full = shopper is not None and active.filter(shopper=shopper).count() >= config.IN_FLIGHT
    if not is_full and addresses and config.ip_quota is not None:
        limit = max(config.IN_FLIGHT * IN_FLIGHT_IP_FACTOR, config.ip_quota.limit // IN_FLIGHT_QUOTA_DIVISOR)
        is_full = active.filter(address_key=addresses[0]).count() >= limit
    if is_full:
        raise Refused("in_flight_limit", retry_after=10)


def quota_status(shopper: Shopper | None) -> dict[str, Any]:
    """Return `{"limit", "remaining", "resets_at"}` for the dialog. All are None if there is no quota."""
    rate = config.quota
    if rate is None:
        return {"limit": None, "remaining": None, "resets_at": None}
    start, end = period_bounds(rate.period)
    used = _used(_key(shopper), start) if shopper else 0
    return {"limit": rate.limit, "remaining": max(0, rate.limit - used), "resets_at": end.isoformat()}


def _used(key: str, start: datetime) -> int:
    return Quota.objects.filter(key=key, window_start=start).values_list("used", flat=True).first() or 0


def merge_guest(guest: Shopper, user: Shopper) -> None:
    """Add a guest's counters to those of the user who has logged in.

    Call this in the transaction that moves the guest's try-ons, before they are moved.
    """
    running = list(guest.try_ons.active().select_for_update())
    keys = {f"{prefix}{_key(guest)}": f"{prefix}{_key(user)}" for prefix in ("", "shared:")}
    for counter in Quota.objects.select_for_update().filter(key__in=keys):
        target, _created = Quota.objects.get_or_create(
            key=keys[counter.key], window_start=counter.window_start
        )
        Quota.objects.filter(pk=target.pk).update(used=F("used") + counter.used)
        for request in running:  # A later refund must reduce the user's counter.
            request.quota_ids = [target.pk if pk == counter.pk else pk for pk in request.quota_ids]
        counter.delete()
    TryOnRequest.objects.bulk_update(running, ["quota_ids"])


def purge(now: datetime) -> int:
    """Delete old counters and return their number."""
    return Quota.objects.filter(window_start__lt=now - RETENTION).delete()[0]


def export_usage(shopper: Shopper) -> list[dict[str, Any]]:
    """Return `{"window", "used"}` for each counter that is still kept, the oldest first."""
    counters = Quota.objects.filter(key=_key(shopper)).order_by("window_start")
    return [{"window": counter.window_start.isoformat(), "used": counter.used} for counter in counters]
