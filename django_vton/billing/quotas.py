"""How many pictures a shopper, and an address, may order: counters that only conditional updates move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F
from django.utils.crypto import salted_hmac

from ..conf import Rate, config
from ..exceptions import QuotaExceeded, Refused
from ..models import Quota, Shopper, TryOnRequest
from ..utils.periods import seconds_until, window

if TYPE_CHECKING:
    from datetime import datetime


OLDEST_WINDOW = timedelta(days=40)
"""Longer than any window lasts."""

WIDER = {"ip56": 2, "ip48": 3}
"""How often the wider networks of an IPv6 address may use `IP_QUOTA`: a /48 may be one home or one firm.

At the defaults no such network can use up the default daily cap, and so end try-on for all others.
"""

SHARED = 10
"""How many times a quota may be used by what costs nothing: renders that are shared, or there already."""

IN_FLIGHT_PER_ADDRESS = 10
"""How many times `IN_FLIGHT` may run for one address, behind which there may be an office."""

SHARE_IN_FLIGHT = 3
"""A shop that gives an address a larger quota lets a third of it run at once."""


def _limits(shopper: Shopper | None, addresses: Sequence[str]) -> list[tuple[str, Rate]]:
    """Each key that counts, with its limit; an address key begins with the kind of its network."""
    found = []
    if config.quota is not None:
        # Somebody who is not a shopper yet has used nothing.
        found.append((_key(shopper) if shopper else "", config.quota))
    if config.ip_quota is not None:
        found += [(it, _times(config.ip_quota, WIDER.get(it.partition(":")[0], 1))) for it in addresses]
    return found


def _key(shopper: Shopper) -> str:
    """Under which key this shopper counts.

    A user who is erased and comes back is another shopper: their key is made of the account, as a keyed hash,
    so that an erasure makes no room and what stays of it names nobody.
    """
    if shopper.user_id is None:
        return f"shopper:{shopper.pk}"
    digest = salted_hmac("django_vton.quota", str(shopper.user_id), algorithm="sha256").hexdigest()
    return f"shopper:{digest}"


def _times(rate: Rate, factor: int) -> Rate:
    return replace(rate, limit=rate.limit * factor)


def take(shopper: Shopper, addresses: Sequence[str], pictures: int) -> list[int]:
    """Count ordered pictures for this shopper and address; returns the rows to give back to.

    Raises QuotaExceeded. Call it in the transaction that accepts: it rolls back with it.
    """
    return [_take(key, rate, pictures) for key, rate in _limits(shopper, addresses)]


def take_shared(shopper: Shopper, addresses: Sequence[str]) -> None:
    """Count a try-on that costs nothing, in counters of their own with more room. Raises QuotaExceeded."""
    for key, rate in _limits(shopper, addresses):
        _take(f"shared:{key}", _times(rate, SHARED), 1)


def require_room(shopper: Shopper | None, addresses: Sequence[str], pictures: int) -> None:
    """Raise QuotaExceeded where `take` would, as far as can be told without writing."""
    for key, rate in _limits(shopper, addresses):
        start, end = window(rate.period)
        used = Quota.objects.filter(key=key, window=start).values_list("used", flat=True).first() or 0
        if used + pictures > rate.limit:
            raise QuotaExceeded(seconds_until(end))


def count(key: str, rate: Rate) -> None:
    """Count one of something else than a try-on, such as a link to a phone. Raises QuotaExceeded."""
    _take(key, rate, 1)


def _take(key: str, rate: Rate, amount: int) -> int:
    start, end = window(rate.period)
    found = Quota.objects.filter(key=key, window=start).values_list("pk", flat=True)
    pk = found.first()
    if pk is None:
        Quota.objects.bulk_create([Quota(key=key, window=start)], ignore_conflicts=True)
        pk = found.get()
    room = Quota.objects.filter(pk=pk, used__lte=rate.limit - amount)
    if not room.update(used=F("used") + amount):
        raise QuotaExceeded(seconds_until(end))
    return pk


def give_back(request: TryOnRequest) -> None:
    """It cost nothing, so it does not count. Once: a second call, or a stale copy, changes nothing."""
    with transaction.atomic():
        rows = TryOnRequest.objects.select_for_update().filter(pk=request.pk)
        counted_in, pictures = rows.values_list("counted_in", "counted_images").get()
        for pk in counted_in:  # In the order in which they were taken.
            Quota.objects.filter(pk=pk, used__gte=pictures).update(used=F("used") - pictures)
        rows.update(counted_in=[], counted_images=0)
    request.counted_in, request.counted_images = [], 0


def check_in_flight(shopper: Shopper | None, addresses: Sequence[str] = ()) -> None:
    """Raise `in_flight_limit` where enough try-ons of this shopper, or from this address, are running."""
    active = TryOnRequest.objects.active()
    is_full = shopper is not None and active.filter(shopper=shopper).count() >= config.IN_FLIGHT
    if not is_full and addresses and config.ip_quota is not None:
        most = max(config.IN_FLIGHT * IN_FLIGHT_PER_ADDRESS, config.ip_quota.limit // SHARE_IN_FLIGHT)
        is_full = active.filter(address_key=addresses[0]).count() >= most
    if is_full:
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
    keys = {f"{kind}{_key(guest)}": f"{kind}{_key(user)}" for kind in ("", "shared:")}
    for row in Quota.objects.select_for_update().filter(key__in=keys):
        mine, _created = Quota.objects.get_or_create(key=keys[row.key], window=row.window)
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
