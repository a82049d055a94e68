"""Places for pumps: so many and no more, taken over where one was silent for too long."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.utils import timezone

from django_vton import tasks
from django_vton.models import DispatcherLease
from django_vton.queue import leases, liveness

if TYPE_CHECKING:
    from ..conftest import Vton

pytestmark = pytest.mark.django_db(transaction=True)


def fall_silent() -> None:
    DispatcherLease.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


def test_one_place_is_taken_once_until_it_is_given_back() -> None:
    mine = leases.acquire()
    assert mine is not None
    assert leases.acquire() is None
    leases.release(mine)
    assert leases.acquire() is not None


def test_as_many_places_as_the_shop_says(vton: Vton) -> None:
    vton(DISPATCHERS=3)
    taken = [leases.acquire() for _ in range(4)]
    assert [slot.number for slot in taken if slot is not None] == [1, 2, 3]
    vton(DISPATCHERS=5)
    assert leases.acquire() is not None


def test_pumps_that_start_together_get_one_place_each(vton: Vton) -> None:
    vton(DISPATCHERS=2)
    together = threading.Barrier(6)
    taken: list[DispatcherLease | None] = []

    def take() -> None:
        together.wait()
        try:
            taken.append(leases.acquire())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(slot.number for slot in taken if slot is not None) == [1, 2]
    assert len(taken) == 6


def test_a_silent_pump_loses_its_place_and_hears_of_it() -> None:
    silent = leases.acquire()
    assert silent is not None
    fall_silent()
    assert leases.renew(silent), "nobody wanted it"
    fall_silent()
    heir = leases.acquire()
    assert heir is not None
    assert not leases.renew(silent)
    leases.release(silent)
    assert leases.acquire() is None, "what is another's is not given back"
    assert leases.renew(heir)


def test_idle_workers_are_seen() -> None:
    assert not liveness.workers_are_gone(), "none was ever seen: the shop is being set up"
    tasks.wake()
    assert not liveness.workers_are_gone()
    DispatcherLease.objects.update(seen_at=timezone.now() - timedelta(minutes=6))
    assert liveness.workers_are_gone()
    tasks.wake()
    assert not liveness.workers_are_gone()
    assert leases.acquire() is not None, "being seen takes no place"
