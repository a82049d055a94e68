"""Callbacks: hints to ask, in every state; and which of two vendor's ids is believed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.models import Attempt, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import Answer, Status, Submission, Verdict

from ..doors import submit
from .desk import PAST, Desk


def attempt(row: TryOnRequest) -> Attempt:
    return Attempt.objects.select_related("request").filter(request=row).latest("number")


def accepted(vendor_id: str) -> tuple[Submission, Answer]:
    answer = Answer(vendor_id=vendor_id, status=Status.RUNNING, word="QUEUED")
    return Submission(verdict=Verdict.ACCEPTED, status_code=202, answer=answer), answer


def test_a_garment_is_asked_once_after_its_callback(garments: Desk) -> None:
    garments.gateway.scenario(callback_seconds=1)  # Not before the row is looked at.
    row = garments.submitted()
    assert row.due_at is not None
    assert row.due_at > timezone.now() + timedelta(seconds=10), "no callback is waited for"
    assert garments.gateway.ledger.wait_for(lambda ledger: ledger.totals["callbacks_acknowledged"])
    garments.look()
    garments.reload(row, State.RENDERED)
    garments.look()
    garments.reload(row, State.COMPLETED)
    assert garments.gateway.ledger.totals["asks"] == 1


def test_many_callbacks_cause_one_ask(garments: Desk) -> None:
    garments.gateway.scenario(outcome="SIMMERING")
    row = garments.submitted()
    assert lifecycle.callback(attempt(row), "")
    garments.look()
    for _ in range(3):
        lifecycle.callback(attempt(row), "")
        garments.look()
    assert garments.gateway.ledger.totals["asks"] == 1


def test_callbacks_that_came_at_the_same_time_cause_one_ask(garments: Desk) -> None:
    garments.gateway.scenario(callbacks=0)
    row = garments.submitted()
    first, second = attempt(row), attempt(row)
    assert lifecycle.callback(first, "")
    garments.move(row, due_at=timedelta(minutes=1))  # As when it was asked.
    assert lifecycle.callback(second, "")
    due_at = TryOnRequest.objects.get(pk=row.pk).due_at
    assert due_at is not None
    assert due_at > timezone.now() + timedelta(seconds=5)


def test_a_callback_while_it_is_asked_makes_it_due_again(garments: Desk) -> None:
    garments.gateway.scenario(callbacks=0)  # Its own would hint first, now and then.
    row = garments.submitted()
    garments.move(row, due_at=PAST)
    assert lifecycle.claim(TryOnRequest.objects.get(pk=row.pk), timezone.now(), timedelta(seconds=60))
    claimed = TryOnRequest.objects.get(pk=row.pk)
    assert lifecycle.callback(attempt(row), "")
    hinted = TryOnRequest.objects.get(pk=row.pk).due_at
    lifecycle.release(claimed, timezone.now() + timedelta(seconds=10))
    row = garments.reload(row, State.SUBMITTED)
    assert (row.due_at, row.lease_until) == (hinted, None)


def test_a_callback_before_the_posts_answer(garments: Desk) -> None:
    garments.gateway.scenario(callback_early=True, submit_seconds=0.3)
    row = garments.ask()
    with garments.looking():
        assert garments.gateway.ledger.wait_for(lambda ledger: ledger.totals["callbacks_acknowledged"])
        assert TryOnRequest.objects.get(pk=row.pk).state == State.SUBMITTED
        assert attempt(row).verdict == ""
    assert attempt(row).verdict == "accepted"
    garments.look()
    garments.reload(row, State.RENDERED)


def test_the_posts_own_answer_wins_over_a_callbacks_id(desk: Desk) -> None:
    row = desk.ask()
    mine = submit(row)
    assert lifecycle.callback(attempt(row), "forged")
    row = desk.reload(row, State.SUBMITTED)
    lifecycle.submit_answered(mine, *accepted("real"))
    assert attempt(row).vendor_id == "real"
    assert not lifecycle.callback(attempt(row), "forged")
    assert attempt(row).vendor_id == "real"


def test_a_callback_that_began_before_the_posts_own_answer_does_not_win_either(desk: Desk) -> None:
    row = desk.ask()
    mine = submit(row)
    read_before = attempt(row)
    lifecycle.submit_answered(mine, *accepted("real"))
    assert lifecycle.callback(read_before, "forged")
    assert attempt(desk.reload(row, State.SUBMITTED)).vendor_id == "real"


def test_a_callback_saves_a_submit_whose_answer_was_lost(garments: Desk) -> None:
    garments.gateway.scenario(submit="close", seconds=0.5)
    row = garments.ask()
    garments.look()
    row = garments.reload(row, State.UNKNOWN)
    assert row.due_at is not None
    assert row.due_at > timezone.now() + timedelta(minutes=14)
    assert garments.gateway.ledger.wait_for(lambda ledger: ledger.totals["callbacks_acknowledged"])
    garments.look()
    garments.look()
    row = garments.reload(row, State.COMPLETED)
    assert garments.posts() == 1
    assert garments.money(row) == ["spent"]


def test_an_answer_with_another_attempts_id_means_doubt(desk: Desk) -> None:
    first, second = desk.ask(), desk.ask()
    lifecycle.submit_answered(submit(first, "one"), *accepted("same"))
    lifecycle.submit_answered(submit(second, "two"), *accepted("same"))
    desk.reload(first, State.SUBMITTED)
    second = desk.reload(second, State.UNKNOWN)
    assert (attempt(second).verdict, attempt(second).vendor_id) == ("accepted", None)
    assert desk.money(second) == ["held"]


def test_a_late_callback_reopens_what_failed_at_the_deadline(desk: Desk) -> None:
    row = desk.submitted()
    assert desk.gateway.ledger.wait_for(lambda ledger: ledger.entries[0].state == "completed")
    desk.posted(row, timedelta(minutes=16))
    lifecycle.deadline_over(row, attempt(row))
    row = desk.reload(row, State.FAILED, "deadline")
    assert desk.money(row) == ["spent"]

    assert lifecycle.callback(attempt(row), attempt(row).vendor_id or "")
    row = desk.reload(row, State.SUBMITTED)
    desk.look()
    desk.look()
    row = desk.reload(row, State.COMPLETED)
    assert desk.money(row) == ["spent"]


def test_a_callback_is_noted_where_it_is_due_already(desk: Desk) -> None:
    """And its time stays: it is not put back behind those that are due since."""
    row = desk.ask()
    lifecycle.submit_answered(submit(row), *accepted("mine"))
    desk.move(row, due_at=timedelta(seconds=-5))
    due_at = desk.reload(row, State.SUBMITTED).due_at
    began = timezone.now()
    assert lifecycle.callback(attempt(row), "mine")
    noted = desk.reload(row, State.SUBMITTED)
    assert noted.called_back_at is not None
    assert (noted.due_at, noted.called_back_at >= began) == (due_at, True)

    # Once: more of them would put off the deadline again and again.
    assert not lifecycle.callback(attempt(row), "mine")
    assert _times(desk.reload(row, State.SUBMITTED)) == _times(noted)


def test_a_reopened_one_is_asked_for_a_while_and_fails_again(desk: Desk) -> None:
    desk.gateway.scenario(outcome="SIMMERING")
    row = desk.submitted()
    desk.posted(row, timedelta(minutes=16))
    lifecycle.deadline_over(row, attempt(row))
    assert lifecycle.callback(attempt(row), "")
    desk.look()
    row = desk.reload(row, State.SUBMITTED)
    desk.move(row, called_back_at=timedelta(minutes=-2), due_at=PAST)
    desk.look()
    desk.reload(row, State.FAILED, "deadline")


def test_error_after_reopening_gives_the_money_back(desk: Desk) -> None:
    desk.gateway.scenario(outcome="ERROR")
    row = desk.submitted()
    assert desk.gateway.ledger.wait_for(lambda ledger: ledger.entries[0].refunded)
    desk.posted(row, timedelta(minutes=16))
    lifecycle.deadline_over(row, attempt(row))
    assert lifecycle.callback(attempt(row), "")
    desk.look()
    row = desk.reload(row, State.FAILED, "vendor")
    assert desk.money(row) == ["free"]


def test_a_late_callback_reopens_what_failed_with_its_outcome_unknown(desk: Desk) -> None:
    desk.gateway.scenario(submit="close")
    row = desk.ask()
    desk.look()
    desk.due(row)
    desk.look()
    row = desk.reload(row, State.FAILED, "outcome_unknown")
    vendor_id = desk.gateway.ledger.entries[0].request_id
    assert lifecycle.callback(attempt(row), vendor_id or "")
    desk.made(row)
    desk.look()
    row = desk.reload(row, State.COMPLETED)
    assert desk.money(row) == ["spent"]


def test_a_callback_without_an_id_says_nothing_of_an_unknown_outcome(desk: Desk) -> None:
    desk.gateway.scenario(submit="close")
    row = desk.ask()
    desk.look()
    assert not lifecycle.callback(attempt(row), "")
    desk.reload(row, State.UNKNOWN)


def test_another_renders_id_in_a_callback_is_refused(desk: Desk) -> None:
    other = desk.submitted()
    desk.gateway.scenario(submit="close")
    row = desk.ask()
    desk.look()
    assert not lifecycle.callback(attempt(row), attempt(other).vendor_id or "")
    row = desk.reload(row, State.UNKNOWN)
    assert attempt(row).vendor_id is None


def test_an_attempt_that_another_one_followed_is_history(desk: Desk) -> None:
    desk.gateway.scenario(submit_status=500)
    row = desk.ask()
    desk.look()
    desk.due(row)
    row = TryOnRequest.objects.get(pk=row.pk)
    first = attempt(row)
    first = Attempt.objects.select_related("request").get(request=row, number=1)
    second = submit(row, token="the second one")
    assert not lifecycle.callback(first, "an id of the first")
    lifecycle.submit_answered(first, *accepted("late"))
    refusal = Submission(verdict=Verdict.REFUSED, status_code=400)
    lifecycle.submit_refused(first, refusal, retry_at=None)
    lifecycle.submit_refused(first, refusal, retry_at=timezone.now())
    assert not lifecycle.submit_unknown(first, grace=timedelta(0))
    row = desk.reload(row, State.SUBMITTING)
    assert desk.money(row) == ["free", "held"]

    lifecycle.submit_answered(second, *accepted("second"))
    desk.reload(row, State.SUBMITTED)


@pytest.mark.parametrize("is_erased", [False, True])
def test_what_was_canceled_stays_so_and_keeps_its_id(desk: Desk, is_erased: bool) -> None:
    row = desk.ask()
    mine = submit(row)
    if is_erased:
        privacy.erase(row)
    else:
        assert lifecycle.cancel(row)
    assert not lifecycle.callback(attempt(row), "")
    lifecycle.submit_answered(mine, *accepted("its own"))
    assert not lifecycle.callback(attempt(row), "its own")
    row = desk.reload(row, State.CANCELED)
    assert attempt(row).vendor_id == "its own"
    assert desk.money(row) == ["spent"]


def test_an_erased_failure_is_not_reopened(desk: Desk) -> None:
    row = desk.submitted()
    lifecycle.deadline_over(row, attempt(row))
    privacy.erase(row)
    assert not lifecycle.callback(attempt(row), "")
    desk.reload(row, State.FAILED, "deadline")


@pytest.mark.parametrize("state", [State.RENDERED, State.COMPLETED, State.FAILED])
def test_in_the_other_states_a_callback_changes_nothing(desk: Desk, state: State) -> None:
    if state == State.FAILED:
        desk.gateway.scenario(outcome="FAILED")
    row = desk.submitted()
    desk.made(row)
    if state == State.COMPLETED:
        desk.look()
    code = "vendor" if state == State.FAILED else ""
    before = desk.reload(row, state, code)
    assert not lifecycle.callback(attempt(row), attempt(row).vendor_id or "")
    after = desk.reload(row, state, code)
    assert _times(after) == _times(before)


def _times(row: TryOnRequest) -> list[Any]:
    return [row.due_at, row.finished_at, row.called_back_at, row.lease_until]
