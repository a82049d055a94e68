"""What comes while a pump's thread is busy: what is alike is one unit, and an error is only its own."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from django_vton.worker import db_thread
from django_vton.worker.db_thread import MOST, DbThread, MicroBatcher
from django_vton.worker.outcomes import ALONE, Kind


@dataclass
class Clerk:
    """Notes which units of work came, in their order; an item is its key and its number."""

    units: list[list[int]] = field(default_factory=list)
    all_or_none: Callable[[Sequence[Any]], Sequence[Any] | None] = lambda items: [_done(*it) for it in items]
    bad: int | None = None
    """The number of one whose own work fails."""
    names: set[str] = field(default_factory=set)

    def alone(self, key: Hashable, number: int) -> str:
        self._note([number])
        if number == self.bad:
            raise ValueError(f"{number} is bad")
        return _done(key, number)

    def together(self, items: Sequence[tuple[Hashable, int]]) -> Sequence[Any] | None:
        self._note([number for _key, number in items])
        return self.all_or_none(items)

    def _note(self, numbers: list[int]) -> None:
        self.units.append(numbers)
        self.names.add(threading.current_thread().name)

    @property
    def kind(self) -> Kind:
        return Kind(self.alone, self.together, lambda key, _number: key)


def _done(key: Hashable, number: int) -> str:
    return f"{key} {number}"


def _taking(seconds: float) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """As it is, and not sooner."""

    def slowly(items: Sequence[Any]) -> Sequence[Any]:
        time.sleep(seconds)
        return [_done(*item) for item in items]

    return slowly


def gather(clerk: Clerk, items: Sequence[tuple[Hashable, int]]) -> list[Any]:
    """All at once; what each came to."""

    async def run() -> list[Any]:
        thread = DbThread("vton-test")
        try:
            gathering = MicroBatcher(thread, clerk.kind)
            calls = [gathering(*item) for item in items]
            return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 10)
        finally:
            thread.close()

    return asyncio.run(run())


def none_of_them(_items: Sequence[Any]) -> None:
    return None


def fails(_items: Sequence[Any]) -> None:
    raise RuntimeError("a mistake in the program")


def test_what_is_alike_is_one_unit_and_each_gets_its_own_answer() -> None:
    clerk = Clerk()
    items = [("a", 1), ("b", 2), ("a", 3), ("b", 4), ("a", 5)]
    assert gather(clerk, items) == ["a 1", "b 2", "a 3", "b 4", "a 5"]
    assert clerk.units == [[1, 3, 5], [2, 4]]
    assert {name.rsplit("_", 1)[0] for name in clerk.names} == {"vton-test"}


def test_what_is_like_no_other_goes_alone_and_in_its_turn() -> None:
    clerk = Clerk()
    items = [(ALONE, 1), ("a", 2), (ALONE, 3), ("a", 4), (ALONE, 5)]
    assert gather(clerk, items) == ["None 1", "a 2", "None 3", "a 4", "None 5"]
    assert clerk.units == [[1], [2, 4], [3], [5]]


def test_where_none_could_be_stored_together_each_is_stored_by_itself() -> None:
    clerk = Clerk(all_or_none=none_of_them)
    assert gather(clerk, [("a", 1), ("a", 2), ("b", 3)]) == ["a 1", "a 2", "b 3"]
    assert clerk.units == [[1, 2], [1], [2], [3], [3]]


@pytest.mark.parametrize("trouble", [none_of_them, fails])
def test_an_error_is_only_its_own(trouble: Callable[[Sequence[Any]], None]) -> None:
    clerk = Clerk(all_or_none=trouble, bad=2)
    first, second, third = gather(clerk, [("a", 1), ("a", 2), ("a", 3)])
    assert (first, third) == ("a 1", "a 3")
    assert isinstance(second, ValueError)


def test_an_error_of_one_that_is_alone_is_only_its_own() -> None:
    first, second, third = gather(Clerk(bad=1), [(ALONE, 1), ("a", 2), (ALONE, 3)])
    assert isinstance(first, ValueError)
    assert (second, third) == ("a 2", "None 3")


def test_a_mistake_in_storing_them_together_is_told_and_costs_nobody_anything(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clerk = Clerk(all_or_none=fails)
    assert gather(clerk, [("a", 1), ("a", 2)]) == ["a 1", "a 2"]
    assert clerk.units == [[1, 2], [1], [2]]
    assert "2 could not be stored together" in caplog.text
    assert "a mistake in the program" in caplog.text


def test_very_many_are_several_units() -> None:
    clerk = Clerk()
    items = [("a", number) for number in range(2 * MOST + 3)]
    assert gather(clerk, items) == [_done(*item) for item in items]
    assert [len(unit) for unit in clerk.units] == [MOST, MOST, 3]


def test_what_comes_while_the_thread_is_busy_is_the_next_unit() -> None:
    clerk, is_busy, may_end = Clerk(), threading.Event(), threading.Event()

    def slowly(items: Sequence[tuple[Hashable, int]]) -> list[str]:
        is_busy.set()
        assert may_end.wait(10)
        return [_done(*item) for item in items]

    clerk.all_or_none = slowly

    async def run() -> list[Any]:
        thread = DbThread("vton-test")
        gathering = MicroBatcher(thread, clerk.kind)
        calls = [asyncio.create_task(gathering("a", 1))]
        assert await asyncio.to_thread(is_busy.wait, 10)
        for number in (2, 3):
            calls.append(asyncio.create_task(gathering("a", number)))
            await asyncio.sleep(0.01)
        may_end.set()
        try:
            return await asyncio.gather(*calls)
        finally:
            thread.close()

    assert asyncio.run(run()) == ["a 1", "a 2", "a 3"]
    assert clerk.units == [[1], [2, 3]]


@pytest.mark.parametrize(("is_crowded", "units"), [(True, [[1], [2, 3]]), (False, [[1], [2], [3]])])
def test_in_a_crowd_it_waits_for_company(is_crowded: bool, units: list[list[int]]) -> None:
    """For as long as the last took: what comes in that time goes together."""
    clerk = Clerk()
    clerk.all_or_none = _taking(0.05)

    async def run() -> list[Any]:
        thread = DbThread("vton-test")
        gathering = MicroBatcher(thread, clerk.kind, is_crowded=lambda: is_crowded)
        try:
            told = [await gathering("a", 1)]
            calls = []
            for number in (2, 3):
                calls.append(asyncio.create_task(gathering("a", number)))
                for _ in range(9):  # Time for it to begin, where it may.
                    await asyncio.sleep(0)
            return [*told, *await asyncio.gather(*calls)]
        finally:
            thread.close()

    assert asyncio.run(run()) == ["a 1", "a 2", "a 3"]
    assert clerk.units == units


def test_a_rest_is_never_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a lock has held up the last: news that waits is not yet stored."""
    clerk = Clerk()
    clerk.all_or_none = _taking(5 * db_thread.LONGEST_REST)
    rests: list[float] = []
    sleep = asyncio.sleep

    async def note(seconds: float) -> None:
        rests.append(seconds)
        await sleep(0)

    monkeypatch.setattr("django_vton.worker.db_thread.asyncio.sleep", note)

    async def run() -> Any:
        thread = DbThread("vton-test")
        gathering = MicroBatcher(thread, clerk.kind, is_crowded=lambda: True)
        try:
            return await gathering("a", 1)
        finally:
            thread.close()

    assert asyncio.run(run()) == "a 1"
    assert rests == [db_thread.LONGEST_REST]


