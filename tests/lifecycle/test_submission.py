"""Every result of a submit, and what it costs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from django_vton import lifecycle, signals
from django_vton.models import Attempt, Quota, VendorLink
from django_vton.models.states import State
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorResponse, VendorStatus, client
from django_vton.worker import outcomes

from ..live_shop import free_port
from ..tryons import claim_for_submit

if TYPE_CHECKING:
    from ..conftest import Vton
    from .harness import Harness


def attempt(row: Any) -> Attempt:
    return Attempt.objects.filter(request=row).latest("number")


def test_an_accepted_submit_is_held_then_spent_and_completes(harness: Harness) -> None:
    row = harness.order_submitted()
    assert harness.money_states(row) == ["held"]
    assert (attempt(row).outcome, attempt(row).http_status) == ("accepted", 200)

    harness.poll_when_finished(row)
    row = harness.reload(row, State.RENDERED)
    assert harness.money_states(row) == ["spent"]
    harness.run_cycle()
    row = harness.reload(row, State.COMPLETED)
    assert harness.spent() == harness.charged() == 300_000


def test_a_final_status_in_the_submit_response_needs_no_poll(harness: Harness) -> None:
    harness.gateway.scenario(submit="terminal")
    row = harness.order()
    harness.run_cycle()
    harness.reload(row, State.RENDERED)
    harness.run_cycle()
    harness.reload(row, State.COMPLETED)
    assert harness.gateway.ledger.totals["asks"] == 0


def test_a_final_refusal_is_free_and_counts_in_no_quota(harness: Harness) -> None:
    harness.gateway.scenario(submit_status=400, submit_error="ContentModerationError: no")
    row = harness.order()
    assert Quota.objects.get().used == 1
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "moderated")
    assert harness.money_states(row) == ["free"]
    assert Quota.objects.get().used == 0
    assert harness.charged() == harness.spent() == 0


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_is_retried_later(harness: Harness, status: int) -> None:
    harness.gateway.scenario(submit_status=status)
    row = harness.order()
    harness.run_cycle()
    row = harness.reload(row, State.QUEUED)
    assert harness.money_states(row) == ["free", "held"]
    assert row.due_at is not None
    assert row.due_at > row.created_at + timedelta(seconds=0.5)

    harness.run_cycle()
    assert harness.post_count() == 1, "it is not due yet"
    harness.make_due(row)
    harness.run_cycle()
    harness.reload(row, State.SUBMITTED)
    assert harness.post_count() == 2


def test_the_sixth_server_error_is_final_and_free(harness: Harness) -> None:
    harness.gateway.scenario(submit_status=500, times=None)
    row = harness.order()
    for _ in range(6):
        harness.make_due(row)
        harness.run_cycle()
    row = harness.reload(row, State.FAILED, "vendor")
    assert harness.money_states(row) == ["free"] * 6


def test_a_submit_that_was_not_sent_is_retried_and_is_no_refusal(
    harness: Harness, vton: Vton, caplog: pytest.LogCaptureFixture
) -> None:
    url = harness.gateway.url
    closed_url = f"http://127.0.0.1:{free_port()}"
    vton(PIXAZO_BASE_URL=closed_url)
    row = harness.order()
    for _ in range(7):
        harness.make_due(row)
        harness.run_cycle()
    row = harness.reload(row, State.QUEUED)
    assert set(Attempt.objects.values_list("outcome", flat=True)) == {"not_sent", ""}
    assert harness.money_states(row) == ["free"] * 7 + ["held"]
    [message, *_] = [line for line in caplog.messages if "was not sent" in line]
    assert f"was not sent to {closed_url}: ConnectError" in message
    assert message.endswith("(is vton_sandbox running?)")

    vton(PIXAZO_BASE_URL=url)
    harness.gateway.scenario(submit_status=500)
    harness.make_due(row)
    harness.run_cycle()
    harness.reload(row, State.QUEUED)


@pytest.mark.parametrize(
    "scenario",
    [
        {"submit": "close"},
        {"submit": "no_id"},
        {"submit": "hang"},
        {"submit_status": 502, "accepted": True},
        {"submit_status": 500, "submit_html": True, "accepted": True},
    ],
    ids=str,
)
def test_a_submit_with_a_lost_response_is_never_sent_again_and_ends_spent(
    harness: Harness, scenario: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "TIMEOUT", httpx.Timeout(0.5))
    harness.gateway.scenario(**scenario)
    told: list[Any] = []

    def needs_attention(**arguments: Any) -> None:
        told.append((arguments["try_on"].pk, arguments["code"]))

    signals.tryon_needs_attention.connect(needs_attention)
    try:
        row = harness.order()
        harness.run_cycle()
        row = harness.reload(row, State.UNKNOWN)
        assert harness.money_states(row) == ["held"]
        harness.run_cycle()
        harness.reload(row, State.UNKNOWN)
        assert told == []

        harness.make_due(row)
        harness.run_cycle()
    finally:
        signals.tryon_needs_attention.disconnect(needs_attention)
    row = harness.reload(row, State.FAILED, "outcome_unknown")
    assert told == [(row.pk, "outcome_unknown")]
    assert harness.money_states(row) == ["spent"]
    assert harness.post_count() == 1
    assert harness.spent() == harness.charged()


def test_a_vendor_id_that_belongs_to_another_attempt_is_not_stored(harness: Harness) -> None:
    known = attempt(harness.order_submitted()).vendor_id
    row = harness.order()
    mine = claim_for_submit(row)
    answer = VendorResponse(vendor_id=known or "", status=VendorStatus.RUNNING, raw_status="QUEUED")
    lifecycle.mark_submitted([(mine, SubmitResult(outcome=SubmitOutcome.ACCEPTED, answer=answer))])
    row = harness.reload(row, State.UNKNOWN)
    assert attempt(row).vendor_id is None
    harness.make_due(row)
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "outcome_unknown")
    assert harness.money_states(row) == ["spent"]


def test_an_expired_photo_fails_the_try_on_free_of_charge(harness: Harness) -> None:
    row = harness.order()
    assert row.photo is not None
    type(row.photo).objects.filter(pk=row.photo.pk).update(expires_at=row.created_at)
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "photo_gone")
    assert harness.money_states(row) == ["free"]
    assert harness.post_count() == 0


def test_a_photo_that_cannot_be_read_is_not_retried_for_ever(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "MAX_ATTEMPTS", 2)
    row = harness.order()
    assert row.photo is not None
    path = Path(row.photo.file.path)
    path.unlink()
    path.mkdir()
    harness.run_cycle()
    harness.reload(row, State.QUEUED)
    harness.make_due(row)
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "vendor")
    assert harness.money_states(row) == ["free", "free"]


def test_an_engine_that_was_removed_from_the_settings_delays_no_other_try_on(harness: Harness) -> None:
    sent = harness.order_submitted()
    queued, row = harness.order(), harness.order()
    type(sent).objects.filter(pk__in=[sent.pk, queued.pk]).update(engine="gone-v1")
    harness.make_due(sent)
    harness.run_cycle()
    queued = harness.reload(queued, State.FAILED, "vendor")
    assert harness.money_states(queued) == ["free"]
    harness.reload(row, State.SUBMITTED)

    harness.set_posted(sent, timedelta(minutes=16))
    harness.make_due(sent)
    harness.run_cycle()
    harness.reload(sent, State.FAILED, "deadline")


def test_vendor_links_are_deleted_with_a_refused_attempt(garment_harness: Harness) -> None:
    garment_harness.gateway.scenario(submit_status=429)
    row = garment_harness.order()
    garment_harness.run_cycle()
    garment_harness.reload(row, State.QUEUED)
    assert not VendorLink.objects.exists()
