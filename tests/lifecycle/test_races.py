"""Concurrent writers do not deadlock, and the books agree afterwards."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connections
from django.utils import timezone

from django_vton import lifecycle
from django_vton.gateway import circuit_breaker
from django_vton.models import BudgetPeriod, Quota, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import SubmitOutcome, SubmitResult
from django_vton.shoppers import Visitor
from django_vton.utils import database

from ..intake_helpers import normalize_sql
from .invariants import check_books

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_vton.models import PersonPhoto

    from ..conftest import Vton
    from .harness import Harness

ROUNDS = 8


def run_threads(*actions: Callable[[], None]) -> list[BaseException]:
    """Run them at the same time, each on its own connection. Return their errors.

    They include deadlocks after which a transaction was repeated.
    """
    errors: list[BaseException] = []

    def note_conflicts(execute: Callable[..., Any], *statement: Any) -> Any:
        try:
            return execute(*statement)
        except DatabaseError as error:
            if database.is_conflict(error):
                errors.append(error)
            raise

    def run(action: Callable[[], None]) -> None:
        try:
            with connections["default"].execute_wrapper(note_conflicts):
                action()
        except BaseException as error:  # noqa: BLE001 - the test's own thread asserts
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


@contextmanager
def meet_at(start: threading.Barrier, words: str, *, nth: int = 1, seconds: float = 0.3) -> Iterator[None]:
    """This thread waits for the others before its nth statement with these words.

    Not for ever, because a lock may keep another thread from getting so far.
    """
    count = 0

    def wait(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        nonlocal count
        if words in normalize_sql(sql):
            count += 1
            if count == nth:
                with suppress(threading.BrokenBarrierError):
                    start.wait(seconds)
        return execute(sql, *rest)

    with connections["default"].execute_wrapper(wait):
        yield


def test_orders_and_cancels_of_one_shopper_do_not_deadlock(harness: Harness, vton: Vton) -> None:
    """Both lock the same quota and budget rows."""
    vton(IN_FLIGHT=100, QUOTA="100/day", IP_QUOTA="1000/day")
    visitor = Visitor()
    rows: queue.SimpleQueue[TryOnRequest | None] = queue.SimpleQueue()
    rows.put(harness.order(visitor, addresses=("ip:one",)))

    def order() -> None:
        try:
            for _ in range(ROUNDS):
                rows.put(harness.order(visitor, addresses=("ip:one",)))
        finally:
            rows.put(None)

    def cancel() -> None:
        while (row := rows.get()) is not None:
            assert lifecycle.cancel(row)

    assert run_threads(order, cancel) == []
    assert TryOnRequest.objects.filter(state=State.CANCELED).count() == ROUNDS + 1
    assert set(Quota.objects.values_list("used", flat=True)) == {0}
    assert set(BudgetPeriod.objects.values_list("held", "spent")) == {(0, 0)}
    check_books(harness.gateway)


def test_concurrent_dispatchers_get_one_trial_submit(harness: Harness) -> None:
    attempt = harness.order().attempts.get()
    circuit_breaker.record_refused(attempt, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=401))
    harness.end_gateway_pause()
    start = threading.Barrier(3)
    capacities: list[int] = []
    states = circuit_breaker.states()

    def get_allowance() -> None:
        with meet_at(start, 'UPDATE "vton_gatewaystate"'):
            capacities.append(circuit_breaker.allowance(states[attempt.engine], timezone.now(), 5).capacity)

    assert run_threads(*[get_allowance] * 3) == []
    assert sorted(capacities) == [0, 0, 1]


def test_the_last_two_followers_that_cancel_at_once_cancel_their_source(
    harness: Harness, house_model: PersonPhoto
) -> None:
    followers = [harness.order(photo=None, photo_id=str(house_model.pk), consent=False) for _ in range(2)]
    start = threading.Barrier(2)

    def cancel(row: TryOnRequest) -> None:
        with meet_at(start, ' AS "a" FROM'):
            assert lifecycle.cancel(row)

    assert run_threads(*[partial(cancel, row) for row in followers]) == []
    assert followers[0].source is not None
    source = harness.reload(followers[0].source, State.CANCELED)
    assert harness.money_states(source) == ["free"]


def test_budgets_are_correct_after_cancels_during_submits(harness: Harness) -> None:
    harness.gateway.scenario(submit_seconds=0.05, times=None)
    rows = [harness.order() for _ in range(4)]
    assert run_threads(harness.run_cycle, *[partial(_cancel, row) for row in rows]) == []
    for row in rows:
        harness.reload(row, State.CANCELED)


def _cancel(row: TryOnRequest) -> None:
    assert lifecycle.cancel(row)