def test_a_pause_is_no_end() -> None:
    clerk = Clerk()

    async def run() -> list[Any]:
        thread = DbThread("vton-test")
        gathering = MicroBatcher(thread, clerk.kind)
        try:
            return [await gathering("a", number) for number in (1, 2)]
        finally:
            thread.close()

    assert asyncio.run(run()) == ["a 1", "a 2"]
    assert clerk.units == [[1], [2]]


@pytest.mark.parametrize("key", ["a", ALONE])
def test_one_who_does_not_wait_any_more_harms_nobody(key: Hashable) -> None:
    """Its news is stored all the same."""
    clerk = Clerk()

    async def run() -> list[Any]:
        thread = DbThread("vton-test")
        gathering = MicroBatcher(thread, clerk.kind)
        calls = [asyncio.create_task(gathering(key, number)) for number in (1, 2, 3)]
        await asyncio.sleep(0)
        calls[1].cancel()
        try:
            found = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 5)
            return [*found, await asyncio.wait_for(gathering(key, 4), 5)]
        finally:
            thread.close()

    first, second, third, fourth = asyncio.run(run())
    assert [first, third, fourth] == [_done(key, number) for number in (1, 3, 4)]
    assert isinstance(second, asyncio.CancelledError)
    assert sorted(number for unit in clerk.units for number in unit) == [1, 2, 3, 4]
