"""A claim has an end: what becomes of its row, and of the worker that comes back late."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_vton import lifecycle
from django_vton.gateway import engines
from django_vton.lifecycle.operators import MAX_ANSWER_DELAY
from django_vton.models import Attempt, Quota
from django_vton.models.states import State
from django_vton.pixazo import Engine, SubmitOutcome, SubmitResult
from django_vton.pixazo.engine import MAX_SUBMIT_SECONDS
from django_vton.worker import claims, outcomes

from ..tryons import claim_for_submit
from .rows import accepted

if TYPE_CHECKING:
    from .harness import Harness


def abandoned(harness: Harness) -> tuple[Any, Attempt]:
    """Claimed for its submit, and its worker has not come back: the outcome is unknown."""
    row = harness.order()
    attempt = claim_for_submit(row)
    harness.make_due(row)
    harness.run_cycle()
    return harness.reload(row, State.UNKNOWN), attempt


def test_an_expired_lease_makes_the_outcome_unknown_and_later_fails_it_as_spent(harness: Harness) -> None:
    row, _attempt = abandoned(harness)
    assert harness.money_states(row) == ["held"]
    assert row.due_at is not None
    assert row.due_at > timezone.now() + timedelta(seconds=60)
    harness.make_due(row)
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "outcome_unknown")
    assert harness.money_states(row) == ["spent"]
    assert harness.post_count() == 0


def test_a_submit_with_a_valid_lease_stays_as_it_is(harness: Harness) -> None:
    row = harness.order()
    claim_for_submit(row)
    harness.run_cycle()
    harness.reload(row, State.SUBMITTING)


def test_a_stale_read_does_not_end_a_new_claim(harness: Harness) -> None:
    row = harness.order()
    attempt = claim_for_submit(row)
    harness.make_due(row)
    now = timezone.now()
    seen = type(row).objects.get(pk=row.pk)
    lifecycle.mark_refused(attempt, SubmitResult(outcome=SubmitOutcome.NOT_SENT), retry_at=now)
    row.refresh_from_db()
    claim_for_submit(row, token="again")
    claims.end_expired_lease(seen, now)
    harness.reload(row, State.SUBMITTING)


def test_a_late_result_of_a_submit_is_stored(harness: Harness) -> None:
    row, attempt = abandoned(harness)
    lifecycle.mark_submitted([(attempt, accepted("late"))])
    harness.reload(row, State.SUBMITTED)


def test_an_unknown_outcome_is_not_failed_before_its_timeout(harness: Harness) -> None:
    row, _attempt = abandoned(harness)
    lifecycle.end_unknown_outcome(row)
    harness.reload(row, State.UNKNOWN)


def test_a_refusal_does_not_free_an_attempt_that_a_callback_has_confirmed(harness: Harness) -> None:
    row = harness.order()
    attempt = claim_for_submit(row)
    assert lifecycle.receive_callback(Attempt.objects.get(pk=attempt.pk), "its id")
    assert lifecycle.cancel(row)
    lifecycle.mark_refused(
        attempt, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=400), retry_at=None
    )
    row = harness.reload(row, State.CANCELED)
    assert harness.money_states(row) == ["spent"]


@pytest.mark.parametrize("outcome", [SubmitOutcome.NOT_SENT, SubmitOutcome.REFUSED])
def test_a_late_refusal_queues_the_try_on_again(harness: Harness, outcome: SubmitOutcome) -> None:
    row, attempt = abandoned(harness)
    lifecycle.mark_refused(attempt, SubmitResult(outcome=outcome), retry_at=timezone.now())
    row = harness.reload(row, State.QUEUED)
    assert harness.money_states(row) == ["free", "held"]


def test_a_late_final_refusal_is_free(harness: Harness) -> None:
    row, attempt = abandoned(harness)
    lifecycle.mark_refused(
        attempt, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=400), retry_at=None
    )
    row = harness.reload(row, State.FAILED, "vendor")
    assert harness.money_states(row) == ["free"]


@pytest.mark.parametrize("retries", [False, True])
def test_a_refusal_after_the_outcome_timeout_frees_the_money(harness: Harness, retries: bool) -> None:
    row, attempt = abandoned(harness)
    harness.make_due(row)
    harness.run_cycle()
    row = harness.reload(row, State.FAILED, "outcome_unknown")
    assert Quota.objects.get().used == 1
    retry_at = timezone.now() if retries else None
    lifecycle.mark_refused(attempt, SubmitResult(outcome=SubmitOutcome.NOT_SENT), retry_at=retry_at)
    row = harness.reload(row, State.FAILED, "outcome_unknown")
    assert harness.money_states(row) == ["free"]
    assert Quota.objects.get().used == 0


def test_operators_can_decide_only_after_the_latest_possible_result() -> None:
    assert timedelta(seconds=MAX_SUBMIT_SECONDS) + lifecycle.LEASE <= MAX_ANSWER_DELAY


def test_no_socket_is_opened_after_the_lease(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "submit_seconds", lifecycle.LEASE.total_seconds() + 1)
    row = harness.order()
    harness.run_cycle()
    row = harness.reload(row, State.QUEUED)
    assert harness.post_count() == 0
    assert harness.money_states(row) == ["free", "held"]
    assert Attempt.objects.get(request=row, number=1).error == "LeaseExpired"


def test_results_that_are_stored_twice_change_nothing(harness: Harness) -> None:
    """If the connection breaks right after the commit, the same result is stored again."""
    harness.gateway.scenario(submit_status=503)
    row = harness.order()
    harness.run_cycle()
    first = Attempt.objects.select_related("request").get(request=row, number=1)
    row.refresh_from_db()
    harness.make_due(row)
    second = claim_for_submit(type(row).objects.get(pk=row.pk), token="second")
    job = claims.Job("submit", row, first, engines.get_engine(row.engine), 0.0)
    outcomes.on_submit([(job, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=503))])
    outcomes.on_submit([(job, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=400))])
    outcomes.on_submit([(job, SubmitResult(outcome=SubmitOutcome.NOT_SENT))])
    outcomes.on_submit([(job, SubmitResult(outcome=SubmitOutcome.UNKNOWN))])
    row = harness.reload(row, State.SUBMITTING)
    assert harness.money_states(row) == ["free", "held"]
    lifecycle.mark_submitted([(second, accepted("second"))])
    lifecycle.mark_submitted([(second, accepted("second"))])
    harness.reload(row, State.SUBMITTED)


def test_a_stale_read_does_not_claim_a_submit_that_has_to_wait(harness: Harness) -> None:
    row = harness.order()
    seen = type(row).objects.get(pk=row.pk)
    later = timezone.now() + timedelta(minutes=1)
    lifecycle.mark_refused(
        claim_for_submit(row), SubmitResult(outcome=SubmitOutcome.NOT_SENT), retry_at=later
    )
    attempt = lifecycle.current_attempt(seen)
    assert not lifecycle.claim_submits([attempt], ["another"], timezone.now(), lifecycle.LEASE)
    harness.reload(row, State.QUEUED)


def test_a_stale_read_does_not_claim_an_attempt_that_was_sent(harness: Harness) -> None:
    row = harness.order()
    read = lifecycle.current_attempt(type(row).objects.get(pk=row.pk))
    # The clock of the worker that was refused is behind.
    earlier = timezone.now() - timedelta(seconds=5)
    lifecycle.mark_refused(
        claim_for_submit(row), SubmitResult(outcome=SubmitOutcome.NOT_SENT), retry_at=earlier
    )
    assert not lifecycle.claim_submits([read], ["another"], timezone.now(), lifecycle.LEASE)
    harness.reload(row, State.QUEUED)
    assert harness.post_count() == 0


def test_a_submit_whose_photo_was_deleted_after_it_was_read_is_not_claimed(garment_harness: Harness) -> None:
    row = garment_harness.order()
    seen = type(row).objects.select_related("photo", "product_image").get(pk=row.pk)
    assert row.photo is not None
    row.photo.delete()
    attempt = lifecycle.current_attempt(row)
    attempt.request = seen
    assert claims.claim_submits([attempt], engines.get_engine(row.engine)) == []
    garment_harness.reload(row, State.QUEUED)
    garment_harness.run_cycle()
    garment_harness.reload(row, State.FAILED, "photo_gone")
    assert garment_harness.post_count() == 0
    assert garment_harness.money_states(row) == ["free"]


def test_a_stale_read_does_not_claim_a_poll_of_a_rendered_try_on(harness: Harness) -> None:
    row = harness.order_submitted()
    seen = type(row).objects.get(pk=row.pk)
    harness.poll_when_finished(row)
    assert not lifecycle.claim_due([lifecycle.current_attempt(seen)], timezone.now(), lifecycle.LEASE)
    harness.reload(row, State.RENDERED)


def test_a_claimed_poll_is_not_claimed_again_after_a_callback(harness: Harness) -> None:
    row = harness.order_submitted()
    harness.make_due(row)
    now = timezone.now()
    row.refresh_from_db()
    assert lifecycle.claim_due([lifecycle.current_attempt(row)], now, lifecycle.LEASE)
    assert lifecycle.receive_callback(row.attempts.get(), "")
    row.refresh_from_db()
    assert row.due_at is not None
    assert row.due_at <= timezone.now()
    assert claims.claim_jobs(10, 0) == []
