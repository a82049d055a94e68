"""How often the vendor is asked, with callbacks and without."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_vton.models import TryOnRequest
from django_vton.models.states import State
from django_vton.worker import claims

from .company import made

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conftest import Vton
    from .company import Crowd
    from .desk import Desk

SLACK = 3
"""Seconds that a slow machine may need between the write and the look at it."""


def left(row: TryOnRequest) -> float:
    """Seconds until it is asked for."""
    assert row.due_at is not None
    return (row.due_at - timezone.now()).total_seconds()


def assert_pauses(desk: Desk, *, first: int, again: int) -> None:
    desk.gateway.scenario(outcome="SIMMERING", callbacks=0)
    row = desk.submitted()
    assert first - SLACK < left(row) <= first
    desk.due(row)
    desk.look()
    row = desk.reload(row, State.SUBMITTED)
    assert again - SLACK < left(row) <= again


def test_without_a_callback_it_is_asked_for_every_five_seconds(desk: Desk) -> None:
    assert_pauses(desk, first=5, again=5)


def test_with_a_callback_it_is_asked_for_seldom(garments: Desk) -> None:
    assert_pauses(garments, first=20, again=10)


@pytest.fixture
def waiting(crowd: Crowd, vton: Vton) -> Callable[[int], list[TryOnRequest]]:
    """So many renders at the vendor, due for a question; each ordered a callback, and none has come."""
    vton(PUBLIC_BASE_URL="https://shop.example")

    def wait(number: int) -> list[TryOnRequest]:
        rows = [made(row).request for row in crowd.shirts(number)]
        for row in rows:
            crowd.desk.move(row, due_at=timedelta(minutes=-1))
        TryOnRequest.objects.update(lease_until=None)
        return rows

    return wait


def test_what_was_called_back_is_asked_for_first(
    desk: Desk, waiting: Callable[[int], list[TryOnRequest]]
) -> None:
    """Though others are due for longer: where the vendor is slow, hardly one of those is done."""
    unheard, heard = waiting(4), waiting(2)
    for row in heard:
        desk.move(row, due_at=timedelta(seconds=-1), called_back_at=timedelta(seconds=-1))
    assert _asked(free=2) == {heard[0].pk, unheard[0].pk}, "one place is left for those that were not"
    assert _asked(free=1) == {heard[1].pk}
    assert _asked(free=1) == {unheard[1].pk}
    assert _asked(free=20) == {unheard[2].pk, unheard[3].pk}


def test_few_are_asked_for_at_a_look_whose_callback_has_not_come(
    waiting: Callable[[int], list[TryOnRequest]],
) -> None:
    waiting(claims.POLLS_WITHOUT_CALLBACK + 2)
    assert len(_asked(free=20)) == claims.POLLS_WITHOUT_CALLBACK
    assert len(_asked(free=20)) == 2


def test_where_none_is_ordered_all_that_are_due_are_asked_for(
    waiting: Callable[[int], list[TryOnRequest]], vton: Vton
) -> None:
    rows = waiting(claims.POLLS_WITHOUT_CALLBACK + 2)
    vton(PUBLIC_BASE_URL="https://shop.example", WEBHOOKS=False)
    assert _asked(free=20) == {row.pk for row in rows}


def _asked(free: int) -> set[Any]:
    """What a look takes up."""
    jobs = claims.take(free, 0)
    assert {job.kind for job in jobs} == {"ask"}
    return {job.request.pk for job in jobs}


def test_a_late_callback_buys_a_minute(desk: Desk) -> None:
    desk.gateway.scenario(outcome="SIMMERING")
    row = desk.submitted()
    desk.posted(row, timedelta(hours=1))
    desk.move(row, due_at=timedelta(seconds=-1), called_back_at=timedelta(seconds=-50))
    desk.look()
    desk.reload(row, State.SUBMITTED)
    desk.move(row, due_at=timedelta(seconds=-1), called_back_at=timedelta(seconds=-61))
    desk.look()
    desk.reload(row, State.FAILED, "deadline")
