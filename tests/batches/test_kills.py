"""Real workers and SIGKILL: a batch finishes, nothing is paid twice, and all amounts agree.

With `ROUNDS=1` it renders 2,000 products.
"""

from __future__ import annotations

import signal
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton import batches, lifecycle
from django_vton.lifecycle.operators import MAX_ANSWER_DELAY
from django_vton.models import Attempt, BatchRender, DispatcherLease, TryOnRequest
from django_vton.models.states import State
from django_vton.worker.claims import OUTCOME_TIMEOUT_WITHOUT_CALLBACK

from ..faults.rounds import ROUNDS
from ..lifecycle.test_processes import worker_process

if TYPE_CHECKING:
    from django_vton.models import Batch

    from .runner import BatchRunner

RENDERS = 2000 if ROUNDS else 60
TIMEOUT_SECONDS = 1800 if ROUNDS else 120
PRICE = 300_000


@pytest.mark.parametrize("kills", [0, 1, 3])
def test_batch_vendor_and_budget_agree_after_kills(runner: BatchRunner, kills: int) -> None:
    started_at = time.monotonic()
    runner.harness.gateway.scenario(submit_seconds=0.1, times=None)
    batch = runner.start(RENDERS)
    for number in range(kills):
        kill_worker(runner, RENDERS * (number + 1) // (kills + 1))
    run(runner)
    unknown = resolve_unknown_outcomes(runner, batch)
    run(runner)

    done = runner.check(batch)
    assert (done.completed, done.total, done.held) == (RENDERS, RENDERS, 0)
    assert done.spent == runner.harness.spent() == runner.harness.charged() == RENDERS * PRICE
    assert list(batch.renders.values_list("position", flat=True)) == list(range(RENDERS))
    seconds = time.monotonic() - started_at
    print(f"{RENDERS} renders, {kills} kills, {unknown} unknown outcomes: {seconds:.0f} s")  # noqa: T201 - shown by -s


@pytest.mark.parametrize("at", ["rows", "renders"])
def test_a_kill_while_feeding_leaves_only_complete_steps(runner: BatchRunner, at: str) -> None:
    """The worker is killed as soon as a chunk of rows, or a render with its reservation, exists."""
    batch = runner.start(30)
    created = batch.renders if at == "rows" else batch.renders.filter(status=BatchRender.Status.REQUESTED)
    with worker_process(runner.harness) as process:
        deadline = time.monotonic() + 30
        while not created.exists():
            assert time.monotonic() < deadline
        process.kill()
        process.wait()
    let_time_pass(runner)
    batch.refresh_from_db()
    assert batch.next_position == batch.renders.count()
    requested = batch.renders.filter(status=BatchRender.Status.REQUESTED)
    assert requested.count() == TryOnRequest.objects.count() == Attempt.objects.count()
    assert not requested.filter(request=None).exists()
    run(runner)
    resolve_unknown_outcomes(runner, batch)
    run(runner)
    done = runner.check(batch)
    assert (done.completed, done.spent) == (30, runner.harness.charged())


def kill_worker(runner: BatchRunner, accepted: int) -> None:
    """Kill a worker when the vendor has accepted this many renders, while others are being sent."""
    with worker_process(runner.harness) as process:
        ledger = runner.harness.gateway.ledger
        assert ledger.wait_for(lambda ledger: ledger.totals["accepted"] >= accepted, timeout=TIMEOUT_SECONDS)
        process.send_signal(signal.SIGKILL)
        process.wait()
    let_time_pass(runner)


def let_time_pass(runner: BatchRunner) -> None:
    """Expire every lease, and the time in which the vendor or the killed worker could still respond."""
    past = timezone.now() - timedelta(seconds=1)
    posted_at = past - max(OUTCOME_TIMEOUT_WITHOUT_CALLBACK, MAX_ANSWER_DELAY)
    DispatcherLease.objects.update(lease_until=past)
    sending = TryOnRequest.objects.filter(state=State.SUBMITTING)
    Attempt.objects.filter(request__in=sending).update(posted_at=posted_at)
    runner.expire_leases()


def run(runner: BatchRunner) -> None:
    with worker_process(runner.harness, "--once") as process:
        assert process.wait(TIMEOUT_SECONDS) == 0


def resolve_unknown_outcomes(runner: BatchRunner, batch: Batch) -> int:
    """Adopt the charged renders and release the others, like an operator with the vendor's panel."""
    unknown = list(TryOnRequest.objects.filter(batch=batch, state=State.FAILED, error_code="outcome_unknown"))
    assert batches.progress(batch).unknown_outcomes == len(unknown)
    known = set(Attempt.objects.filter(vendor_id__isnull=False).values_list("vendor_id", flat=True))
    charged = [entry.request_id for entry in runner.harness.gateway.ledger.entries if entry.request_id]
    unassigned = [name for name in charged if name not in known]
    for request in unknown:
        if unassigned:
            assert lifecycle.adopt_vendor_id(request, unassigned.pop() or "", actor_id=None)
        else:
            assert lifecycle.confirm_not_charged(request, actor_id=None)
    assert not unassigned
    return len(unknown)
