"""A dispatcher runs many try-ons, takes turns with others, and loses no wake-up."""

from __future__ import annotations

import random
import threading
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connections
from django.utils import timezone

from django_vton import lifecycle, queue, tasks
from django_vton.models import DispatcherLease, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import client
from django_vton.queue import dispatcher_leases
from django_vton.worker import claims, dispatcher, jobs, submit_concurrency

from ..lifecycle.harness import Harness, StopAfterOneCycle

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from shop.models import Product

    from ..conftest import Vton


def test_shirts_are_completed_in_one_run(garment_harness: Harness) -> None:
    rows = [garment_harness.order() for _ in range(5)]
    dispatcher.run()
    for row in rows:
        garment_harness.reload(row, State.COMPLETED)
    assert garment_harness.post_count() == 5
    assert garment_harness.spent() == garment_harness.charged() == 5 * 75_000


def test_drain_ends_when_nothing_is_left(garment_harness: Harness) -> None:
    row = garment_harness.order()
    dispatcher.drain()
    garment_harness.reload(row, State.COMPLETED)


def test_submit_concurrency_limits_the_submits(harness: Harness, vton: Vton) -> None:
    vton(SUBMIT_CONCURRENCY=2)
    for _ in range(5):
        harness.order()
    harness.run_cycle()
    assert Counter(TryOnRequest.objects.values_list("state", flat=True)) == {"submitted": 2, "queued": 3}


def test_quick_answers_raise_the_number_of_concurrent_submits(harness: Harness) -> None:
    for _ in range(30):
        harness.order()
    seen: list[int] = []

    class Recorded(jobs.RunningJobs):
        def start(self, job: claims.Job) -> None:
            super().start(job)
            seen.append(self.submits)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dispatcher, "RunningJobs", Recorded)
        dispatcher.run()
    assert max(seen[: submit_concurrency.START]) == submit_concurrency.START < max(seen)
    assert harness.post_count() == 30


def test_concurrency_limits_the_running_jobs(harness: Harness, vton: Vton) -> None:
    vton(CONCURRENCY=2, SUBMIT_CONCURRENCY=10)
    for _ in range(5):
        harness.order()
    harness.run_cycle()
    assert Counter(TryOnRequest.objects.values_list("state", flat=True)) == {"submitted": 2, "queued": 3}


def test_a_download_whose_worker_has_died_runs_alone(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: set[Any] = set()
    concurrent: list[set[Any]] = []
    died, others = ([harness.order() for _ in range(2)] for _ in range(2))
    harness.run_cycle()
    TryOnRequest.objects.update(due_at=timezone.now() + timedelta(hours=1))
    harness.make_due(died[0])
    harness.poll_when_finished(died[1], times=4)
    # As a dispatcher leaves them that has died during the downloads.
    TryOnRequest.objects.filter(state=State.RENDERED).update(claim_count=1)
    for row in others:
        harness.make_due(row)
    harness.order()
    work = {name: getattr(jobs.RunningJobs, name) for name in ("_submit", "_poll", "_download")}

    def spy(name: str) -> Callable[[jobs.RunningJobs, claims.Job], Awaitable[None]]:
        async def run(self: jobs.RunningJobs, job: claims.Job) -> None:
            running.add(job.request.pk)
            concurrent.append(set(running))
            await work[name](self, job)
            running.discard(job.request.pk)

        return run

    for name in work:
        monkeypatch.setattr(jobs.RunningJobs, name, spy(name))
    dispatcher.run()
    for row in died + others:
        harness.reload(row, State.COMPLETED)
    suspects = {row.pk for row in died}
    assert [len(each) for each in concurrent if each & suspects] == [1, 1]
    assert max(map(len, concurrent)) > 1


def test_a_long_queue_of_shirts_does_not_delay_glasses(harness: Harness, shirt: Product) -> None:
    for _ in range(6):
        harness.order(product=shirt)
    harness.order()
    random.seed(1)
    claimed = [claims.claim_jobs(1, 1)[0].engine.name for _ in range(6)]
    assert set(claimed) == {"fashn-v1.6", "glass-v1"}


def test_concurrent_dispatchers_submit_each_row_once(harness: Harness, vton: Vton) -> None:
    vton(DISPATCHERS=4)
    rows = [harness.order() for _ in range(submit_concurrency.START)]
    start = threading.Barrier(4)

    def run_cycle() -> None:
        start.wait()
        try:
            harness.run_cycle()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run_cycle) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert harness.post_count() == len(rows)
    for row in rows:
        harness.reload(row, State.SUBMITTED)


def test_without_a_free_lease_nothing_is_claimed(harness: Harness, enqueued: list[str]) -> None:
    dispatcher_leases.acquire()
    row = harness.order()
    dispatcher.run()
    harness.reload(row, State.QUEUED)
    assert enqueued == []


def test_a_dispatcher_that_lost_its_lease_claims_nothing_more(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher_leases, "RENEW_INTERVAL_SECONDS", 0.05)
    harness.gateway.scenario(submit_seconds=0.5)
    first = harness.order()

    def lose() -> None:
        assert harness.gateway.ledger.wait_for(lambda ledger: ledger.entries)
        DispatcherLease.objects.update(token="another's")
        connections.close_all()

    thread = threading.Thread(target=lose)
    thread.start()
    dispatcher.run()
    thread.join()
    harness.reload(first, State.SUBMITTED)
    assert DispatcherLease.objects.get().token == "another's"


