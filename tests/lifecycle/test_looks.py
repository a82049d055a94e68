"""Looks of several pumps at once, and looks that break off: what is claimed is flown, by one, and once."""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager, suppress
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection, connections
from django.utils import timezone

from django_vton import lifecycle
from django_vton.gateway import circuit_breaker
from django_vton.gateway.engines import engines
from django_vton.lifecycle import together
from django_vton.models import Attempt, GatewayState, PersonPhoto, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import Submission, Verdict
from django_vton.shoppers import Visitor
from django_vton.worker import claims

from ..people import standard
from .company import Crowd, Hand, due, fetched, in_hand, made, on_days
from .invariants import check_books
from .test_races import together as at_once

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


needs_rows_locked = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite lets one transaction write at a time"
)


@contextmanager
def waiting_at(start: threading.Barrier, words: str, nth: int = 1, seconds: float = 2.0) -> Iterator[None]:
    """This thread waits for the others just before its nth statement with these words; not for ever, since
    a lock may keep one of them from coming so far."""
    seen = 0

    def wait(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        nonlocal seen
        seen += words in standard(sql)
        if words in standard(sql) and seen == nth:
            with suppress(threading.BrokenBarrierError):
                start.wait(seconds)
        return execute(sql, *rest)

    with connections["default"].execute_wrapper(wait):
        yield


def claimed(state: State = State.SUBMITTING) -> list[Any]:
    return sorted(TryOnRequest.objects.filter(state=state).values_list("pk", flat=True))


def flown(jobs: list[claims.Job]) -> list[Any]:
    return sorted(job.request.pk for job in jobs)


# Two at once ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["submit", "ask", "fetch"])
def test_two_pumps_that_look_at_once_share_forty_rows(crowd: Crowd, kind: str) -> None:
    bring: dict[str, Callable[[TryOnRequest], Hand]] = {"submit": in_hand, "ask": made, "fetch": fetched}
    rows = [bring[kind](row).request for row in (*crowd.shirts(20), *crowd.spectacles(20))]
    for row in rows:
        due(row)
    TryOnRequest.objects.update(lease_until=None)
    start = threading.Barrier(2)
    found: list[claims.Job] = []

    def look() -> None:
        start.wait()
        while jobs := claims.take(12, 6):
            found.extend(jobs)

    assert at_once(look, look) == []
    assert {job.kind for job in found} == {kind}
    assert flown(found) == sorted(row.pk for row in rows)


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="MariaDB locks all that it sorts, SQLite nothing"
)
@pytest.mark.parametrize("kind", ["submit", "ask"])
def test_a_pump_waits_for_no_other_ones_look(crowd: Crowd, kind: str) -> None:
    """One stops right before it writes its claims; meanwhile another one finds the rows behind them."""
    rows = crowd.shirts(8)
    for row in rows if kind == "ask" else []:
        made(row)
        due(row)
        TryOnRequest.objects.filter(pk=row.pk).update(lease_until=None)
    first: list[claims.Job] = []
    second: list[claims.Job] = []
    in_between, is_over = threading.Event(), threading.Event()

    def slow() -> None:
        def stop(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            if standard(sql).startswith('UPDATE "vton_tryonrequest"') and not in_between.is_set():
                in_between.set()
                assert is_over.wait(10)
            return execute(sql, *rest)

        with connections["default"].execute_wrapper(stop):
            first.extend(claims.take(4, 4))

    def quick() -> None:
        assert in_between.wait(10)
        began = time.monotonic()
        second.extend(claims.take(4, 4))
        assert time.monotonic() - began < 5
        is_over.set()

    assert at_once(slow, quick) == []
    assert (len(first), len(second)) == (4, 4)
    assert flown(first + second) == sorted(row.pk for row in rows)


# Deadlocks --------------------------------------------------------------------------------------------


def test_renders_of_two_days_and_one_of_the_second_do_not_wait_for_each_other(crowd: Crowd) -> None:
    """Whoever holds a month has the days that it needs."""
    first, second, third = [made(row) for row in crowd.shirts(3)]
    on_days([first, second, third], date(2026, 1, 30), date(2026, 1, 31), date(2026, 1, 31))
    start = threading.Barrier(2)
    stored: list[bool] = []

    def several() -> None:
        with waiting_at(start, 'UPDATE "vton_budgetperiod"', nth=3):
            news = [(hand.request, hand.attempt, hand.done()) for hand in (first, second)]
            stored.append(together.rendered(news))

    def single() -> None:
        with waiting_at(start, 'UPDATE "vton_budgetperiod"', nth=2):
            assert lifecycle.cancel(third.request)

    assert at_once(several, single) == []
    assert stored == [True]
    check_books()


@needs_rows_locked
def test_photos_that_have_gone_and_a_shopper_who_asks_anew_do_not_wait_for_each_other(crowd: Crowd) -> None:
    """The same quota's row and the same budget's: each try-on that ends has its own transaction."""
    visitors = [Visitor(), Visitor()]
    for visitor in visitors:
        crowd.desk.ask(visitor)
    PersonPhoto.objects.update(expires_at=timezone.now())
    start = threading.Barrier(2)

    def look() -> None:
        with waiting_at(start, 'UPDATE "vton_quota"', nth=2):
            assert claims.take(10, 10) == []

    def ask() -> None:
        # Its quota's row is locked, its budget's is not.
        with waiting_at(start, 'UPDATE "vton_budgetperiod"'):
            crowd.desk.ask(visitors[1])

    assert at_once(look, ask) == []
    assert TryOnRequest.objects.filter(state=State.FAILED).count() == 2
    check_books()


@needs_rows_locked
def test_pumps_that_try_two_engines_do_not_wait_for_each_other(
    crowd: Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wallet was empty: both engines have a trial due, and each pump begins with another one."""
    for row in (*crowd.shirts(1), *crowd.spectacles(1)):
        circuit_breaker.refused(in_hand(row).attempt, Submission(verdict=Verdict.REFUSED, status_code=402))
    crowd.shirts(9)
    crowd.spectacles(9)
    crowd.desk.gateway_waits_no_more()
    orders = {"one": sorted(engines()), "two": sorted(engines(), reverse=True)}
    monkeypatch.setattr(random, "sample", lambda *_args: orders[threading.current_thread().name])
    start = threading.Barrier(2)
    jobs: list[claims.Job] = []

    def look(name: str) -> None:
        threading.current_thread().name = name
        with waiting_at(start, 'UPDATE "vton_gatewaystate"', nth=2):
            jobs.extend(claims.take(4, 4))

    assert at_once(partial(look, "one"), partial(look, "two")) == []
    assert sorted(job.engine.name for job in jobs) == sorted(engines())
    assert flown(jobs) == claimed()
    assert not GatewayState.objects.filter(wait_until__lte=timezone.now()).exists()


# Breaking off -----------------------------------------------------------------------------------------


@contextmanager
def going_away(at: int) -> Iterator[list[str]]:
    """The database goes at the statement with this number, and is not back before the block's end."""
    said: list[str] = []

    def go(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        said.append(sql)
        if len(said) > at:
            raise OperationalError("gone")
        return execute(sql, *rest)

    with connection.execute_wrapper(go):
        yield said


@pytest.mark.parametrize("is_one_by_one", [False, True])
def test_what_is_claimed_is_flown_wherever_the_database_goes(crowd: Crowd, is_one_by_one: bool) -> None:
    """Of both engines; one by one where one of them cannot be claimed."""
    for at in range(200):
        rows = [*crowd.shirts(3), *crowd.spectacles(3)]
        if is_one_by_one:
            Attempt.objects.filter(request__in=[rows[1], rows[4]]).update(posted_at=timezone.now())
        jobs: list[claims.Job] = []
        with going_away(at) as said, suppress(OperationalError):
            jobs = claims.take(10, 10)
        assert flown(jobs) == claimed(), f"gone at statement {at}: {said[-1]}"
        for row in TryOnRequest.objects.active():
            assert lifecycle.cancel(row)
        if len(said) <= at:
            break
    assert 10 < len(said) < 100
