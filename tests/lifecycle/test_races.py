"""Writers that meet: nobody waits for the other, and the books still agree."""

from __future__ import annotations

import queue
import threading
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.utils import timezone

from django_vton import lifecycle
from django_vton.gateway import circuit_breaker
from django_vton.models import BudgetPeriod, Quota, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import Submission, Verdict
from django_vton.shoppers import Visitor

from .invariants import check_books

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_vton.models import PersonPhoto

    from ..conftest import Vton
    from .desk import Desk

ROUNDS = 8


def together(*works: Callable[[], None]) -> list[BaseException]:
    """Run them at the same time, each on a connection of its own; what went wrong."""
    troubles: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as trouble:  # noqa: BLE001 - it is shown in the test's own thread
            troubles.append(trouble)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return troubles


def test_accepting_and_giving_back_do_not_wait_for_each_other(desk: Desk, vton: Vton) -> None:
    """One shopper asks while the earlier try-ons end free of charge: the same quota and budget rows."""
    vton(IN_FLIGHT=100, QUOTA="100/day", IP_QUOTA="1000/day")
    visitor = Visitor()
    rows: queue.SimpleQueue[TryOnRequest | None] = queue.SimpleQueue()
    rows.put(desk.ask(visitor, addresses=("ip:one",)))

    def ask() -> None:
        try:
            for _ in range(ROUNDS):
                rows.put(desk.ask(visitor, addresses=("ip:one",)))
        finally:
            rows.put(None)

    def end() -> None:
        while (row := rows.get()) is not None:
            assert lifecycle.cancel(row)

    assert together(ask, end) == []
    assert TryOnRequest.objects.filter(state=State.CANCELED).count() == ROUNDS + 1
    assert set(Quota.objects.values_list("used", flat=True)) == {0}
    assert set(BudgetPeriod.objects.values_list("held", "spent")) == {(0, 0)}
    check_books(desk.gateway)


@contextmanager
def meeting(start: threading.Barrier, at: str) -> Iterator[None]:
    """Each thread waits for the others just before its first statement with these words; but not for ever,
    since a lock may keep one of them from coming so far."""
    is_first = True

    def wait(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        nonlocal is_first
        if is_first and at in sql:
            is_first = False
            with suppress(threading.BrokenBarrierError):
                start.wait(0.3)
        return execute(sql, *rest)

    with connections["default"].execute_wrapper(wait):
        yield


def test_pumps_that_look_together_have_one_trial_between_them(desk: Desk) -> None:
    attempt = desk.ask().attempts.get()
    circuit_breaker.refused(attempt, Submission(verdict=Verdict.REFUSED, status_code=401))
    desk.gateway_waits_no_more()
    start = threading.Barrier(3)
    places: list[int] = []

    def look() -> None:
        with meeting(start, 'UPDATE "vton_gatewaystate"'):
            places.append(circuit_breaker.allowance(attempt.engine, timezone.now(), 5).places)

    assert together(look, look, look) == []
    assert sorted(places) == [0, 0, 1]


def test_the_last_two_who_leave_at_once_stop_the_render(desk: Desk, house_model: PersonPhoto) -> None:
    waiting = [desk.ask(photo=None, photo_id=str(house_model.pk), consent=False) for _ in range(2)]
    start = threading.Barrier(2)

    def leave(row: TryOnRequest) -> None:
        with meeting(start, ' AS "a" FROM'):
            assert lifecycle.cancel(row)

    assert together(*[partial(leave, row) for row in waiting]) == []
    assert waiting[0].source is not None
    source = desk.reload(waiting[0].source, State.CANCELED)
    assert desk.money(source) == ["free"]


def test_a_cancel_and_the_posts_answer_meet(desk: Desk) -> None:
    desk.gateway.scenario(submit_seconds=0.05, times=None)
    rows = [desk.ask() for _ in range(4)]
    assert together(desk.look, *[partial(_cancel, row) for row in rows]) == []
    for row in rows:
        desk.reload(row, State.CANCELED)


def _cancel(row: TryOnRequest) -> None:
    assert lifecycle.cancel(row)
