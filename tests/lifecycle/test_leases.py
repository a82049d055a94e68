"""A claim has an end: what becomes of its row, and of the worker that comes back late."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from django_vton import lifecycle
from django_vton.gateway import engines
from django_vton.lifecycle.operators import LONGEST_DOUBT
from django_vton.models import Attempt, Quota
from django_vton.models.states import State
from django_vton.pixazo import Submission, Verdict
from django_vton.worker import claims, outcomes

from ..doors import submit
from .test_callbacks import accepted

if TYPE_CHECKING:
    from .desk import Desk


def abandoned(desk: Desk) -> tuple[Any, Attempt]:
    """Claimed, and its worker has not come back."""
    row = desk.ask()
    attempt = submit(row)
    desk.due(row)
    desk.look()
    return desk.reload(row, State.UNKNOWN), attempt


def test_a_lease_that_is_over_means_unknown_then_failed_spent(desk: Desk) -> None:
    row, _attempt = abandoned(desk)
    assert desk.money(row) == ["held"]
    assert row.due_at is not None
    assert row.due_at > timezone.now() + timedelta(seconds=60)
    desk.due(row)
    desk.look()
    row = desk.reload(row, State.FAILED, "outcome_unknown")
    assert desk.money(row) == ["spent"]
    assert desk.posts() == 0


def test_a_lease_that_holds_is_left_alone(desk: Desk) -> None:
    row = desk.ask()
    submit(row)
    desk.look()
    desk.reload(row, State.SUBMITTING)


def test_a_list_that_was_read_before_does_not_end_a_fresh_claim(desk: Desk) -> None:
    row = desk.ask()
    attempt = submit(row)
    desk.due(row)
    now = timezone.now()
    seen = type(row).objects.get(pk=row.pk)
    lifecycle.submit_refused(attempt, Submission(verdict=Verdict.NOT_SENT), retry_at=now)
    row.refresh_from_db()
    submit(row, token="again")
    claims._lease_is_over(seen, now)
    desk.reload(row, State.SUBMITTING)


def test_the_answer_comes_late_and_is_taken(desk: Desk) -> None:
    row, attempt = abandoned(desk)
    lifecycle.submit_answered(attempt, *accepted("late"))
    desk.reload(row, State.SUBMITTED)


def test_a_list_that_was_read_before_does_not_end_a_fresh_doubt(desk: Desk) -> None:
    row, _attempt = abandoned(desk)
    lifecycle.outcome_timed_out(row)
    desk.reload(row, State.UNKNOWN)


def test_a_no_that_a_callback_gave_the_lie_frees_nothing(desk: Desk) -> None:
    row = desk.ask()
    attempt = submit(row)
    assert lifecycle.callback(Attempt.objects.get(pk=attempt.pk), "its id")
    assert lifecycle.cancel(row)
    lifecycle.submit_refused(attempt, Submission(verdict=Verdict.REFUSED, status_code=400), retry_at=None)
    row = desk.reload(row, State.CANCELED)
    assert desk.money(row) == ["spent"]


@pytest.mark.parametrize("verdict", [Verdict.NOT_SENT, Verdict.REFUSED])
def test_a_no_that_comes_late_ends_the_doubt(desk: Desk, verdict: Verdict) -> None:
    row, attempt = abandoned(desk)
    lifecycle.submit_refused(attempt, Submission(verdict=verdict), retry_at=timezone.now())
    row = desk.reload(row, State.QUEUED)
    assert desk.money(row) == ["free", "held"]


def test_a_final_no_that_comes_late_is_free(desk: Desk) -> None:
    row, attempt = abandoned(desk)
    lifecycle.submit_refused(attempt, Submission(verdict=Verdict.REFUSED, status_code=400), retry_at=None)
    row = desk.reload(row, State.FAILED, "vendor")
    assert desk.money(row) == ["free"]


@pytest.mark.parametrize("retries", [False, True])
def test_a_no_after_the_end_gives_the_money_back(desk: Desk, retries: bool) -> None:
    row, attempt = abandoned(desk)
    desk.due(row)
    desk.look()
    row = desk.reload(row, State.FAILED, "outcome_unknown")
    assert Quota.objects.get().used == 1
    retry_at = timezone.now() if retries else None
    lifecycle.submit_refused(attempt, Submission(verdict=Verdict.NOT_SENT), retry_at=retry_at)
    row = desk.reload(row, State.FAILED, "outcome_unknown")
    assert desk.money(row) == ["free"]
    assert Quota.objects.get().used == 0


def test_nobody_judges_a_submit_whose_own_answer_may_still_come() -> None:
    assert timedelta(seconds=claims.LONGEST_CALL) + claims.LEASE <= LONGEST_DOUBT


def test_no_socket_is_opened_once_the_lease_is_over(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "LONGEST_CALL", claims.LEASE.total_seconds() + 1)
    row = desk.ask()
    desk.look()
    row = desk.reload(row, State.QUEUED)
    assert desk.posts() == 0
    assert desk.money(row) == ["free", "held"]
    assert Attempt.objects.get(request=row, number=1).error == "LeaseExpired"


def test_news_that_comes_twice_changes_nothing(desk: Desk) -> None:
    """A connection that breaks just after the commit: the same answer is brought once more."""
    desk.gateway.scenario(submit_status=503)
    row = desk.ask()
    desk.look()
    first = Attempt.objects.select_related("request").get(request=row, number=1)
    row.refresh_from_db()
    desk.due(row)
    second = submit(type(row).objects.get(pk=row.pk), token="second")
    job = claims.Job("submit", row, first, engines.get_engine(row.engine), 0.0)
    outcomes.submitted(job, Submission(verdict=Verdict.REFUSED, status_code=503))
    outcomes.submitted(job, Submission(verdict=Verdict.REFUSED, status_code=400))
    outcomes.submitted(job, Submission(verdict=Verdict.NOT_SENT))
    outcomes.submitted(job, Submission(verdict=Verdict.UNKNOWN))
    row = desk.reload(row, State.SUBMITTING)
    assert desk.money(row) == ["free", "held"]
    lifecycle.submit_answered(second, *accepted("second"))
    lifecycle.submit_answered(second, *accepted("second"))
    desk.reload(row, State.SUBMITTED)


def test_a_list_that_was_read_before_does_not_send_what_has_to_wait(desk: Desk) -> None:
    row = desk.ask()
    seen = type(row).objects.get(pk=row.pk)
    later = timezone.now() + timedelta(minutes=1)
    lifecycle.submit_refused(submit(row), Submission(verdict=Verdict.NOT_SENT), retry_at=later)
    attempt = lifecycle.current_attempt(seen)
    assert not lifecycle.claim_submit(seen, attempt, timezone.now(), claims.LEASE, "another")
    desk.reload(row, State.QUEUED)


def test_an_attempt_that_was_read_before_is_not_sent_twice(desk: Desk) -> None:
    row = desk.ask()
    seen, read = type(row).objects.get(pk=row.pk), lifecycle.current_attempt(row)
    # The clock of the pump that was refused is behind.
    earlier = timezone.now() - timedelta(seconds=5)
    lifecycle.submit_refused(submit(row), Submission(verdict=Verdict.NOT_SENT), retry_at=earlier)
    assert not lifecycle.claim_submit(seen, read, timezone.now(), claims.LEASE, "another")
    desk.reload(row, State.QUEUED)
    assert desk.posts() == 0


def test_a_photo_that_was_deleted_meanwhile_leaves_nothing_claimed(garments: Desk) -> None:
    row = garments.ask()
    seen = type(row).objects.select_related("photo", "product_image").get(pk=row.pk)
    assert row.photo is not None
    row.photo.delete()
    engine = engines.get_engine(row.engine)
    assert claims._claim_submit(seen, lifecycle.current_attempt(row), engine) is None
    garments.reload(row, State.QUEUED)
    garments.look()
    garments.reload(row, State.FAILED, "deadline")
    assert garments.posts() == 0
    assert garments.money(row) == ["free"]


def test_a_list_that_was_read_before_does_not_ask_about_what_is_made(desk: Desk) -> None:
    row = desk.submitted()
    seen = type(row).objects.get(pk=row.pk)
    desk.made(row)
    assert not lifecycle.claim(seen, timezone.now(), claims.LEASE)
    desk.reload(row, State.RENDERED)


def test_what_is_asked_about_is_not_asked_about_by_another(desk: Desk) -> None:
    row = desk.submitted()
    desk.due(row)
    now = timezone.now()
    row.refresh_from_db()
    assert lifecycle.claim(row, now, claims.LEASE)
    assert lifecycle.callback(row.attempts.get(), "")
    row.refresh_from_db()
    assert row.due_at is not None
    assert row.due_at <= timezone.now()
    assert claims.take(10, 0) == []
