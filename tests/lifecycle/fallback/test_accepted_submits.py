"""A submit that was accepted, or may have been, is not sent to the second engine as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from django_vton import lifecycle
from django_vton.gateway import circuit_breaker
from django_vton.models import TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import SubmitOutcome, SubmitResult

from ...tryons import claim_for_submit
from ..harness import PAST
from ..second_engine import FIRST, FIRST_PRICE, SECOND_PRICE
from ..test_charged_errors import call_back
from .orders import (
    MOVED,
    SECOND,
    amounts,
    held,
    order_moved_after_500,
    order_refused,
    stop_first,
)

if TYPE_CHECKING:
    from ..harness import Harness


@pytest.mark.parametrize("outcome", ["FAILED", "ERROR"])
def test_a_failed_render_does_not_fall_back(harness: Harness, outcome: str) -> None:
    harness.gateway.scenario(engine=FIRST, outcome=outcome, callbacks=0)
    row = harness.order_submitted()
    harness.poll_when_finished(row)
    row = harness.reload(row, State.FAILED, "vendor")
    harness.run_cycle()
    assert (row.engine, harness.post_count()) == (FIRST, 1)


@pytest.mark.parametrize(
    "scenario", [{"submit": "close"}, {"submit": "no_id"}, {"submit_status": 502}], ids=str
)
def test_an_unknown_outcome_does_not_fall_back(harness: Harness, scenario: dict[str, Any]) -> None:
    harness.gateway.scenario(engine=FIRST, callbacks=0, **scenario)
    row = harness.order()
    harness.run_cycle()
    harness.reload(row, State.UNKNOWN)
    harness.run_due_cycle()
    row = TryOnRequest.objects.get(pk=row.pk)
    if row.state == State.UNKNOWN:
        harness.run_due_cycle()
    row = harness.reload(row, State.FAILED, "outcome_unknown")
    assert (row.engine, harness.post_count(), harness.money_states(row)) == (FIRST, 1, ["spent"])


def test_a_worker_that_dies_after_the_submit_does_not_cause_a_fallback(harness: Harness) -> None:
    row = harness.order()
    claim_for_submit(row)
    stop_first(harness)
    harness.set_times(row, lease_until=PAST, due_at=PAST)
    harness.run_due_cycle()
    row = TryOnRequest.objects.get(pk=row.pk)
    assert (row.engine, harness.post_count()) == (FIRST, 0)
    assert row.state in {State.SUBMITTING, State.UNKNOWN}


def test_once_errors_are_charged_a_500_does_not_fall_back(harness: Harness) -> None:
    circuit_breaker.record_charged_error(FIRST)
    row = order_refused(harness, 500)
    harness.run_due_cycle()
    row = TryOnRequest.objects.get(pk=row.pk)
    assert (row.engine, harness.post_count()) == (FIRST, 1)


def test_a_late_callback_before_the_second_submit_goes_back_to_the_render_of_the_first_engine(
    harness: Harness, attention: list[Any]
) -> None:
    row = order_moved_after_500(harness)
    first_key = row.other_cache_key
    assert row.engine == SECOND
    assert call_back(harness, row)
    row = harness.reload(row, State.SUBMITTED)
    assert (row.engine, row.cache_key, row.is_on_fallback) == (FIRST, first_key, False)
    assert amounts(row) == [(FIRST, FIRST_PRICE, "spent"), (SECOND, SECOND_PRICE, "free")]
    assert (held(), attention) == ([0, 0], ["charged_error"])
    harness.poll_when_finished(row)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)
    assert harness.spent() == harness.charged() == FIRST_PRICE
    assert harness.post_count() == 1


def test_a_late_callback_after_the_second_submit_books_both(harness: Harness, attention: list[Any]) -> None:
    row = order_moved_after_500(harness)
    harness.run_cycle()
    call_back(harness, row)
    row = harness.reload(row, State.SUBMITTED)
    assert (row.engine, amounts(row)) == (SECOND, [(FIRST, FIRST_PRICE, "spent"), MOVED])
    harness.poll_when_finished(row, times=2)
    harness.run_cycle()
    row = harness.reload(row, State.COMPLETED)
    assert row.engine == SECOND
    assert harness.spent() == harness.charged() == FIRST_PRICE + SECOND_PRICE
    assert attention == ["charged_error"]


def test_if_the_second_engine_refuses_as_well_the_accepted_render_of_the_first_is_awaited(
    harness: Harness,
) -> None:
    row = order_moved_after_500(harness)
    second = claim_for_submit(row, token="second")
    call_back(harness, row)
    refusal = SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=400)
    lifecycle.mark_refused(second, refusal, retry_at=None)
    row = harness.reload(row, State.SUBMITTED)
    assert (row.engine, harness.money_states(row)) == (FIRST, ["spent", "free"])
    harness.poll_when_finished(row)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)
    assert harness.spent() == harness.charged()
