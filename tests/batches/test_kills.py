"""Real pumps and SIGKILL: a batch ends, nothing is paid twice, and all agree to the cent.

`ROUNDS=1` makes it 2,000 renders.
"""

from __future__ import annotations

import signal
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton import batches, lifecycle
from django_vton.models import Attempt, BatchRender, DispatcherLease, TryOnRequest
from django_vton.models.states import State

from ..faults.rounds import ROUNDS
from ..lifecycle.test_processes import pump

if TYPE_CHECKING:
    from django_vton.models import Batch

    from .shelf import Shelf

RENDERS = 2000 if ROUNDS else 60
PATIENCE = 1800 if ROUNDS else 120
PRICE = 300_000


@pytest.mark.parametrize("kills", [0, 1, 3])
def test_a_batch_its_ledger_and_the_budget_agree_to_the_cent(shelf: Shelf, kills: int) -> None:
    began = time.monotonic()
    shelf.desk.gateway.scenario(submit_seconds=0.1, times=None)
    batch = shelf.start(RENDERS)
    for number in range(kills):
        strike(shelf, RENDERS * (number + 1) // (kills + 1))
    run(shelf)
    doubts = answer_doubts(shelf, batch)
    run(shelf)

    done = shelf.check(batch)
    assert (done.completed, done.total, done.held) == (RENDERS, RENDERS, 0)
    assert done.spent == shelf.desk.spent() == shelf.desk.charged() == RENDERS * PRICE
    assert list(batch.renders.values_list("position", flat=True)) == list(range(RENDERS))
    seconds = time.monotonic() - began
    print(f"{RENDERS} renders, {kills} kills, {doubts} in doubt: {seconds:.0f} s")  # noqa: T201 - shown by -s


@pytest.mark.parametrize("at", ["rows", "renders"])
def test_a_kill_at_any_moment_of_the_feeding_leaves_whole_steps(shelf: Shelf, at: str) -> None:
    """Killed as soon as anything of it is there: a chunk of rows, or a render with its money."""
    batch = shelf.start(30)
    there = batch.renders if at == "rows" else batch.renders.filter(status=BatchRender.Status.ASKED)
    with pump(shelf.desk) as process:
        ends = time.monotonic() + 30
        while not there.exists():
            assert time.monotonic() < ends
        process.kill()
        process.wait()
    left_alone(shelf)
    batch.refresh_from_db()
    assert batch.written == batch.renders.count()
    asked = batch.renders.filter(status=BatchRender.Status.ASKED)
    assert asked.count() == TryOnRequest.objects.count() == Attempt.objects.count()
    assert not asked.filter(request=None).exists()
    run(shelf)
    answer_doubts(shelf, batch)
    run(shelf)
    done = shelf.check(batch)
    assert (done.completed, done.spent) == (30, shelf.desk.charged())


def strike(shelf: Shelf, accepted: int) -> None:
    """Kill a pump once the vendor has so many, with others on their way."""
    with pump(shelf.desk) as process:
        ledger = shelf.desk.gateway.ledger
        assert ledger.wait_for(lambda ledger: ledger.totals["accepted"] >= accepted, timeout=PATIENCE)
        process.send_signal(signal.SIGKILL)
        process.wait()
    left_alone(shelf)


def left_alone(shelf: Shelf) -> None:
    """Minutes after a kill: every lease is over, and so is the time in which an answer could come."""
    past = timezone.now() - timedelta(seconds=1)
    DispatcherLease.objects.update(lease_until=past)
    sending = TryOnRequest.objects.filter(state=State.SUBMITTING)
    Attempt.objects.filter(request__in=sending).update(posted_at=past - timedelta(minutes=5))
    shelf.kill_leftovers()


def run(shelf: Shelf) -> None:
    with pump(shelf.desk, "--once") as process:
        assert process.wait(PATIENCE) == 0


def answer_doubts(shelf: Shelf, batch: Batch) -> int:
    """As an operator with the vendor's panel does: adopt what was charged, free what was not."""
    doubts = list(TryOnRequest.objects.filter(batch=batch, state=State.FAILED, error_code="outcome_unknown"))
    assert batches.progress(batch).in_doubt == len(doubts)
    known = set(Attempt.objects.filter(vendor_id__isnull=False).values_list("vendor_id", flat=True))
    charged = [entry.request_id for entry in shelf.desk.gateway.ledger.entries if entry.request_id]
    nameless = [name for name in charged if name not in known]
    for request in doubts:
        if nameless:
            assert lifecycle.adopt(request, nameless.pop() or "", actor_id=None)
        else:
            assert lifecycle.not_charged(request, actor_id=None)
    assert not nameless
    return len(doubts)
