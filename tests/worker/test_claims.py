"""Each due row is claimed by one dispatcher, once, and every claimed job is run."""

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
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from django_vton import lifecycle
from django_vton.gateway import circuit_breaker
from django_vton.gateway.engines import engines
from django_vton.models import Attempt, GatewayState, PersonPhoto, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import SubmitOutcome, SubmitResult
from django_vton.shoppers import Visitor
from django_vton.worker import claims

from ..intake_helpers import normalize_sql, run_before_statement
from ..lifecycle.harness import PAST
from ..lifecycle.invariants import check_books
from ..lifecycle.rows import Orders, Row, downloading, make_due, polling, read, set_budget_days
from ..lifecycle.test_races import meet_at, run_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

needs_row_locks = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite lets one transaction write at a time"
)


def keys_in(state: State = State.SUBMITTING) -> list[Any]:
    return sorted(TryOnRequest.objects.filter(state=state).values_list("pk", flat=True))


def keys_of(jobs: list[claims.Job]) -> list[Any]:
    return sorted(job.request.pk for job in jobs)


# Two dispatchers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["submit", "poll", "download"])
def test_two_dispatchers_share_the_due_rows(orders: Orders, kind: str) -> None:
    prepare: dict[str, Callable[[TryOnRequest], Row]]
    prepare = {"submit": read, "poll": polling, "download": downloading}
    rows = [prepare[kind](row).request for row in (*orders.shirts(20), *orders.glasses(20))]
    for row in rows:
        make_due(row)
    TryOnRequest.objects.update(lease_until=None, claim_count=0)
    start = threading.Barrier(2)
    found: list[claims.Job] = []

    def claim() -> None:
        start.wait()
        while jobs := claims.claim_jobs(12, 6):
            found.extend(jobs)

    assert run_threads(claim, claim) == []
    assert {job.kind for job in found} == {kind}
    assert keys_of(found) == sorted(row.pk for row in rows)


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="MariaDB locks all rows that it sorts, SQLite none"
)
@pytest.mark.parametrize("kind", ["submit", "poll"])
def test_a_dispatcher_skips_the_rows_that_another_one_is_claiming(orders: Orders, kind: str) -> None:
    rows = orders.shirts(8)
    for row in rows if kind == "poll" else []:
        polling(row)
        make_due(row)
        TryOnRequest.objects.filter(pk=row.pk).update(lease_until=None)
    first: list[claims.Job] = []
    second: list[claims.Job] = []
    is_claiming, may_claim = threading.Event(), threading.Event()

    def claim_slowly() -> None:
        def wait(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
            if normalize_sql(sql).startswith('UPDATE "vton_tryonrequest"') and not is_claiming.is_set():
                is_claiming.set()
                assert may_claim.wait(10)
            return execute(sql, *rest)

        with connections["default"].execute_wrapper(wait):
            first.extend(claims.claim_jobs(4, 4))

    def claim() -> None:
        assert is_claiming.wait(10)
        began = time.monotonic()
        second.extend(claims.claim_jobs(4, 4))
        assert time.monotonic() - began < 5
        may_claim.set()

    assert run_threads(claim_slowly, claim) == []
    assert (len(first), len(second)) == (4, 4)
    assert keys_of(first + second) == sorted(row.pk for row in rows)


# Images that kill workers ---------------------------------------------------------------------------


def test_a_download_whose_worker_has_died_is_claimed_alone(orders: Orders) -> None:
    shirts = orders.shirts(4)
    died = [downloading(row).request.pk for row in shirts[:2]]
    others = [polling(shirts[2]).request.pk, shirts[3].pk]
    past = timezone.now() + PAST
    TryOnRequest.objects.filter(lease_until__gt=past).update(lease_until=past, due_at=past)

    assert claims.claim_jobs(10, 4, is_idle=False) == [], "it waits for the running jobs"
    claimed = [claims.claim_jobs(10, 4) for _ in died]
    assert [len(jobs) for jobs in claimed] == [1, 1]
    assert keys_of([job for [job] in claimed]) == sorted(died)
    assert keys_of(claims.claim_jobs(10, 4, is_idle=False)) == sorted(others)


# Deadlocks ------------------------------------------------------------------------------------------


def test_renders_of_two_days_and_one_of_the_second_day_do_not_deadlock(orders: Orders) -> None:
    """A transaction that locks a month has locked all days that it needs."""
    first, second, third = [polling(row) for row in orders.shirts(3)]
    set_budget_days([first, second, third], date(2026, 1, 30), date(2026, 1, 31), date(2026, 1, 31))
    start = threading.Barrier(2)

    def render_two() -> None:
        with meet_at(start, 'UPDATE "vton_budgetperiod"', nth=3, seconds=2):
            rendered = [(row.attempt, row.finished(), None) for row in (first, second)]
            assert len(lifecycle.mark_rendered(rendered)) == 2

    def cancel() -> None:
        with meet_at(start, 'UPDATE "vton_budgetperiod"', nth=2, seconds=2):
            assert lifecycle.cancel(third.request)

    assert run_threads(render_two, cancel) == []
    check_books()


@needs_row_locks
def test_expired_photos_and_a_new_order_of_their_shopper_do_not_deadlock(orders: Orders) -> None:
    """They lock the same quota and the same budget. Each try-on that ends has its own transaction."""
    visitors = [Visitor(), Visitor()]
    for visitor in visitors:
        orders.harness.order(visitor)
    PersonPhoto.objects.update(expires_at=timezone.now())
    start = threading.Barrier(2)

    def claim() -> None:
        with meet_at(start, 'UPDATE "vton_quota"', nth=2, seconds=2):
            assert claims.claim_jobs(10, 10) == []

    def order() -> None:
        # Its quota row is locked, its budget row is not.
        with meet_at(start, 'UPDATE "vton_budgetperiod"', seconds=2):
            orders.harness.order(visitors[1])

    assert run_threads(claim, order) == []
    assert TryOnRequest.objects.filter(state=State.FAILED).count() == 2
    check_books()


@needs_row_locks
def test_trials_of_two_engines_do_not_deadlock(orders: Orders, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wallet was empty: both engines have a trial due, and each dispatcher begins with another one."""
    for row in (*orders.shirts(1), *orders.glasses(1)):
        circuit_breaker.record_refused(
            read(row).attempt, SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=402)
        )
    orders.shirts(9)
    orders.glasses(9)
    orders.harness.end_gateway_pause()
    engine_orders = {"one": sorted(engines()), "two": sorted(engines(), reverse=True)}
    monkeypatch.setattr(random, "sample", lambda *_args: engine_orders[threading.current_thread().name])
    start = threading.Barrier(2)
    jobs: list[claims.Job] = []

    def claim(name: str) -> None:
        threading.current_thread().name = name
        with meet_at(start, 'UPDATE "vton_gatewaystate"', nth=2, seconds=2):
            jobs.extend(claims.claim_jobs(4, 4))

    assert run_threads(partial(claim, "one"), partial(claim, "two")) == []
    assert sorted(job.engine.name for job in jobs) == sorted(engines())
    assert keys_of(jobs) == keys_in()
    assert not GatewayState.objects.filter(wait_until__lte=timezone.now()).exists()


# Errors ---------------------------------------------------------------------------------------------


@contextmanager
def failing_after(count: int) -> Iterator[list[str]]:
    """Every statement after so many fails: the database is gone."""
    statements: list[str] = []

    def execute_or_fail(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        statements.append(sql)
        if len(statements) > count:
            raise OperationalError("gone")
        return execute(sql, *rest)

    with connection.execute_wrapper(execute_or_fail):
        yield statements


def test_claimed_jobs_are_returned_whenever_the_database_fails(orders: Orders) -> None:
    """At any statement, with both engines and a row that cannot be claimed."""
    for count in range(200):
        rows = [*orders.shirts(2), *orders.glasses(2)]
        Attempt.objects.filter(request=rows[1]).update(posted_at=timezone.now())
        jobs: list[claims.Job] = []
        with failing_after(count) as statements, suppress(OperationalError):
            jobs = claims.claim_jobs(10, 10)
        assert keys_of(jobs) == keys_in(), f"gone at statement {count}: {statements[-1]}"
        for row in TryOnRequest.objects.active():
            assert lifecycle.cancel(row)
        if len(statements) <= count:
            break
    assert 10 < len(statements) < 100


def test_jobs_of_a_claim_that_is_rolled_back_are_not_returned(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of two commits fails."""
    database: Any = BaseDatabaseWrapper
    commit, commits = database._commit, []

    def fail_second(self: Any) -> None:
        commits.append(1)
        if len(commits) == 2:
            raise OperationalError("gone")
        commit(self)

    orders.shirts(2)
    orders.glasses(2)
    with monkeypatch.context() as patch:
        patch.setattr(database, "_commit", fail_second)
        jobs = claims.claim_jobs(10, 10)
    assert len(jobs) == 2
    assert keys_of(jobs) == keys_in()


def test_a_photo_that_is_deleted_before_the_claim_does_not_delay_other_rows(orders: Orders) -> None:
    rows = orders.shirts(3)
    photo = rows[1].photo
    assert photo is not None
    # SQLite takes its lock with the first statement, and the other databases with the second one.
    locks = ('UPDATE "vton_tryonrequest"', 'SELECT "vton_tryonrequest"."id", ')
    with run_before_statement(locks, photo.delete):
        jobs = claims.claim_jobs(10, 10)
    assert keys_of(jobs) == keys_in()
    jobs += claims.claim_jobs(10, 10)
    assert {rows[0].pk, rows[2].pk} <= set(keys_of(jobs))
    assert keys_of(jobs) == keys_in()


def test_the_claim_and_its_vendor_links_are_one_transaction(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: Any) -> None:
        raise OperationalError("gone")

    orders.shirts(2)
    monkeypatch.setattr(claims, "create_links", fail)
    with pytest.raises(OperationalError):
        claims.claim_jobs(10, 10)
    assert keys_in() == []
