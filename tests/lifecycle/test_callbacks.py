"""Callbacks make a try-on due for a poll, in every state; and which of two vendor ids is believed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.models import Attempt, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import SubmitOutcome, SubmitResult

from ..tryons import claim_for_submit
from .harness import PAST, Harness
from .rows import accepted


def attempt(row: TryOnRequest) -> Attempt:
    return Attempt.objects.select_related("request").filter(request=row).latest("number")


def test_a_shirt_is_polled_once_after_its_callback(garment_harness: Harness) -> None:
    garment_harness.gateway.scenario(callback_seconds=1)  # After the row is checked.
    row = garment_harness.order_submitted()
    assert row.due_at is not None
    assert row.due_at > timezone.now() + timedelta(seconds=10), "the callback is not awaited"
    assert garment_harness.gateway.ledger.wait_for(lambda ledger: ledger.totals["callbacks_acknowledged"])
    garment_harness.run_cycle()
    garment_harness.reload(row, State.RENDERED)
    garment_harness.run_cycle()
    garment_harness.reload(row, State.COMPLETED)
    assert garment_harness.gateway.ledger.totals["asks"] == 1


def test_many_callbacks_cause_one_poll(garment_harness: Harness) -> None:
    garment_harness.gateway.scenario(outcome="SIMMERING")
    row = garment_harness.order_submitted()
    assert lifecycle.receive_callback(attempt(row), "")
    garment_harness.run_cycle()
    for _ in range(3):
        lifecycle.receive_callback(attempt(row), "")
        garment_harness.run_cycle()
    assert garment_harness.gateway.ledger.totals["asks"] == 1


def test_simultaneous_callbacks_cause_one_poll(garment_harness: Harness) -> None:
    garment_harness.gateway.scenario(callbacks=0)
    row = garment_harness.order_submitted()
    first, second = attempt(row), attempt(row)
    assert lifecycle.receive_callback(first, "")
    garment_harness.set_times(row, due_at=timedelta(minutes=1))  # As after a poll.
    assert lifecycle.receive_callback(second, "")
    due_at = TryOnRequest.objects.get(pk=row.pk).due_at
    assert due_at is not None
    assert due_at > timezone.now() + timedelta(seconds=5)


def test_a_callback_during_a_poll_makes_the_try_on_due_again(garment_harness: Harness) -> None:
    garment_harness.gateway.scenario(callbacks=0)  # The gateway's own callback could come first.
    row = garment_harness.order_submitted()
    garment_harness.set_times(row, due_at=PAST)
    assert lifecycle.claim_due(
        [lifecycle.current_attempt(TryOnRequest.objects.get(pk=row.pk))],
        timezone.now(),
        timedelta(seconds=60),
    )
    claimed = TryOnRequest.objects.get(pk=row.pk)
    assert lifecycle.receive_callback(attempt(row), "")
    called_back = TryOnRequest.objects.get(pk=row.pk).due_at
    lifecycle.release([(claimed, timezone.now() + timedelta(seconds=10))])
    row = garment_harness.reload(row, State.SUBMITTED)
    assert (row.due_at, row.lease_until) == (called_back, None)


def test_a_callback_before_the_response_to_the_submit_is_stored(garment_harness: Harness) -> None:
    garment_harness.gateway.scenario(callback_early=True, submit_seconds=0.3)
    row = garment_harness.order()
    with garment_harness.running_cycle():
        assert garment_harness.gateway.ledger.wait_for(lambda ledger: ledger.totals["callbacks_acknowledged"])
        assert TryOnRequest.objects.get(pk=row.pk).state == State.SUBMITTED
        assert attempt(row).outcome == ""
    assert attempt(row).outcome == "accepted"
    garment_harness.run_cycle()
    garment_harness.reload(row, State.RENDERED)


def test_the_id_of_the_submit_response_wins_over_the_id_of_a_callback(harness: Harness) -> None:
    row = harness.order()
    mine = claim_for_submit(row)
    assert lifecycle.receive_callback(attempt(row), "forged")
    row = harness.reload(row, State.SUBMITTED)
    lifecycle.mark_submitted([(mine, accepted("real"))])
    assert attempt(row).vendor_id == "real"
    assert not lifecycle.receive_callback(attempt(row), "forged")
    assert attempt(row).vendor_id == "real"


def test_a_callback_that_began_before_the_submit_response_does_not_win_either(harness: Harness) -> None:
    row = harness.order()
    mine = claim_for_submit(row)
    read_before = attempt(row)
    lifecycle.mark_submitted([(mine, accepted("real"))])
    assert not lifecycle.receive_callback(read_before, "forged")
    assert attempt(harness.reload(row, State.SUBMITTED)).vendor_id == "real"


def test_a_callback_resolves_a_submit_whose_response_was_lost(garment_harness: Harness) -> None:
    garment_harness.gateway.scenario(submit="close", seconds=0.5)
    row = garment_harness.order()
    garment_harness.run_cycle()
    row = garment_harness.reload(row, State.UNKNOWN)
    assert row.due_at is not None
    assert row.due_at > timezone.now() + timedelta(minutes=14)
    assert garment_harness.gateway.ledger.wait_for(lambda ledger: ledger.totals["callbacks_acknowledged"])
    garment_harness.run_cycle()
    garment_harness.run_cycle()
    row = garment_harness.reload(row, State.COMPLETED)
    assert garment_harness.post_count() == 1
    assert garment_harness.money_states(row) == ["spent"]


def test_a_submit_response_with_the_id_of_another_attempt_is_an_unknown_outcome(harness: Harness) -> None:
    first, second = harness.order(), harness.order()
    lifecycle.mark_submitted([(claim_for_submit(first, "one"), accepted("same"))])
    lifecycle.mark_submitted([(claim_for_submit(second, "two"), accepted("same"))])
    harness.reload(first, State.SUBMITTED)
    second = harness.reload(second, State.UNKNOWN)
    assert (attempt(second).outcome, attempt(second).vendor_id) == ("accepted", None)
    assert harness.money_states(second) == ["held"]


def test_a_late_callback_reopens_a_try_on_that_failed_at_the_deadline(harness: Harness) -> None:
    row = harness.order_submitted()
    assert harness.gateway.ledger.wait_for(lambda ledger: ledger.entries[0].state == "completed")
    harness.set_posted(row, timedelta(minutes=16))
    lifecycle.fail_at_deadline(attempt(row))
    row = harness.reload(row, State.FAILED, "deadline")
    assert harness.money_states(row) == ["spent"]

    assert lifecycle.receive_callback(attempt(row), attempt(row).vendor_id or "")
    row = harness.reload(row, State.SUBMITTED)
    harness.run_cycle()
    harness.run_cycle()
    row = harness.reload(row, State.COMPLETED)
    assert harness.money_states(row) == ["spent"]


def test_a_callback_is_recorded_if_the_try_on_is_due_already(harness: Harness) -> None:
    """It stays due at its own time, before those that became due later."""
    row = harness.order()
    lifecycle.mark_submitted([(claim_for_submit(row), accepted("mine"))])
    harness.set_times(row, due_at=timedelta(seconds=-5))
    due_at = harness.reload(row, State.SUBMITTED).due_at
    began = timezone.now()
    assert lifecycle.receive_callback(attempt(row), "mine")
    noted = harness.reload(row, State.SUBMITTED)
    assert noted.called_back_at is not None
    assert (noted.due_at, noted.called_back_at >= began) == (due_at, True)

    # Only once: more callbacks would extend the deadline again and again.
    assert not lifecycle.receive_callback(attempt(row), "mine")
    assert _times(harness.reload(row, State.SUBMITTED)) == _times(noted)


def test_a_reopened_try_on_is_polled_for_a_while_and_fails_again(harness: Harness) -> None:
    harness.gateway.scenario(outcome="SIMMERING")
    row = harness.order_submitted()
    harness.set_posted(row, timedelta(minutes=16))
    lifecycle.fail_at_deadline(attempt(row))
    assert lifecycle.receive_callback(attempt(row), "")
    harness.run_cycle()
    row = harness.reload(row, State.SUBMITTED)
    harness.set_times(row, called_back_at=timedelta(minutes=-2), due_at=PAST)
    harness.run_cycle()
    harness.reload(row, State.FAILED, "deadline")


def test_a_vendor_error_after_reopening_frees_the_money(harness: Harness) -> None:
    harness.gateway.scenario(outcome="ERROR")
    row = harness.order_submitted()
    assert harness.gateway.ledger.wait_for(lambda ledger: ledger.entries[0].refunded)
    harness.set_posted(row, timedelta(minutes=16))
    lifecycle.fail_at_deadline(attempt(row))
    assert lifecycle.receive_callback(attempt(row), "")
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "vendor")
    assert harness.money_states(row) == ["free"]


def test_a_late_callback_reopens_a_try_on_with_an_unknown_outcome(harness: Harness) -> None:
    harness.gateway.scenario(submit="close")
    row = harness.order()
    harness.run_cycle()
    harness.make_due(row)
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "outcome_unknown")
    vendor_id = harness.gateway.ledger.entries[0].request_id
    assert lifecycle.receive_callback(attempt(row), vendor_id or "")
    harness.poll_when_finished(row)
    harness.run_cycle()
    row = harness.reload(row, State.COMPLETED)
    assert harness.money_states(row) == ["spent"]


def test_a_callback_without_an_id_does_not_resolve_an_unknown_outcome(harness: Harness) -> None:
    harness.gateway.scenario(submit="close")
    row = harness.order()
    harness.run_cycle()
    assert not lifecycle.receive_callback(attempt(row), "")
    harness.reload(row, State.UNKNOWN)


def test_a_callback_with_the_id_of_another_render_is_ignored(harness: Harness) -> None:
    other = harness.order_submitted()
    harness.gateway.scenario(submit="close")
    row = harness.order()
    harness.run_cycle()
    assert not lifecycle.receive_callback(attempt(row), attempt(other).vendor_id or "")
    row = harness.reload(row, State.UNKNOWN)
    assert attempt(row).vendor_id is None


def test_results_of_an_earlier_attempt_do_not_change_the_try_on(harness: Harness) -> None:
    harness.gateway.scenario(submit_status=500)
    row = harness.order()
    harness.run_cycle()
    harness.make_due(row)
    row = TryOnRequest.objects.get(pk=row.pk)
    first = attempt(row)
    first = Attempt.objects.select_related("request").get(request=row, number=1)
    second = claim_for_submit(row, token="the second one")
    assert not lifecycle.receive_callback(first, "an id of the first")
    lifecycle.mark_submitted([(first, accepted("late"))])
    refusal = SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=400)
    lifecycle.mark_refused(first, refusal, retry_at=None)
    lifecycle.mark_refused(first, refusal, retry_at=timezone.now())
    assert not lifecycle.mark_unknown(first, timeout=timedelta(0))
    row = harness.reload(row, State.SUBMITTING)
    assert harness.money_states(row) == ["spent", "held"], "only the money of the first one changes"

    lifecycle.mark_submitted([(second, accepted("second"))])
    harness.reload(row, State.SUBMITTED)


def test_a_late_callback_of_an_earlier_attempt_does_not_change_a_retried_try_on(harness: Harness) -> None:
    harness.gateway.scenario(outcome="ERROR")
    row = harness.order_submitted()
    harness.poll_when_finished(row)
    first = attempt(harness.reload(row, State.FAILED, "vendor"))
    assert lifecycle.retry(row, actor_id=None)
    assert not lifecycle.receive_callback(first, first.vendor_id or "")
    harness.run_cycle()
    lifecycle.receive_callback(first, first.vendor_id or "")
    row = harness.reload(row, State.SUBMITTED)
    assert harness.money_states(row) == ["free", "held"]
    harness.poll_when_finished(row, times=2)
    harness.run_cycle()
    row = harness.reload(row, State.COMPLETED)
    assert harness.money_states(row) == ["free", "spent"]
    assert (harness.post_count(), harness.spent()) == (2, harness.charged())


@pytest.mark.parametrize("is_erased", [False, True])
def test_a_canceled_try_on_stays_canceled_and_keeps_its_vendor_id(harness: Harness, is_erased: bool) -> None:
    row = harness.order()
    mine = claim_for_submit(row)
    if is_erased:
        privacy.erase_tryon(row)
    else:
        assert lifecycle.cancel(row)
    assert not lifecycle.receive_callback(attempt(row), "")
    lifecycle.mark_submitted([(mine, accepted("its own"))])
    assert not lifecycle.receive_callback(attempt(row), "its own")
    row = harness.reload(row, State.CANCELED)
    assert attempt(row).vendor_id == "its own"
    assert harness.money_states(row) == ["spent"]


def test_an_erased_try_on_is_not_reopened(harness: Harness) -> None:
    row = harness.order_submitted()
    lifecycle.fail_at_deadline(attempt(row))
    privacy.erase_tryon(row)
    assert not lifecycle.receive_callback(attempt(row), "")
    harness.reload(row, State.FAILED, "deadline")


@pytest.mark.parametrize("state", [State.RENDERED, State.COMPLETED, State.FAILED])
def test_a_callback_changes_nothing_in_the_other_states(harness: Harness, state: State) -> None:
    if state == State.FAILED:
        harness.gateway.scenario(outcome="FAILED")
    row = harness.order_submitted()
    harness.poll_when_finished(row)
    if state == State.COMPLETED:
        harness.run_cycle()
    code = "vendor" if state == State.FAILED else ""
    before = harness.reload(row, state, code)
    assert not lifecycle.receive_callback(attempt(row), attempt(row).vendor_id or "")
    after = harness.reload(row, state, code)
    assert _times(after) == _times(before)


def _times(row: TryOnRequest) -> list[Any]:
    return [row.due_at, row.finished_at, row.called_back_at, row.lease_until]
