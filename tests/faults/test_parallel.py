"""Many at once: no more is spent than the shop allows, no limit gives way, and no row is driven twice."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections
from django.test import override_settings

from django_vton.billing.budget import Kind
from django_vton.conf import MICROS
from django_vton.exceptions import BudgetExhausted
from django_vton.models import Attempt, BudgetPeriod, TryOnRequest
from django_vton.models.states import State
from django_vton.worker import claims

from ..lifecycle.invariants import check_books
from ..lifecycle.test_races import together
from ..running import Shopper, phone_photo
from .outage_shop import Shop, all_are, wait_until
from .rounds import ROUNDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import httpx
    from django.conf import LazySettings

logger = logging.getLogger("tests.faults")

SHIRT = 75_000
GLASSES = 300_000
AT_ONCE = 50
"""Requests on the way at the same time: each holds a connection, of which PostgreSQL has a hundred."""

AT_ONCE_ON_SQLITE = 16
"""For long: it has one writer at a time and no queue for the others, and after 20 s the unlucky get a 500."""

LONG = [] if ROUNDS else [pytest.mark.skip(reason="long: ROUNDS=1")]


@contextmanager
def watching_budget() -> Iterator[list[int]]:
    """What was held and spent together of a day and of a month, seen again and again beside the block."""
    seen: list[int] = []
    is_over = threading.Event()

    def watch() -> None:
        try:
            while not is_over.wait(0.005):
                seen.extend(period.held + period.spent for period in BudgetPeriod.objects.all())
        finally:
            connections.close_all()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


def at_once(*works: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Send them at the same moment; the answers in their order."""
    start = threading.Barrier(len(works))

    def send(work: Callable[[], httpx.Response]) -> httpx.Response:
        start.wait()
        return work()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(send, works))


def guests(shop: Shop, number: int) -> list[Shopper]:
    """As many visitors who have opened the dialog."""
    first = shop.shopper()
    first.start(shop.shirt)
    return [first, *(twin(shop, first) for _ in range(number - 1))]


def twin(shop: Shop, other: Shopper) -> Shopper:
    """The same browser's cookies once more: with a session it is the same shopper, without it a guest."""
    shopper = shop.shopper()
    shopper.http.cookies.update(other.http.cookies)
    shopper.http.headers["X-CSRFToken"] = other.http.headers["X-CSRFToken"]
    return shopper


def ask(shopper: Shopper, product: str, shade: int = 0, **fields: Any) -> httpx.Response:
    return shopper.ask(product, phone_photo(300, 400, shade=shade), consent="true", **fields)


# The last cent ----------------------------------------------------------------------------------------


def test_requests_in_parallel_at_the_last_cent(shop: Shop) -> None:
    """Room for exactly three: over HTTP, as shoppers come."""
    crowd = AT_ONCE if ROUNDS else 20
    shop.start_web(VTON_DAILY_BUDGET="0.25")
    with watching_budget() as seen:
        answers = at_once(*[partial(ask, guest, shop.shirt) for guest in guests(shop, crowd)])
    assert Counter(answer.status_code for answer in answers) == {202: 3, 429: crowd - 3}
    for answer in answers:
        if answer.status_code == 429:
            assert answer.json()["code"] == "budget_exhausted"
            assert int(answer.headers["Retry-After"]) > 0
    assert max(seen) == 3 * SHIRT
    assert TryOnRequest.objects.count() == 3

    shop.start_pump()
    shop.complete()
    shop.check_all_complete(3)
    assert shop.desk.charged() == 3 * SHIRT


@pytest.mark.parametrize("cap", ["DAILY_BUDGET", pytest.param("MONTHLY_BUDGET", marks=LONG)])
def test_threads_in_parallel_at_the_last_cent(shop: Shop, settings: LazySettings, cap: str) -> None:
    """Below HTTP, where nothing but the database keeps them apart."""
    start = threading.Barrier(AT_ONCE)
    waits: list[int] = []

    def take() -> None:
        start.wait()
        try:
            shop.desk.ask()
        except BudgetExhausted as refusal:
            waits.append(refusal.retry_after or 0)

    with override_settings(VTON=settings.VTON | {cap: Decimal("1.00")}), watching_budget() as seen:
        assert together(*[take] * AT_ONCE) == []
    assert TryOnRequest.objects.count() == 3
    assert len(waits) == AT_ONCE - 3
    assert min(waits) > 0
    assert max(seen) == 3 * GLASSES
    check_books(shop.gateway)


