"""Submits that the vendor answers with 500 or 503, and accepts and charges all the same."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import RequestFactory
from django.utils import timezone

from django_vton import health, lifecycle, privacy, signals
from django_vton.gateway import circuit_breaker, polling
from django_vton.gateway.backoff import MAX_SERVER_ERRORS
from django_vton.models import Attempt, Quota, TryOnRequest, VendorLink
from django_vton.models.states import State
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorResponse, VendorStatus
from django_vton.utils.tokens import hash_token
from django_vton.web import webhooks

from ..tryons import claim_for_submit
from .harness import PAST

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .harness import Harness

FASHN = "fashn-v1.6"
FIVE_HUNDRED = SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=500, error="HTTP 500: error")


@pytest.fixture
def attention() -> Iterator[list[Any]]:
    """The codes of `tryon_needs_attention`."""
    codes: list[Any] = []

    def needs_attention(**arguments: Any) -> None:
        codes.append(arguments["code"])

    signals.tryon_needs_attention.connect(needs_attention)
    yield codes
    signals.tryon_needs_attention.disconnect(needs_attention)


def attempt_of(row: TryOnRequest, number: int = 1) -> Attempt:
    return Attempt.objects.select_related("request").get(request=row, number=number)


def test_an_accepted_500_is_found_by_its_callback_and_not_sent_again(garment_harness: Harness) -> None:
    harness = garment_harness
    harness.gateway.scenario(submit_status=500, accepted=True, callback_seconds=1)
    row = harness.order()
    harness.run_cycle()
    row = harness.reload(row, State.UNKNOWN)
    assert VendorLink.objects.count() == 2, "the vendor may download the images"
    assert row.due_at == attempt_of(row).posted_at + polling.CALLBACK_WAIT  # type: ignore[operator]
    assert harness.gateway.ledger.wait_for(lambda ledger: ledger.totals["callbacks_acknowledged"])
    harness.run_cycle()
    harness.run_cycle()
    row = harness.reload(row, State.COMPLETED)
    assert harness.money_states(row) == ["spent"]
    assert (harness.post_count(), harness.spent()) == (1, harness.charged())

    # Now such an answer is no refusal any more.
    assert "charged_errors.fashn-v1.6" in [fact.cause for fact in health.find_incidents()]
    harness.gateway.scenario(submit_status=500)
    unknown = harness.order()
    harness.run_due_cycle()
    harness.run_due_cycle()
    unknown = harness.reload(unknown, State.FAILED, "outcome_unknown")
    assert harness.money_states(unknown) == ["spent"]


def test_without_a_callback_a_500_is_sent_again(garment_harness: Harness) -> None:
    harness = garment_harness
    harness.gateway.scenario(submit_status=500)
    row = harness.order()
    harness.run_cycle()
    harness.reload(row, State.UNKNOWN)
    harness.run_due_cycle()
    row = harness.reload(row, State.QUEUED)
    assert harness.money_states(row) == ["free", "held"]
    assert not VendorLink.objects.exists()
    harness.run_due_cycle()
    harness.reload(row, State.SUBMITTED)


def test_the_sixth_500_is_final_after_the_wait_for_a_callback(garment_harness: Harness) -> None:
    harness = garment_harness
    harness.gateway.scenario(submit_status=500, times=None, submit_error="ContentModerationError: no")
    row = harness.order()
    for _ in range(2 * MAX_SERVER_ERRORS):
        harness.run_due_cycle()
    row = harness.reload(row, State.FAILED, "moderated")
    assert harness.money_states(row) == ["free"] * MAX_SERVER_ERRORS
    assert Quota.objects.get().used == 0


def test_a_try_on_that_is_canceled_while_it_awaits_a_callback_is_free_until_one_comes(
    garment_harness: Harness, attention: list[Any]
) -> None:
    harness = garment_harness
    row = order_after_500(harness)
    assert lifecycle.cancel(row)
    assert harness.money_states(row) == ["free"]
    call_back(harness, row)
    row = harness.reload(row, State.CANCELED)
    assert harness.money_states(row) == ["spent"]
    assert (harness.spent(), attention) == (harness.charged(), ["charged_error"])


def order_after_500(harness: Harness, waits: int = 0) -> TryOnRequest:
    """A try-on that the vendor has accepted, but answered with 500. No callback has come."""
    harness.gateway.scenario(submit_status=500, accepted=True, callbacks=0)
    row = harness.order()
    harness.run_cycle()
    harness.wait_until_finished()  # Once the try-on has moved on, the links to its images are invalid.
    for _ in range(waits):
        harness.run_due_cycle()
    return TryOnRequest.objects.get(pk=row.pk)


def call_back(harness: Harness, row: TryOnRequest, number: int = 1) -> bool:
    vendor_id = harness.gateway.ledger.entries[number - 1].request_id or ""
    return lifecycle.receive_callback(attempt_of(row, number), vendor_id)


def test_a_late_callback_of_a_queued_try_on_saves_the_next_post(
    garment_harness: Harness, attention: list[Any]
) -> None:
    harness = garment_harness
    row = order_after_500(harness, waits=1)
    harness.reload(row, State.QUEUED)
    assert call_back(harness, row)
    row = harness.reload(row, State.SUBMITTED)
    assert harness.money_states(row) == ["spent", "free"]
    assert Quota.objects.get().used == 1, "it still counts"
    assert attention == ["charged_error"]
    assert row.events.latest("pk").name == "charged_error"
    harness.poll_when_finished(row)
    harness.run_cycle()
    row = harness.reload(row, State.COMPLETED)
    assert (harness.post_count(), harness.spent()) == (1, harness.charged())
    call_back(harness, row)
    harness.reload(row, State.COMPLETED)


def test_a_late_callback_does_not_stop_a_slow_worker(garment_harness: Harness) -> None:
    """It has read the next attempt, but the render of the first one is awaited now."""
    harness = garment_harness
    row = order_after_500(harness, waits=1)
    TryOnRequest.objects.update(due_at=timezone.now() + PAST)
    read = attempt_of(row, 2)
    assert call_back(harness, row)
    assert not lifecycle.claim_submits([read], ["token"], timezone.now(), lifecycle.LEASE)
    harness.reload(row, State.SUBMITTED)


def test_an_error_of_a_render_that_a_late_callback_has_found_is_free(garment_harness: Harness) -> None:
    harness = garment_harness
    harness.gateway.scenario(submit_status=500, accepted=True, callbacks=0, outcome="ERROR")
    row = harness.order()
    harness.run_cycle()
    harness.wait_until_finished()
    harness.run_due_cycle()
    assert call_back(harness, row)
    harness.poll_when_finished(row)
    row = harness.reload(row, State.FAILED, "vendor")
    assert harness.money_states(row) == ["free", "free"]
    assert harness.spent() == harness.charged() == 0
    assert lifecycle.retry(row, actor_id=None)
    harness.run_cycle()
    row = harness.reload(row, State.SUBMITTED)
    assert harness.money_states(row) == ["free", "free", "held"]


def test_two_accepted_submits_are_both_booked(garment_harness: Harness, attention: list[Any]) -> None:
    harness = garment_harness
    row = order_after_500(harness, waits=2)
    harness.reload(row, State.SUBMITTED)
    call_back(harness, row)
    row = harness.reload(row, State.SUBMITTED)
    assert harness.money_states(row) == ["spent", "held"]
    harness.poll_when_finished(row, times=2)
    harness.run_cycle()
    row = harness.reload(row, State.COMPLETED)
    assert harness.money_states(row) == ["spent", "spent"]
    assert (harness.post_count(), harness.spent(), attention) == (2, harness.charged(), ["charged_error"])


@pytest.mark.parametrize("is_erased", [False, True])
def test_after_an_uncharged_attempt_the_accepted_one_is_awaited(
    garment_harness: Harness, is_erased: bool
) -> None:
    harness = garment_harness
    row = order_after_500(harness, waits=1)
    TryOnRequest.objects.update(due_at=timezone.now() + PAST)
    second = claim_for_submit(row, token="second")
    lifecycle.mark_unknown(second, timeout=PAST)
    lifecycle.end_unknown_outcome(row)
    row = TryOnRequest.objects.get(pk=row.pk)
    assert row.error_code == "outcome_unknown"
    call_back(harness, row)
    harness.set_posted(row, timedelta(minutes=5))
    if is_erased:
        privacy.erase_tryon(row)
    assert lifecycle.confirm_not_charged(row, actor_id=None)
    if is_erased:
        row = harness.reload(row, State.FAILED, "vendor")
    else:
        row = harness.reload(row, State.SUBMITTED)
        assert Quota.objects.get().used == 1, "it still counts"
        assert row.events.filter(name="not_charged").exists()
        harness.poll_when_finished(row)
        harness.run_cycle()
        row = harness.reload(row, State.COMPLETED)
    assert harness.money_states(row) == ["spent", "free"]
    assert (harness.post_count(), harness.spent()) == (1, harness.charged())


@pytest.mark.parametrize("status", [429, 400])
def test_after_a_refusal_the_accepted_attempt_is_awaited(garment_harness: Harness, status: int) -> None:
    harness = garment_harness
    row = order_after_500(harness, waits=1)
    TryOnRequest.objects.update(due_at=timezone.now() + PAST)
    second = claim_for_submit(TryOnRequest.objects.get(pk=row.pk), token="second")
    call_back(harness, row)
    harness.reload(row, State.SUBMITTING)
    refusal = SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=status)
    lifecycle.mark_refused(second, refusal, retry_at=timezone.now() if status == 429 else None)
    row = harness.reload(row, State.SUBMITTED)
    assert harness.money_states(row) == ["spent", "free"]
    harness.poll_when_finished(row)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)
    assert harness.spent() == harness.charged()


def test_a_failed_try_on_stays_failed_and_is_booked(garment_harness: Harness, attention: list[Any]) -> None:
    harness = garment_harness
    row = order_after_500(harness)
    lifecycle.mark_refused(attempt_of(row), FIVE_HUNDRED, retry_at=None)
    assert harness.money_states(row) == ["free"]
    call_back(harness, row)
    row = harness.reload(row, State.FAILED, "vendor")
    assert harness.money_states(row) == ["spent"]
    assert (harness.spent(), attention) == (harness.charged(), ["charged_error"])


def test_a_500_is_no_refusal_if_another_one_was_charged_meanwhile(garment_harness: Harness) -> None:
    harness = garment_harness
    harness.gateway.scenario(submit_status=500)
    row = harness.order()
    harness.run_cycle()
    harness.reload(row, State.UNKNOWN)
    circuit_breaker.record_charged_error(FASHN)
    harness.run_due_cycle()
    row = harness.reload(row, State.UNKNOWN)
    assert row.due_at is not None
    assert row.due_at > timezone.now() + timedelta(minutes=10)
    harness.run_due_cycle()
    harness.reload(row, State.FAILED, "outcome_unknown")
    assert harness.post_count() == 1


def test_a_callback_without_an_id_proves_nothing(garment_harness: Harness) -> None:
    harness = garment_harness
    harness.gateway.scenario(submit_status=500)
    row = harness.order()
    harness.run_cycle()
    harness.run_due_cycle()
    assert not lifecycle.receive_callback(attempt_of(row), "")
    row = harness.reload(row, State.QUEUED)
    assert harness.money_states(row) == ["free", "held"]
    assert not circuit_breaker.charged_errors(timezone.now()).exists()


def test_an_id_that_operator_and_callback_agree_on_stays_charged(garment_harness: Harness) -> None:
    harness = garment_harness
    row = order_after_500(harness)
    assert lifecycle.adopt_vendor_id(row, harness.gateway.ledger.entries[0].request_id or "", actor_id=None)
    # A poll that the vendor has postponed. The callback makes the next one due now.
    TryOnRequest.objects.filter(pk=row.pk).update(due_at=timezone.now() + timedelta(minutes=5))
    assert call_back(harness, row)
    assert not lifecycle.withdraw_adoption(row, actor_id=None)
    harness.poll_when_finished(row)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)
    assert harness.spent() == harness.charged()


def test_a_second_callback_does_not_charge_an_error(garment_harness: Harness) -> None:
    """The first one comes before the 500."""
    harness = garment_harness
    row = harness.order()
    attempt = claim_for_submit(row)
    assert lifecycle.receive_callback(attempt, "the render")
    lifecycle.mark_refused(attempt, FIVE_HUNDRED, retry_at=timezone.now())
    answer = VendorResponse(
        vendor_id="the render", status=VendorStatus.ERROR, raw_status="ERROR", error_code="vendor"
    )
    assert lifecycle.mark_render_failed(attempt, answer, is_charged=False)
    lifecycle.receive_callback(attempt_of(row), "the render")
    row = harness.reload(row, State.FAILED, "vendor")
    assert harness.money_states(row) == ["free"]


def test_a_callback_corrects_the_id_that_an_operator_has_adopted_after_a_500(
    garment_harness: Harness,
) -> None:
    harness = garment_harness
    row = order_after_500(harness)
    assert lifecycle.adopt_vendor_id(row, "wrong", actor_id=None)
    vendor_id = harness.gateway.ledger.entries[0].request_id
    request = RequestFactory().post(
        "/", json.dumps({"request_id": vendor_id}), content_type="application/json"
    )
    token = "0123456789"
    Attempt.objects.filter(request=row).update(token_hash=hash_token(token))
    assert webhooks.callback(request, token).status_code == 200
    assert not lifecycle.withdraw_adoption(row, actor_id=None)
    harness.poll_when_finished(row)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)
    assert harness.spent() == harness.charged()
