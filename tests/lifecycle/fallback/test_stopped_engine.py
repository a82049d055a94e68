"""While its engine is stopped or paused, a try-on goes to the second engine of its product, and only once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton import lifecycle
from django_vton.gateway.engines import get_engine
from django_vton.models import Attempt, GatewayState, TryOnRequest
from django_vton.models.states import State
from django_vton.worker import claims

from ...tryons import claim_for_submit
from ..harness import PAST
from ..second_engine import FIRST, SECOND_PRICE
from ..test_charged_errors import attempt_of
from .orders import (
    FREE,
    MOVED,
    SECOND,
    amounts,
    complete,
    order_refused,
    stop_first,
)

if TYPE_CHECKING:
    from ..harness import Harness


def test_orders_of_a_stopped_engine_move_on_at_once(harness: Harness) -> None:
    stop_first(harness)
    rows = [harness.order() for _ in range(3)]
    assert {row.engine for row in rows} == {FIRST}
    assert claims.has_work()
    harness.run_cycle()
    for row in rows:
        moved = harness.reload(row, State.SUBMITTED)
        assert amounts(moved) == [FREE, MOVED]
        assert [event.name for event in moved.events.all()] == [
            "accepted",
            "fallback",
            "claimed",
            "submitted",
        ]
    assert {entry.engine for entry in harness.gateway.ledger.entries} == {"glass-v1"}


def test_one_cycle_moves_a_limited_number(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_vton.worker.fallbacks.MAX_MOVES", 1)
    stop_first(harness)
    rows = [harness.order() for _ in range(2)]
    harness.run_cycle()
    assert sorted(TryOnRequest.objects.values_list("engine", flat=True)) == [FIRST, SECOND]
    harness.run_cycle()
    for row in rows:
        assert harness.reload(row, State.SUBMITTED).engine == SECOND


def test_nothing_moves_while_the_second_engine_is_stopped_too(harness: Harness) -> None:
    stop_first(harness)
    row = harness.order()
    GatewayState.objects.create(engine=SECOND, wait_until=timezone.now() + timedelta(seconds=600))
    assert not claims.has_work()
    harness.run_cycle()
    assert harness.reload(row, State.QUEUED).engine == FIRST


def test_a_temporary_refusal_does_not_move_to_a_paused_engine(harness: Harness) -> None:
    GatewayState.objects.create(engine=SECOND, wait_until=timezone.now() + timedelta(seconds=600))
    row = order_refused(harness, 402)
    assert harness.reload(row, State.QUEUED).engine == FIRST


def test_a_final_refusal_waits_for_a_paused_engine(harness: Harness) -> None:
    GatewayState.objects.create(engine=SECOND, wait_until=timezone.now() + timedelta(seconds=600))
    row = order_refused(harness, 404)
    assert harness.reload(row, State.QUEUED).engine == SECOND
    harness.run_cycle()
    harness.reload(row, State.QUEUED)
    harness.end_gateway_pause()
    complete(harness, row)


def test_a_worker_that_has_read_the_try_on_before_does_not_send_it_to_the_first_engine(
    harness: Harness,
) -> None:
    row = harness.order()
    read = attempt_of(row)
    stop_first(harness)
    assert lifecycle.fall_back_while_queued(row)
    assert not lifecycle.claim_submits([read], ["token"], timezone.now(), lifecycle.LEASE)
    assert harness.reload(row, State.QUEUED).engine == SECOND
    assert amounts(row) == [FREE, MOVED]


def test_a_try_on_that_moves_while_it_is_claimed_is_not_sent_to_the_first_engine(harness: Harness) -> None:
    """Without row locks, it can move between the two queries of a claim."""
    row = order_refused(harness)
    moved = Attempt.objects.select_related("request__photo", "request__product_image").get(
        request=row, number=2
    )
    assert claims.claim_submits([moved], get_engine(FIRST)) == []
    harness.reload(row, State.QUEUED)
    [job] = claims.claim_submits([moved], get_engine(SECOND))
    assert job.attempt == moved


@pytest.mark.parametrize("change", ["claimed", "canceled", "resumed", "moved"])
def test_only_a_queued_try_on_of_a_paused_engine_moves(harness: Harness, change: str) -> None:
    row = harness.order()
    stop_first(harness)
    if change == "claimed":
        claim_for_submit(row)
    elif change == "canceled":
        lifecycle.cancel(row)
    elif change == "resumed":
        harness.end_gateway_pause()
    else:
        assert lifecycle.fall_back_while_queued(row)
        GatewayState.objects.create(engine=SECOND, wait_until=timezone.now() + timedelta(seconds=600))
    before = amounts(row)
    assert not lifecycle.fall_back_while_queued(row)
    assert amounts(row) == before


def test_a_try_on_moves_once(harness: Harness) -> None:
    """It does not go back, neither when the second engine refuses it nor while that one is stopped."""
    row = order_refused(harness, 404)
    harness.gateway.scenario(engine="glass-v1", submit_status=402)
    harness.run_cycle()
    row = harness.reload(row, State.QUEUED)
    assert (row.engine, amounts(row)) == (SECOND, [FREE, (SECOND, SECOND_PRICE, "free"), MOVED])
    harness.set_times(row, due_at=PAST)
    harness.run_cycle()
    assert harness.reload(row, State.QUEUED).engine == SECOND
    harness.run_due_cycle()
    harness.reload(row, State.SUBMITTED)
    assert harness.post_count() == 3
