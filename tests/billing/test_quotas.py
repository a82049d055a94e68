from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton import lifecycle
from django_vton.billing import quotas
from django_vton.exceptions import QuotaExceeded, Refused
from django_vton.models import Quota, Shopper, TryOnRequest
from django_vton.utils.periods import period_bounds, seconds_until, today

from ..intake_helpers import get_shopper, order_tryon, run_concurrently, user_visitor
from ..tryons import claim_for_submit, complete_tryon

if TYPE_CHECKING:
    from shop.models import Product

    from ..conftest import PhotoMaker, Vton


def used(key: str = "") -> list[int]:
    return sorted(Quota.objects.filter(key__startswith=key).values_list("used", flat=True))


# Windows --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "period", "now", "start", "end"),
    [
        ("Europe/Berlin", "day", "2026-06-30T21:59:59", "2026-06-29T22:00", "2026-06-30T22:00"),
        ("Europe/Berlin", "day", "2026-06-30T22:00:00", "2026-06-30T22:00", "2026-07-01T22:00"),
        ("Europe/Berlin", "day", "2026-10-25T12:00:00", "2026-10-24T22:00", "2026-10-25T23:00"),  # 25 hours
        ("Europe/Berlin", "day", "2026-03-29T12:00:00", "2026-03-28T23:00", "2026-03-29T22:00"),  # 23 hours
        ("Europe/Berlin", "month", "2026-03-31T21:59:59", "2026-02-28T23:00", "2026-03-31T22:00"),
        ("Europe/Berlin", "month", "2026-03-31T22:00:00", "2026-03-31T22:00", "2026-04-30T22:00"),
        ("Europe/Berlin", "month", "2026-12-31T22:59:00", "2026-11-30T23:00", "2026-12-31T23:00"),
        # In that night, 2:30 comes twice.
        ("Europe/Berlin", "hour", "2026-10-25T00:30:00", "2026-10-25T00:00", "2026-10-25T01:00"),
        ("Europe/Berlin", "hour", "2026-10-25T01:30:00", "2026-10-25T01:00", "2026-10-25T02:00"),
        ("Europe/Berlin", "hour", "2026-03-29T00:30:00", "2026-03-29T00:00", "2026-03-29T01:00"),
        ("Asia/Kolkata", "hour", "2026-01-01T00:10:00", "2025-12-31T23:30", "2026-01-01T00:30"),
        ("Asia/Kolkata", "minute", "2026-01-01T00:10:59", "2026-01-01T00:10", "2026-01-01T00:11"),
        # Clocks in Havana go back from 1:00 to 0:00: one day with two midnights.
        ("America/Havana", "day", "2026-11-01T04:30:00", "2026-11-01T04:00", "2026-11-02T05:00"),
        ("America/Havana", "day", "2026-11-01T05:30:00", "2026-11-01T04:00", "2026-11-02T05:00"),
        ("America/Havana", "day", "2026-11-01T15:00:00", "2026-11-01T04:00", "2026-11-02T05:00"),
    ],
)
def test_windows_begin_in_the_shops_time_zone(
    vton: Vton, zone: str, period: str, now: str, start: str, end: str
) -> None:
    vton(BUDGET_TIME_ZONE=zone)
    found = period_bounds(period, datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert [moment.astimezone(UTC).isoformat()[:16] for moment in found] == [start, end]


def test_today_is_the_date_in_the_shops_time_zone(vton: Vton) -> None:
    late = datetime(2026, 6, 30, 22, 30, tzinfo=UTC)
    assert today(late).isoformat() == "2026-07-01"
    vton(BUDGET_TIME_ZONE="America/New_York")
    assert today(late).isoformat() == "2026-06-30"
    assert seconds_until(late, late) == 1


# Counting -------------------------------------------------------------------------------------------


def test_shoppers_and_addresses_have_separate_quotas(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(QUOTA="2/day", IP_QUOTA="3/day", IN_FLIGHT=9)
    ada, bob = user_visitor("ada"), user_visitor("bob")
    order_tryon(shirt, ada, phone_photo(shade=1), addresses=("ip:1",))
    order_tryon(shirt, ada, phone_photo(shade=2), addresses=("ip:1",))
    with pytest.raises(QuotaExceeded) as refused:
        order_tryon(shirt, ada, phone_photo(shade=3), addresses=("ip:2",))
    assert 0 < (refused.value.retry_after or 0) <= 25 * 3600
    order_tryon(shirt, bob, phone_photo(shade=1), addresses=("ip:1",))
    with pytest.raises(QuotaExceeded):
        order_tryon(shirt, bob, phone_photo(shade=2), addresses=("ip:1",))
    assert used("shopper:") == [1, 2]
    assert used("ip:") == [3]
    assert quotas.quota_status(get_shopper(ada))["remaining"] == 0
    assert quotas.quota_status(get_shopper(bob))["remaining"] == 1


def test_nothing_is_counted_without_quotas(shirt: Product, phone_photo: PhotoMaker, vton: Vton) -> None:
    vton(QUOTA=None, IP_QUOTA=None)
    row = order_tryon(shirt, user_visitor(), phone_photo(), addresses=("ip:1",)).request
    assert row.quota_ids == []
    assert used() == []
    assert quotas.quota_status(row.shopper) == {"limit": None, "remaining": None, "resets_at": None}


@pytest.mark.django_db
def test_a_quota_starts_again_in_the_next_window(vton: Vton) -> None:
    vton(QUOTA="1/day")
    shopper = Shopper.objects.create(token_hash="a")
    quotas.consume(shopper, [], 1)
    start, _end = period_bounds("day")
    Quota.objects.update(window_start=start - timedelta(days=1))
    quotas.consume(shopper, [], 1)
    with pytest.raises(QuotaExceeded):
        quotas.consume(shopper, [], 1)


def test_a_free_try_on_is_refunded_once(shirt: Product, phone_photo: PhotoMaker) -> None:
    ada = user_visitor()
    first = order_tryon(shirt, ada, phone_photo(shade=1), addresses=("ip:1",)).request
    order_tryon(shirt, ada, phone_photo(shade=2), addresses=("ip:1",))
    stale = TryOnRequest.objects.get(pk=first.pk)
    assert lifecycle.cancel(first)
    assert used() == [1, 1]
    assert not lifecycle.cancel(first)
    quotas.refund(stale)
    quotas.refund(first)
    assert used() == [1, 1]


def test_a_paid_try_on_is_not_refunded(shirt: Product, phone_photo: PhotoMaker) -> None:
    row = order_tryon(shirt, user_visitor(), phone_photo()).request
    claim_for_submit(row)
    assert lifecycle.cancel(row)
    assert used("shopper:") == [1]


@pytest.mark.django_db(transaction=True)
def test_concurrent_requests_never_exceed_a_quota(vton: Vton) -> None:
    vton(QUOTA="2/day")
    shopper = Shopper.objects.create(token_hash="a")
    results = run_concurrently(*[lambda: quotas.consume(shopper, [], 1)] * 5)
    assert sum(isinstance(result, QuotaExceeded) for result in results) == 3
    assert used() == [2]


@pytest.mark.django_db
def test_counters_older_than_any_window_are_purged() -> None:
    now = timezone.now()
    for days in (0, 39, 41, 400):
        Quota.objects.create(key="ip:1", window_start=now - timedelta(days=days), used=1)
    assert quotas.purge(now) == 2
    assert quotas.purge(now) == 0
    assert len(used()) == 2


# In flight ------------------------------------------------------------------------------------------


def test_a_shopper_may_run_a_limited_number_of_try_ons_at_once(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(IN_FLIGHT=1)
    ada = user_visitor()
    row = order_tryon(shirt, ada, phone_photo(shade=1)).request
    with pytest.raises(Refused, match="in_flight_limit") as refused:
        order_tryon(shirt, ada, phone_photo(shade=2))
    assert (refused.value.status, refused.value.retry_after) == (429, 10)
    assert used("shopper:") == [1]
    complete_tryon(row)
    order_tryon(shirt, ada, phone_photo(shade=2))


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("settings")
def test_concurrent_requests_never_exceed_the_in_flight_limit(
    shirt: Product,
    phone_photo: PhotoMaker,
    vton: Vton,
) -> None:
    vton(IN_FLIGHT=2)
    user_visitor()
    photos = [phone_photo(shade=shade) for shade in range(4)]
    results = run_concurrently(
        *[lambda photo=photo: order_tryon(shirt, user_visitor(), photo) for photo in photos]
    )
    refused = [result for result in results if isinstance(result, Exception)]
    assert [str(error) for error in refused] == ["in_flight_limit"] * 2
    assert TryOnRequest.objects.count() == 2
    assert used("shopper:") == [2]
