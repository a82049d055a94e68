"""Places for pumps: so many and no more, taken over where one was silent for too long."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connections
from django.utils import timezone

from django_vton import availability, slots, tasks
from django_vton.models import PumpSlot

if TYPE_CHECKING:
    from .conftest import Vton

pytestmark = pytest.mark.django_db(transaction=True)


def fall_silent() -> None:
    PumpSlot.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


def test_one_place_is_taken_once_until_it_is_given_back() -> None:
    mine = slots.take()
    assert mine is not None
    assert slots.take() is None
    slots.release(mine)
    assert slots.take() is not None


def test_as_many_places_as_the_shop_says(vton: Vton) -> None:
    vton(PUMPS=3)
    taken = [slots.take() for _ in range(4)]
    assert [slot.number for slot in taken if slot is not None] == [1, 2, 3]
    vton(PUMPS=5)
    assert slots.take() is not None


def test_pumps_that_start_together_get_one_place_each(vton: Vton) -> None:
    vton(PUMPS=2)
    together = threading.Barrier(6)
    taken: list[PumpSlot | None] = []

    def take() -> None:
        together.wait()
        try:
            taken.append(slots.take())
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
    silent = slots.take()
    assert silent is not None
    fall_silent()
    assert slots.renew(silent), "nobody wanted it"
    fall_silent()
    heir = slots.take()
    assert heir is not None
    assert not slots.renew(silent)
    slots.release(silent)
    assert slots.take() is None, "what is another's is not given back"
    assert slots.renew(heir)


def test_idle_workers_are_seen() -> None:
    assert not availability.workers_are_gone(), "none was ever seen: the shop is being set up"
    tasks.ring()
    assert not availability.workers_are_gone()
    PumpSlot.objects.update(seen_at=timezone.now() - timedelta(minutes=6))
    assert availability.workers_are_gone()
    tasks.ring()
    assert not availability.workers_are_gone()
    assert slots.take() is not None, "being seen takes no place"
