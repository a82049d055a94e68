"""Outcomes that come at the same time are stored together, and an error fails only its own outcome."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import IntegrityError, OperationalError, connection

from django_vton.lifecycle import RolledBack
from django_vton.worker import db_thread
from django_vton.worker.db_thread import MAX_BATCH, DbThread, MicroBatcher

Batches = list[list[int]]


@dataclass
class Store:
    """Records the batches that it stores. The result of each number is its negative."""

    before: Callable[[list[int]], object] = lambda _numbers: None
    """Called with each batch before it is stored, to wait or to raise."""
    batches: Batches = field(default_factory=list)
    threads: set[str] = field(default_factory=set)

    def __call__(self, outcomes: Sequence[tuple[int]]) -> list[int]:
        numbers = [number for (number,) in outcomes]
        self.batches.append(numbers)
        self.threads.add(threading.current_thread().name)
        self.before(numbers)
        return [-number for number in numbers]


def run(
    store: Store, use: Callable[[MicroBatcher], Coroutine[Any, Any, Any]], *, is_busy: bool = False
) -> Any:
    async def main() -> Any:
        thread = DbThread("vton-test")
        try:
            batcher = MicroBatcher(thread, store, is_busy=lambda: is_busy)
            return await asyncio.wait_for(use(batcher), 10)
        finally:
            thread.close()

    return asyncio.run(main())


def store_all(store: Store, *numbers: int) -> list[Any]:
    """All at the same time: their results or errors."""

    async def use(batcher: MicroBatcher) -> list[Any]:
        return await asyncio.gather(*[batcher(number) for number in numbers], return_exceptions=True)

    found: list[Any] = run(store, use)
    return found


def fail_batches(error: Exception) -> Callable[[list[int]], None]:
    def fail(numbers: list[int]) -> None:
        if len(numbers) > 1:
            raise error

    return fail


def test_outcomes_are_stored_together_and_each_gets_its_own_result() -> None:
    store = Store()
    assert store_all(store, 1, 2, 3) == [-1, -2, -3]
    assert store.batches == [[1, 2, 3]]
    assert {name.rsplit("_", 1)[0] for name in store.threads} == {"vton-test"}


def test_many_outcomes_are_several_batches() -> None:
    store = Store()
    numbers = range(2 * MAX_BATCH + 3)
    assert store_all(store, *numbers) == [-number for number in numbers]
    assert [len(batch) for batch in store.batches] == [MAX_BATCH, MAX_BATCH, 3]


def test_outcomes_that_come_while_the_thread_is_busy_are_the_next_batch() -> None:
    is_storing, may_end = threading.Event(), threading.Event()

    def wait(_numbers: list[int]) -> None:
        is_storing.set()
        assert may_end.wait(10)

    async def use(batcher: MicroBatcher) -> list[Any]:
        calls = [asyncio.create_task(batcher(1))]
        assert await asyncio.to_thread(is_storing.wait, 10)
        for number in (2, 3):
            calls.append(asyncio.create_task(batcher(number)))
            await asyncio.sleep(0.01)
        may_end.set()
        return await asyncio.gather(*calls)

    store = Store(wait)
    assert run(store, use) == [-1, -2, -3]
    assert store.batches == [[1], [2, 3]]


@pytest.mark.parametrize(
    "error", [RolledBack(), IntegrityError("unique"), RuntimeError("a mistake in the program")]
)
def test_outcomes_that_cannot_be_stored_together_are_stored_one_by_one(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(fail_batches(error))
    assert store_all(store, 1, 2) == [-1, -2]
    assert store.batches == [[1, 2], [1], [2]]
    assert "2 outcomes could not be stored together" in caplog.text


def test_an_error_fails_only_its_own_outcome() -> None:
    def fail(numbers: list[int]) -> None:
        if 2 in numbers:
            raise ValueError("2 is bad")

    first, second, third = store_all(Store(fail), 1, 2, 3)
    assert (first, third) == (-1, -3)
    assert isinstance(second, ValueError)


def test_outcomes_that_may_be_stored_are_not_stored_again() -> None:
    """The answer to a commit was lost."""
    store = Store(fail_batches(OperationalError("gone")))
    assert [type(result) for result in store_all(store, 1, 2)] == [OperationalError] * 2
    assert store.batches == [[1, 2]]


def test_the_error_behind_a_rollback_is_raised() -> None:
    def fail(_numbers: list[int]) -> None:
        raise RolledBack from OperationalError("gone")

    [error] = store_all(Store(fail), 1)
    assert isinstance(error, OperationalError)


@pytest.mark.parametrize(("is_busy", "batches"), [(True, [[1], [2, 3]]), (False, [[1], [2], [3]])])
def test_a_busy_batcher_waits_for_more_outcomes(is_busy: bool, batches: Batches) -> None:
    """For as long as the last batch took."""

    async def use(batcher: MicroBatcher) -> None:
        await batcher(1)
        calls = []
        for number in (2, 3):
            calls.append(asyncio.create_task(batcher(number)))
            for _ in range(9):  # Enough turns of the loop to start storing.
                await asyncio.sleep(0)
        await asyncio.gather(*calls)

    store = Store(lambda _numbers: time.sleep(0.05))
    run(store, use, is_busy=is_busy)
    assert store.batches == batches


def test_the_pause_of_a_busy_batcher_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if a lock has held up the last batch."""
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def record(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr("django_vton.worker.db_thread.asyncio.sleep", record)
    store = Store(lambda _numbers: time.sleep(5 * db_thread.MAX_PAUSE_SECONDS))
    run(store, lambda batcher: batcher(1), is_busy=True)
    assert pauses == [db_thread.MAX_PAUSE_SECONDS]


def test_outcomes_that_come_after_a_pause_are_stored() -> None:
    async def use(batcher: MicroBatcher) -> list[int]:
        return [await batcher(number) for number in (1, 2)]

    store = Store()
    assert run(store, use) == [-1, -2]
    assert store.batches == [[1], [2]]


def test_the_outcome_of_a_canceled_caller_is_stored() -> None:
    async def use(batcher: MicroBatcher) -> list[Any]:
        calls = [asyncio.create_task(batcher(number)) for number in (1, 2, 3)]
        await asyncio.sleep(0)
        calls[1].cancel()
        found = await asyncio.gather(*calls, return_exceptions=True)
        return [*found, await batcher(4)]

    store = Store()
    first, second, third, fourth = run(store, use)
    assert (first, third, fourth) == (-1, -3, -4)
    assert isinstance(second, asyncio.CancelledError)
    assert store.batches == [[1, 2, 3], [4]]


@pytest.mark.django_db(transaction=True)
def test_a_thread_keeps_its_connection_between_units() -> None:
    """CONN_MAX_AGE is 0 by default, so Django would close the connection after each unit."""

    def connect() -> None:
        connection.ensure_connection()

    def closes_in() -> float | None:
        return None if connection.close_at is None else connection.close_at - time.monotonic()

    async def main() -> float | None:
        thread = DbThread("vton-test")
        try:
            await thread(connect)
            return await thread(closes_in)
        finally:
            thread.close()

    assert connection.settings_dict["CONN_MAX_AGE"] == 0
    seconds = asyncio.run(main())
    assert seconds is not None
    assert seconds > db_thread.KEEP_SECONDS / 2