def test_a_try_on_ordered_after_the_last_cycle_wakes_a_worker(
    harness: Harness, enqueued: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is ordered while the lease is still held, so only the dispatcher can wake a worker."""
    ordered: list[TryOnRequest] = []

    class OrderAfterCycle(StopAfterOneCycle):
        def is_set(self) -> bool:
            has_run = super().is_set()
            if has_run and not ordered:
                thread = threading.Thread(target=_order)
                thread.start()
                thread.join()
            return has_run

    def _order() -> None:
        ordered.append(harness.order())
        connections.close_all()

    harness.order()
    enqueued.clear()
    seen: list[int] = []

    def record_leases() -> None:
        seen.append(DispatcherLease.objects.filter(lease_until__gt=timezone.now()).count())
        queue.wake()

    monkeypatch.setattr(dispatcher, "wake", record_leases)
    dispatcher.run(stop=OrderAfterCycle())
    assert seen == [0], "the lease is released before the check for work"
    assert enqueued == ["django_vton.tasks.dispatch"]
    harness.reload(ordered[0], State.QUEUED)


def test_the_end_of_a_time_slice_wakes_a_worker_for_the_rest(
    harness: Harness, enqueued: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "TIME_SLICE_SECONDS", 0.0)
    harness.order()
    enqueued.clear()
    dispatcher.run()
    assert enqueued == ["django_vton.tasks.dispatch"]
    assert harness.post_count() == 0


def test_without_work_no_worker_is_woken(harness: Harness, enqueued: list[str]) -> None:
    dispatcher.run()
    tasks.wake()
    assert enqueued == []
    assert harness.post_count() == 0


def test_no_submit_is_sent_long_after_the_time_slice(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatcher, "LAST_POST_SECONDS", -dispatcher.TIME_SLICE_SECONDS)
    row = harness.order()
    harness.run_cycle()
    harness.reload(row, State.QUEUED)
    assert harness.post_count() == 0


def test_a_submit_result_is_stored_when_the_database_is_back(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    row = harness.order()
    store, errors = lifecycle.mark_submitted, [OperationalError("gone")] * 2

    def fail_twice(outcomes: Any) -> None:
        if errors:
            raise errors.pop()
        store(outcomes)

    monkeypatch.setattr(lifecycle, "mark_submitted", fail_twice)
    harness.run_cycle()
    harness.reload(row, State.SUBMITTED)
    assert (harness.gateway.ledger.entries[0].request_id or "") in caplog.text


def test_an_error_in_one_job_does_not_affect_the_others(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [harness.order() for _ in range(3)]
    store = lifecycle.mark_submitted

    def fail_first_row(outcomes: Any) -> None:
        if rows[0].pk in {attempt.request_id for attempt, _ in outcomes}:
            raise ValueError("A mistake in the program.")
        store(outcomes)

    monkeypatch.setattr(lifecycle, "mark_submitted", fail_first_row)
    harness.run_cycle()
    monkeypatch.undo()
    harness.reload(rows[0], State.SUBMITTING)
    harness.reload(rows[1], State.SUBMITTED)
    harness.reload(rows[2], State.SUBMITTED)
    assert "is not stored" in caplog.text
    harness.make_due(rows[0])
    harness.run_cycle()
    harness.reload(rows[0], State.UNKNOWN)


def test_an_error_after_the_first_byte_is_an_unknown_outcome(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistake(*_args: object) -> None:
        raise ValueError("A mistake in the program.")

    row = harness.order()
    monkeypatch.setattr(client, "classify_response", mistake)
    harness.run_cycle()
    harness.reload(row, State.UNKNOWN)
    assert harness.post_count() == 1


def test_a_worker_in_the_foreground_waits_for_a_lease_and_for_the_database(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = dispatcher_leases.acquire()
    assert taken is not None
    row = harness.order()
    stop = threading.Event()
    tries: list[int] = []
    take = dispatcher_leases.acquire

    def counted() -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("gone")
        if len(tries) == 2:
            dispatcher_leases.release(taken)
        return take()

    monkeypatch.setattr(dispatcher_leases, "acquire", counted)

    def run() -> None:
        dispatcher.run(forever=True, stop=stop)
        connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    assert harness.gateway.ledger.wait_for(lambda ledger: ledger.totals["accepted"])
    stop.set()
    thread.join()
    harness.reload(row, State.SUBMITTED)


def test_an_open_circuit_breaker_keeps_no_worker_busy(harness: Harness) -> None:
    harness.gateway.scenario(submit_status=402)
    row = harness.order()
    dispatcher.run()
    harness.reload(row, State.QUEUED)
    assert not claims.has_work()

    harness.end_gateway_pause()
    assert claims.has_work()
    harness.make_due(row)
    harness.run_cycle()
    assert harness.reload(row, State.SUBMITTED)
    harness.poll_when_finished(row)
    harness.run_cycle()


@pytest.mark.parametrize(("seconds", "pause"), [(0.0, 0.05), (0.2, 0.4), (30.0, 1.0)])
def test_the_pause_after_a_slow_cycle_is_longer_but_limited(seconds: float, pause: float) -> None:
    assert dispatcher.pause_after_cycle(seconds) == pause


def test_the_pause_is_shorter_if_more_is_waiting_and_longer_while_busy() -> None:
    assert dispatcher.pause_after_cycle(0.02, is_full=True) == 0.04
    assert dispatcher.pause_after_cycle(0.02, is_full=True, is_busy=True) == 0.5
    assert dispatcher.pause_after_cycle(0.02, is_busy=True) == 0.5
