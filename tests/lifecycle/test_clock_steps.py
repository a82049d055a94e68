"""The clock is set forward or back by an hour while try-ons run: none fails, and none waits for that hour."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton.models import DispatcherLease, GatewayState
from django_vton.models.states import State
from django_vton.pixazo import VendorResponse, VendorStatus
from django_vton.queue import dispatcher_leases
from django_vton.worker import claims, outcomes

from .rows import accepted

if TYPE_CHECKING:
    from collections.abc import Callable

    from .harness import Harness

HOUR = timedelta(hours=1)


@pytest.fixture
def step(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """`step(HOUR)` sets the clock forward."""

    def set_clock(by: timedelta) -> None:
        monkeypatch.setattr("django_vton.utils.clock.now", lambda: timezone.now() + by)

    return set_clock


def test_a_step_forward_is_no_deadline(harness: Harness, step: Callable[[timedelta], None]) -> None:
    harness.gateway.scenario(seconds=60)
    row = harness.order_submitted()
    step(HOUR)
    harness.run_cycle()
    row = harness.reload(row, State.SUBMITTED)
    assert row.due_at is not None
    step(HOUR + timedelta(minutes=13))
    type(row).objects.update(due_at=timezone.now() + HOUR + timedelta(minutes=13))
    harness.run_cycle()
    harness.reload(row, State.SUBMITTED)
    step(HOUR + timedelta(minutes=16))
    type(row).objects.update(due_at=timezone.now() + HOUR + timedelta(minutes=16))
    harness.run_cycle()
    harness.reload(row, State.FAILED, "deadline")


def test_a_step_forward_during_a_poll_is_no_deadline(
    harness: Harness, step: Callable[[timedelta], None]
) -> None:
    row = harness.order_submitted()
    harness.make_due(row)
    [job] = claims.claim_jobs(1, 1)
    step(HOUR)
    running = VendorResponse(
        vendor_id=job.attempt.vendor_id or "", status=VendorStatus.RUNNING, raw_status="QUEUED"
    )
    outcomes.on_poll([(job, running, None, True)])
    row = harness.reload(row, State.SUBMITTED)
    assert claims.deadline_of(row, job.attempt) > timezone.now() + HOUR + timedelta(minutes=14)


def test_a_step_forward_during_a_submit_is_no_unknown_outcome(
    harness: Harness, step: Callable[[timedelta], None]
) -> None:
    row = harness.order()
    [job] = claims.claim_jobs(1, 1)
    step(HOUR)
    harness.run_cycle()
    harness.reload(row, State.SUBMITTING)
    outcomes.on_submit([(job, accepted("its id"))])
    row = harness.reload(row, State.SUBMITTED)
    assert claims.deadline_of(row, job.attempt) > timezone.now() + HOUR + timedelta(minutes=14)


def test_after_a_step_forward_a_lost_submit_still_ends(
    harness: Harness, step: Callable[[timedelta], None]
) -> None:
    """Its lease, and then the wait for its outcome, are each prolonged once."""
    row = harness.order()
    assert len(claims.claim_jobs(1, 1)) == 1
    for hours, state in enumerate([State.SUBMITTING, State.UNKNOWN, State.UNKNOWN], 1):
        step(hours * HOUR)
        harness.run_cycle()
        harness.reload(row, state)
    step(4 * HOUR)
    harness.run_cycle()
    harness.reload(row, State.FAILED, "outcome_unknown")


def test_after_a_step_back_what_runs_is_polled_at_once(
    harness: Harness, step: Callable[[timedelta], None]
) -> None:
    row = harness.order_submitted()
    GatewayState.objects.create(engine=row.engine, wait_until=timezone.now() + timedelta(seconds=30))
    step(-HOUR)
    harness.run_cycle()
    harness.reload(row, State.RENDERED)
    is_soon = timezone.now() - timedelta(minutes=58)
    assert GatewayState.objects.filter(wait_until__lt=is_soon).exists()
    queued = harness.order()
    assert queued.due_at is not None
    assert queued.due_at < is_soon


@pytest.mark.django_db
def test_after_a_step_back_a_lease_in_the_future_blocks_no_dispatcher(
    step: Callable[[timedelta], None],
) -> None:
    assert dispatcher_leases.acquire()
    assert dispatcher_leases.acquire() is None
    step(-HOUR)
    assert dispatcher_leases.count_held() == 0
    assert dispatcher_leases.acquire()
    assert DispatcherLease.objects.get().lease_until < timezone.now()
