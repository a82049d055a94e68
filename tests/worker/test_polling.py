"""How often the vendor is polled, with callbacks and without."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_vton.models import TryOnRequest
from django_vton.models.states import State
from django_vton.worker import claims

from ..lifecycle.rows import polling

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conftest import Vton
    from ..lifecycle.harness import Harness
    from ..lifecycle.rows import Orders

SLACK = 3
"""Seconds that a slow machine may need between the write and the check."""


def seconds_until_due(row: TryOnRequest) -> float:

    assert row.due_at is not None
    return (row.due_at - timezone.now()).total_seconds()


def assert_pauses(harness: Harness, *, first: int, again: int) -> None:
    harness.gateway.scenario(outcome="SIMMERING", callbacks=0)
    row = harness.order_submitted()
    assert first - SLACK < seconds_until_due(row) <= first
    harness.make_due(row)
    harness.run_cycle()
    row = harness.reload(row, State.SUBMITTED)
    assert again - SLACK < seconds_until_due(row) <= again


def test_without_callbacks_a_render_is_polled_every_five_seconds(harness: Harness) -> None:
    assert_pauses(harness, first=5, again=5)


def test_with_callbacks_a_render_is_polled_less_often(garment_harness: Harness) -> None:
    assert_pauses(garment_harness, first=20, again=10)


@pytest.fixture
def waiting(orders: Orders, vton: Vton) -> Callable[[int], list[TryOnRequest]]:
    """Make so many renders that are due for a poll and await their callback."""
    vton(PUBLIC_BASE_URL="https://shop.example")

    def wait(number: int) -> list[TryOnRequest]:
        rows = [polling(row).request for row in orders.shirts(number)]
        for row in rows:
            orders.harness.set_times(row, due_at=timedelta(minutes=-1))
        TryOnRequest.objects.update(lease_until=None)
        return rows

    return wait


def test_renders_with_a_callback_are_polled_first(
    harness: Harness, waiting: Callable[[int], list[TryOnRequest]]
) -> None:
    """Although others have been due for longer: if the vendor is slow, hardly one of those has finished."""
    awaiting, called_back = waiting(4), waiting(2)
    for row in called_back:
        harness.set_times(row, due_at=timedelta(seconds=-1), called_back_at=timedelta(seconds=-1))
    assert poll(free=2) == {called_back[0].pk, awaiting[0].pk}, "one stays free for those awaiting a callback"
    assert poll(free=1) == {called_back[1].pk}
    assert poll(free=1) == {awaiting[1].pk}
    assert poll(free=20) == {awaiting[2].pk, awaiting[3].pk}


def test_few_renders_awaiting_a_callback_are_polled_in_one_cycle(
    waiting: Callable[[int], list[TryOnRequest]],
) -> None:
    waiting(claims.POLL_LIMIT_AWAITING_CALLBACK + 2)
    assert len(poll(free=20)) == claims.POLL_LIMIT_AWAITING_CALLBACK
    assert len(poll(free=20)) == 2


def test_without_callbacks_all_due_renders_are_polled(
    waiting: Callable[[int], list[TryOnRequest]], vton: Vton
) -> None:
    rows = waiting(claims.POLL_LIMIT_AWAITING_CALLBACK + 2)
    vton(PUBLIC_BASE_URL="https://shop.example", WEBHOOKS=False)
    assert poll(free=20) == {row.pk for row in rows}


def poll(free: int) -> set[Any]:
    """The renders that one cycle polls."""
    jobs = claims.claim_jobs(free, 0)
    assert {job.kind for job in jobs} == {"poll"}
    return {job.request.pk for job in jobs}


def test_a_late_callback_extends_the_deadline_by_a_minute(harness: Harness) -> None:
    harness.gateway.scenario(outcome="SIMMERING")
    row = harness.order_submitted()
    harness.set_posted(row, timedelta(hours=1))
    harness.set_times(row, due_at=timedelta(seconds=-1), called_back_at=timedelta(seconds=-50))
    harness.run_cycle()
    harness.reload(row, State.SUBMITTED)
    harness.set_times(row, due_at=timedelta(seconds=-1), called_back_at=timedelta(seconds=-61))
    harness.run_cycle()
    harness.reload(row, State.FAILED, "deadline")
