"""Operators resolve unknown outcomes with what the vendor's panel shows."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.conf import config
from django_vton.exceptions import BudgetExhausted
from django_vton.models import PersonPhoto
from django_vton.models.states import State
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorResponse, VendorStatus

if TYPE_CHECKING:
    from django_vton.models import TryOnRequest

    from ..conftest import Vton
    from .harness import Harness

LONG = timedelta(minutes=5)


@pytest.fixture
def lost(harness: Harness) -> TryOnRequest:
    """Charged, and its response never came."""
    harness.gateway.scenario(submit="close")
    row = harness.order()
    harness.run_cycle()
    harness.make_due(row)
    harness.run_cycle()
    harness.set_posted(row, LONG)
    return harness.reload(row, State.FAILED, "outcome_unknown")


def test_an_adopted_vendor_id_completes_the_render(harness: Harness, lost: TryOnRequest) -> None:
    vendor_id = harness.gateway.ledger.entries[0].request_id or ""
    assert lifecycle.adopt_vendor_id(lost, vendor_id, actor_id=None)
    harness.poll_when_finished(lost)
    harness.run_cycle()
    row = harness.reload(lost, State.COMPLETED)
    assert harness.money_states(row) == ["spent"]
    assert not lifecycle.adopt_vendor_id(row, vendor_id, actor_id=None)


def test_a_vendor_id_is_adopted_before_the_outcome_timeout(harness: Harness) -> None:
    harness.gateway.scenario(submit="close")
    row = harness.order()
    harness.run_cycle()
    assert lifecycle.adopt_vendor_id(row, harness.gateway.ledger.entries[0].request_id or "", actor_id=None)
    harness.reload(row, State.SUBMITTED)


def test_the_id_of_another_attempt_is_not_adopted(harness: Harness, lost: TryOnRequest) -> None:
    other = harness.order_submitted()
    assert not lifecycle.adopt_vendor_id(lost, other.attempts.get().vendor_id or "", actor_id=None)
    harness.reload(lost, State.FAILED, "outcome_unknown")


def test_not_charged_frees_the_money_and_sends_again(harness: Harness, lost: TryOnRequest) -> None:
    # The gateway did charge this one: only the rows are compared here.
    assert lifecycle.confirm_not_charged(lost, actor_id=None)
    row = harness.reload(lost, State.QUEUED)
    assert harness.money_states(row) == ["free", "held"]
    harness.run_cycle()
    row = harness.reload(row, State.SUBMITTED)
    assert not lifecycle.confirm_not_charged(row, actor_id=None)
    harness.gateway.reset()
    assert lifecycle.cancel(row)


@pytest.mark.parametrize("status", [VendorStatus.COMPLETED, VendorStatus.FAILED])
def test_late_results_of_the_uncharged_attempt_do_not_end_the_next(
    harness: Harness, lost: TryOnRequest, status: VendorStatus
) -> None:
    first = lost.attempts.get()
    assert lifecycle.confirm_not_charged(lost, actor_id=None)
    harness.run_cycle()
    row = harness.reload(lost, State.SUBMITTED)
    answer = VendorResponse(
        vendor_id="the first one's", status=status, raw_status=status, images=("http://a.invalid/1.png",)
    )
    first.request = row
    lifecycle.mark_submitted([(first, SubmitResult(outcome=SubmitOutcome.ACCEPTED, answer=answer))])
    assert not lifecycle.mark_rendered([(first, answer, None)])
    assert not lifecycle.mark_render_failed(first, answer, is_charged=True)
    lifecycle.fail_at_deadline(first)
    assert harness.money_states(harness.reload(row, State.SUBMITTED)) == ["spent", "held"]
    harness.gateway.reset()
    assert lifecycle.cancel(row)


def test_a_late_response_proves_that_an_uncharged_attempt_was_charged(
    harness: Harness, lost: TryOnRequest
) -> None:
    """The worker could not store the response for minutes. Nothing more is sent: its render is awaited."""
    first = lost.attempts.get()
    assert lifecycle.confirm_not_charged(lost, actor_id=None)
    vendor_id = harness.gateway.ledger.entries[0].request_id or ""
    answer = VendorResponse(vendor_id=vendor_id, status=VendorStatus.RUNNING, raw_status="QUEUED")
    lifecycle.mark_submitted([(first, SubmitResult(outcome=SubmitOutcome.ACCEPTED, answer=answer))])
    row = harness.reload(lost, State.SUBMITTED)
    assert harness.money_states(row) == ["spent", "free"]
    harness.poll_when_finished(row)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)
    assert (harness.post_count(), harness.spent()) == (1, harness.charged())


def test_not_charged_changes_nothing_if_the_budget_is_exhausted(
    harness: Harness, lost: TryOnRequest, vton: Vton
) -> None:
    vton(DAILY_BUDGET=Decimal("0.29"))
    with pytest.raises(BudgetExhausted):
        lifecycle.confirm_not_charged(lost, actor_id=None)
    row = harness.reload(lost, State.FAILED, "outcome_unknown")
    assert harness.money_states(row) == ["spent"]


def test_not_charged_is_refused_while_the_result_may_still_come(harness: Harness, lost: TryOnRequest) -> None:
    harness.set_posted(lost, timedelta(seconds=30))
    assert not lifecycle.confirm_not_charged(lost, actor_id=None)
    harness.reload(lost, State.FAILED, "outcome_unknown")


def test_without_its_photo_the_money_is_freed_and_nothing_is_sent(
    harness: Harness, lost: TryOnRequest
) -> None:
    assert lost.photo is not None
    lost.photo.delete()
    attempt = lost.attempts.get()
    # The gateway did charge this one: only the rows are compared here.
    harness.gateway.reset()
    assert lifecycle.confirm_not_charged(lost, actor_id=None)
    row = harness.reload(lost, State.FAILED, "vendor")
    assert harness.money_states(row) == ["free"]
    assert row.events.last() == row.events.get(name="not_charged")
    assert not lifecycle.confirm_not_charged(row, actor_id=None)
    # What is free must not come back to life unpaid.
    assert not lifecycle.receive_callback(attempt, "late")
    harness.reload(lost, State.FAILED, "vendor")


def test_the_money_of_an_erased_try_on_can_only_be_freed(harness: Harness, lost: TryOnRequest) -> None:
    privacy.erase_tryon(lost)
    assert not lifecycle.adopt_vendor_id(lost, "some id", actor_id=None)
    assert lost.attempts.get().vendor_id is None
    harness.gateway.reset()
    assert lifecycle.confirm_not_charged(lost, actor_id=None)
    row = harness.reload(lost, State.FAILED, "vendor")
    assert harness.money_states(row) == ["free"]


def test_an_attempt_with_a_late_callback_was_charged(harness: Harness, lost: TryOnRequest) -> None:
    privacy.erase_tryon(lost)
    attempt = lost.attempts.get()
    lifecycle.receive_callback(attempt, harness.gateway.ledger.entries[0].request_id or "")
    assert not lifecycle.confirm_not_charged(lost, actor_id=None)
    row = harness.reload(lost, State.FAILED, "outcome_unknown")
    assert harness.money_states(row) == ["spent"]


def test_a_correction_of_the_id_is_in_the_history(harness: Harness) -> None:
    row = harness.order_submitted()
    before = row.attempts.get().vendor_id
    harness.set_posted(row, config.DEADLINE)
    lifecycle.fail_at_deadline(row.attempts.get())
    assert lifecycle.adopt_vendor_id(row, "the right one", actor_id=None)
    assert row.events.get(name="adopted").detail == {
        "vendor_id": "the right one",
        "before": before,
        "code": "deadline",
    }
    # The gateway's ledger knows the first id only.
    harness.gateway.reset()
    assert lifecycle.cancel(row)


def test_a_withdrawn_id_of_a_refused_submit_frees_the_money(harness: Harness) -> None:
    harness.gateway.scenario(submit="close")
    row = harness.order()
    harness.run_cycle()
    assert lifecycle.adopt_vendor_id(row, "a wrong one", actor_id=None)
    # The response comes from a worker that was slow.
    refused = SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=400)
    lifecycle.mark_refused(row.attempts.get(), refused, retry_at=None)
    harness.gateway.reset()
    assert lifecycle.withdraw_adoption(row, actor_id=None)
    row = harness.reload(row, State.FAILED, "vendor")
    assert harness.money_states(row) == ["free"]


def test_a_reopened_render_of_a_house_model_is_shared_again(
    harness: Harness, house_model: PersonPhoto
) -> None:
    harness.gateway.scenario(submit="close")
    order: dict[str, Any] = {"photo": None, "photo_id": str(house_model.pk), "consent": False}
    first = harness.order(**order)
    source = first.source
    assert source is not None
    harness.run_cycle()
    harness.make_due(source)
    harness.run_cycle()
    harness.reload(source, State.FAILED, "outcome_unknown")
    assert lifecycle.adopt_vendor_id(
        source, harness.gateway.ledger.entries[0].request_id or "", actor_id=None
    )
    assert harness.order(**order).source == source
    harness.poll_when_finished(source)
    harness.run_cycle()
    harness.reload(first, State.COMPLETED)
    assert harness.post_count() == 1


def test_a_withdrawal_is_in_the_history_of_those_who_share_the_render(
    harness: Harness, house_model: PersonPhoto
) -> None:
    harness.gateway.scenario(submit="close")
    follower = harness.order(photo=None, photo_id=str(house_model.pk), consent=False)
    source = follower.source
    assert source is not None
    harness.run_cycle()
    assert lifecycle.adopt_vendor_id(source, "a wrong one", actor_id=None)
    lifecycle.fail_at_deadline(source.attempts.get())
    assert lifecycle.withdraw_adoption(source, actor_id=None)
    harness.reload(source, State.FAILED, "outcome_unknown")
    follower = harness.reload(follower, State.FAILED, "outcome_unknown")
    assert follower.events.latest("pk").name == "adoption_withdrawn"


def test_a_newer_shared_render_stays_the_shared_one(harness: Harness, house_model: PersonPhoto) -> None:
    harness.gateway.scenario(submit="close")
    order: dict[str, Any] = {"photo": None, "photo_id": str(house_model.pk), "consent": False}
    source = harness.order(**order).source
    assert source is not None
    harness.run_cycle()
    harness.make_due(source)
    harness.run_cycle()
    other = harness.order(**order).source
    assert other is not None
    assert other != source
    assert lifecycle.adopt_vendor_id(
        source, harness.gateway.ledger.entries[0].request_id or "", actor_id=None
    )
    assert harness.reload(source, State.SUBMITTED).shared_key is None
    assert harness.order(**order).source == other
    harness.run_cycle()
    harness.poll_when_finished(source, times=2)
    harness.poll_when_finished(other, times=2)
    harness.run_cycle()


def test_a_written_off_try_on_stays_failed(harness: Harness, lost: TryOnRequest) -> None:
    assert lifecycle.write_off(lost, actor_id=None)
    row = harness.reload(lost, State.FAILED, "outcome_unknown")
    last = row.events.last()
    assert last is not None
    assert last.name == "written_off"
    assert not lifecycle.write_off(harness.order_submitted(), actor_id=None)


def test_the_outcome_of_a_running_render_is_not_unknown(harness: Harness) -> None:
    row = harness.order_submitted()
    assert not lifecycle.adopt_vendor_id(row, "some id", actor_id=None)
    assert not lifecycle.confirm_not_charged(row, actor_id=None)


def test_a_submit_that_was_refused_in_the_meantime_has_no_id_to_adopt(harness: Harness) -> None:
    harness.gateway.scenario(submit_status=502)
    row = harness.order()
    harness.run_cycle()
    harness.make_due(row)
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "outcome_unknown")
    # The response comes to a worker whose lease has expired.
    refused = SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=400, error="HTTP 400")
    lifecycle.mark_refused(lifecycle.current_attempt(row), refused, retry_at=None)
    assert harness.money_states(row) == ["free"]
    assert not lifecycle.adopt_vendor_id(row, "some id", actor_id=None)
    harness.reload(row, State.FAILED, "outcome_unknown")


def test_a_try_on_that_was_never_sent_has_no_id_to_adopt(harness: Harness) -> None:
    row = harness.order()
    PersonPhoto.objects.filter(try_ons=row).update(expires_at=timezone.now())
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "photo_gone")
    assert not lifecycle.adopt_vendor_id(row, "some id", actor_id=None)
    assert harness.money_states(harness.reload(row, State.FAILED, "photo_gone")) == ["free"]
