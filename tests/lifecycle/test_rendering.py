"""How renders end at the vendor, and how long they are polled."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton import lifecycle
from django_vton.models import Attempt, Quota
from django_vton.models.states import State
from django_vton.pixazo import VendorResponse, VendorStatus

from ..live_shop import free_port

if TYPE_CHECKING:
    from ..conftest import Vton
    from .harness import Harness

LONG = timedelta(minutes=16)


def test_a_failed_render_is_charged(harness: Harness) -> None:
    harness.gateway.scenario(outcome="FAILED", error="PoseError: no body")
    row = harness.order_submitted()
    harness.poll_when_finished(row)
    row = harness.reload(row, State.FAILED, "no_person")
    assert harness.money_states(row) == ["spent"]
    assert Quota.objects.get().used == 1


def test_a_vendor_error_is_free_and_counts_in_no_quota(harness: Harness) -> None:
    harness.gateway.scenario(outcome="ERROR")
    row = harness.order_submitted()
    harness.poll_when_finished(row)
    row = harness.reload(row, State.FAILED, "vendor")
    assert harness.money_states(row) == ["free"]
    assert harness.spent() == harness.charged() == 0
    assert Quota.objects.get().used == 0


@pytest.mark.parametrize(
    "scenario", [{"outcome": "SIMMERING"}, {"failed_asks": 9}, {"unknown_asks": 9}], ids=str
)
def test_a_render_without_a_final_status_is_polled_until_the_deadline(
    harness: Harness, scenario: dict[str, object]
) -> None:
    harness.gateway.scenario(**scenario)
    row = harness.order_submitted()
    for _ in range(2):
        harness.make_due(row)
        harness.run_cycle()
        row = harness.reload(row, State.SUBMITTED)
        assert row.due_at is not None
        assert row.due_at > timezone.now()

    harness.set_posted(row, LONG)
    harness.make_due(row)
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "deadline")
    assert harness.money_states(row) == ["spent"]
    assert harness.post_count() == 1


def test_a_poll_after_the_deadline_still_accepts_a_finished_render(harness: Harness) -> None:
    row = harness.order_submitted()
    harness.set_posted(row, LONG)
    harness.poll_when_finished(row)
    harness.reload(row, State.RENDERED)


def test_the_deadline_is_a_setting(harness: Harness, vton: Vton) -> None:
    vton(DEADLINE=timedelta(seconds=30))
    harness.gateway.scenario(outcome="SIMMERING")
    row = harness.order_submitted()
    harness.set_posted(row, timedelta(seconds=31))
    harness.make_due(row)
    harness.run_cycle()
    harness.reload(row, State.FAILED, "deadline")


def test_polls_that_kill_the_process_end_at_the_deadline(harness: Harness) -> None:
    row = harness.order_submitted()
    type(row).objects.filter(pk=row.pk).update(claim_count=4)
    harness.set_posted(row, LONG)
    harness.make_due(row)
    harness.run_cycle()
    harness.reload(row, State.FAILED, "deadline")
    assert harness.gateway.ledger.totals["asks"] == 0


def test_a_response_about_a_corrected_id_is_ignored(harness: Harness) -> None:
    row = harness.order_submitted()
    attempt = Attempt.objects.get(request=row)
    other = VendorResponse(
        vendor_id="another", status=VendorStatus.COMPLETED, raw_status="COMPLETED", images=("http://x/1",)
    )
    assert not lifecycle.mark_rendered([(attempt, other, None)])
    failed = VendorResponse(vendor_id="another", status=VendorStatus.FAILED, raw_status="FAILED")
    assert not lifecycle.mark_render_failed(attempt, failed, is_charged=True)
    harness.reload(row, State.SUBMITTED)


def test_an_error_after_completed_changes_nothing(harness: Harness) -> None:
    row = harness.order_rendered()
    attempt = Attempt.objects.get(request=row)
    error = VendorResponse(
        vendor_id=attempt.vendor_id or "", status=VendorStatus.ERROR, raw_status="ERROR", error="oops"
    )
    assert not lifecycle.mark_render_failed(attempt, error, is_charged=False)
    assert not lifecycle.receive_callback(attempt, error.vendor_id)
    harness.run_cycle()
    row = harness.reload(row, State.COMPLETED)
    assert harness.money_states(row) == ["spent"]
    assert harness.gateway.ledger.totals["asks"] == 1, "a finished render is not polled again"


def test_deleted_vendor_links_do_not_blame_the_photo(
    garment_harness: Harness, vton: Vton, caplog: pytest.LogCaptureFixture
) -> None:
    vton(PUBLIC_BASE_URL=f"http://127.0.0.1:{free_port()}")
    row = garment_harness.order_submitted()
    attempt = Attempt.objects.get(request=row)
    lifecycle.fail_at_deadline(attempt)
    assert lifecycle.receive_callback(attempt, attempt.vendor_id or "")
    garment_harness.poll_when_finished(row)
    row = garment_harness.reload(row, State.FAILED, "vendor")
    assert garment_harness.money_states(row) == ["spent"]
    assert "Can it reach PUBLIC_BASE_URL" not in caplog.text