def test_a_daily_budget_under_a_crowd_is_spent_to_the_cent_of_the_ledger(shop: Shop) -> None:
    """Both engines, some renders that cost nothing, some refusals: whatever comes, 10.00 stay 10.00."""
    crowd, cap = (500, "10") if ROUNDS else (32, "1.50")
    limit = int(Decimal(cap) * MICROS)
    shop.gateway.scenario(outcome="ERROR", every=7, times=None)
    shop.gateway.scenario(submit_status=429, retry_after=1, every=11, times=crowd // 16)
    shop.gateway.scenario(submit_status=500, every=5, times=crowd // 16)
    shop.gateway.scenario(outcome="FAILED", every=9, times=None)
    shop.start_web(VTON_DAILY_BUDGET=cap)
    shop.start_pump()
    waiting = guests(shop, AT_ONCE_ON_SQLITE if connection.vendor == "sqlite" else min(crowd, AT_ONCE))
    began = time.monotonic()

    def post(guest: Shopper, numbers: Sequence[int]) -> list[httpx.Response]:
        answers = []
        for number in numbers:
            guest.http.cookies.pop("sessionid", None)  # Each time somebody else.
            answers.append(ask(guest, shop.glasses if number % 3 == 0 else shop.shirt, shade=number))
        return answers

    with watching_budget() as seen, ThreadPoolExecutor(len(waiting)) as threads:
        shares = [range(start, crowd, len(waiting)) for start in range(len(waiting))]
        answers = [answer for part in threads.map(post, waiting, shares) for answer in part]
        posted = time.monotonic() - began
        wait_until(lambda: all_are(State.COMPLETED, State.FAILED), 600)
    took = time.monotonic() - began

    statuses = Counter(answer.status_code for answer in answers)
    day = BudgetPeriod.objects.get(kind=Kind.DAY)
    freed = Attempt.objects.filter(money="free").count()
    logger.info(
        "%s in %.0f s, done in %.0f s; spent %s, charged %s, at most %s held and spent in %s looks; %s free",
        dict(statuses),
        posted,
        took,
        day.spent,
        shop.desk.charged(),
        max(seen),
        len(seen),
        freed,
    )
    assert set(statuses) == {202, 429}
    assert statuses[202] == TryOnRequest.objects.count()
    assert max(seen) <= limit
    assert day.held == 0
    assert day.spent == shop.desk.charged() <= limit
    assert freed
    # Nothing else was in their way.
    assert {it.json()["code"] for it in answers if it.status_code == 429} == {"budget_exhausted"}
    check_books(shop.gateway)


# The limits of one shopper ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ({"VTON_IN_FLIGHT": "3"}, "in_flight_limit"),
        ({"VTON_QUOTA": "3/day", "VTON_IN_FLIGHT": "100"}, "quota_exceeded"),
    ],
    ids=["in flight", "quota"],
)
def test_one_shopper_posts_in_parallel_up_to_the_limit(shop: Shop, limit: dict[str, str], code: str) -> None:
    shop.start_web(**limit)
    shopper = shop.shopper()
    assert ask(shopper, shop.shirt).status_code == 202  # From now on there is a session.
    tabs = [twin(shop, shopper) for _ in range(20)]
    answers = at_once(*[partial(ask, tab, shop.shirt, shade) for shade, tab in enumerate(tabs, 1)])
    assert Counter(answer.status_code for answer in answers) == {202: 2, 429: 18}
    assert {answer.json()["code"] for answer in answers if answer.status_code == 429} == {code}
    assert TryOnRequest.objects.count() == 3


@pytest.mark.parametrize("is_known", [False, pytest.param(True, marks=LONG)], ids=["new", "known"])
def test_the_same_key_in_parallel_is_one_try_on(shop: Shop, is_known: bool) -> None:
    """Of a shopper who was here before, and of a guest whose very first request is repeated."""
    shop.start_web()
    shopper = shop.shopper()
    shopper.start(shop.shirt)
    if is_known:
        assert ask(shopper, shop.shirt, 7).status_code == 202
    tabs = [twin(shop, shopper) for _ in range(10)]
    for tab in tabs:
        tab.http.headers["Idempotency-Key"] = "one-and-the-same-key"
    answers = at_once(*[partial(ask, tab, shop.shirt) for tab in tabs])
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1

    shop.start_pump()
    shop.complete()
    shop.check_all_complete(1 + is_known)
    assert shop.desk.charged() == SHIRT * (1 + is_known)


# Pumps ------------------------------------------------------------------------------------------------


def test_pumps_in_several_processes_share_the_rows(shop: Shop) -> None:
    number = 60 if ROUNDS else 12
    pumps = 3 if ROUNDS else 2
    for _ in range(number):
        shop.desk.ask()
    shop.env["OUTAGE_PUMPS"] = str(pumps)
    for pump in range(pumps):
        shop.start_pump(f"pump {pump}")
    shop.complete(300)
    shop.check_all_complete(number)
    ledger = shop.gateway.ledger
    fetches = [ledger.counts(str(entry.request_id)).media_fetches for entry in ledger.entries]
    assert fetches == [1] * number
    for pump in range(pumps):
        assert "stopped" not in shop.log(f"pump {pump}")


@pytest.mark.parametrize("kind", ["submit", "ask"])
def test_threads_that_claim_at_once_share_the_rows(shop: Shop, kind: str) -> None:
    rows = [shop.desk.ask() for _ in range(24)]
    if kind == "ask":
        TryOnRequest.objects.update(state=State.SUBMITTED)
    start = threading.Barrier(4)
    claimed: list[Any] = []

    def take() -> None:
        start.wait()
        while jobs := claims.take(5, 3):
            claimed.extend((job.request.pk, job.kind) for job in jobs)

    assert together(*[take] * 4) == []
    assert sorted(claimed) == sorted((row.pk, kind) for row in rows)
