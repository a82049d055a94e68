"""Leases limit the number of running dispatchers, and expire if they are not renewed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton import tasks
from django_vton.intake import availability
from django_vton.models import DispatcherLease
from django_vton.queue import dispatcher_leases

from ..intake_helpers import run_concurrently

if TYPE_CHECKING:
    from ..conftest import Vton

pytestmark = pytest.mark.django_db(transaction=True)


def has_refusal() -> bool:
    return availability.refusal_code() is not None


def expire_leases() -> None:
    DispatcherLease.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_lease_is_held_by_one_dispatcher_until_it_is_released() -> None:
    lease = dispatcher_leases.acquire()
    assert lease is not None
    assert dispatcher_leases.acquire() is None
    dispatcher_leases.release(lease)
    assert dispatcher_leases.acquire() is not None


def test_there_are_as_many_leases_as_dispatchers_in_the_settings(vton: Vton) -> None:
    vton(DISPATCHERS=3)
    acquired = [dispatcher_leases.acquire() for _ in range(4)]
    assert [lease.number for lease in acquired if lease is not None] == [1, 2, 3]
    vton(DISPATCHERS=5)
    assert dispatcher_leases.acquire() is not None


def test_dispatchers_that_start_at_the_same_time_get_different_leases(vton: Vton) -> None:
    vton(DISPATCHERS=2)
    acquired = run_concurrently(*[dispatcher_leases.acquire] * 6)
    assert acquired.count(None) == 4
    assert sorted(lease.number for lease in acquired if isinstance(lease, DispatcherLease)) == [1, 2]


def test_an_expired_lease_cannot_be_renewed_after_another_dispatcher_has_taken_it() -> None:
    first = dispatcher_leases.acquire()
    assert first is not None
    expire_leases()
    assert dispatcher_leases.renew(first), "an expired lease can be renewed until another dispatcher takes it"
    expire_leases()
    second = dispatcher_leases.acquire()
    assert second is not None
    assert not dispatcher_leases.renew(first)
    dispatcher_leases.release(first)
    assert dispatcher_leases.acquire() is None, "the lease of another dispatcher is not released"
    assert dispatcher_leases.renew(second)


def test_idle_workers_count_as_alive() -> None:
    assert not has_refusal(), "no worker was ever seen: the shop is being set up"
    tasks.wake()
    assert not has_refusal()
    DispatcherLease.objects.update(seen_at=timezone.now() - timedelta(minutes=6))
    assert has_refusal()
    tasks.wake()
    assert not has_refusal()
    assert dispatcher_leases.acquire() is not None, "a heartbeat takes no lease"
