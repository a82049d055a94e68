"""Many requests at once: budgets and limits hold to the cent, and no row is processed twice."""

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
from django_vton.conf import MICROS_PER_USD
from django_vton.exceptions import BudgetExhausted
from django_vton.models import Attempt, BudgetPeriod, TryOnRequest
from django_vton.models.states import State
from django_vton.worker import claims

from ..lifecycle.invariants import check_books
from ..lifecycle.test_races import run_threads
from ..live_shop import ShopperClient, phone_photo
from .outage_shop import OutageShop, all_are, wait_for
from .rounds import IS_WHOLE, ROUNDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import httpx
    from django.conf import LazySettings

logger = logging.getLogger("tests.faults")

SHIRT = 75_000
GLASSES = 300_000
AT_ONCE = 50
"""Concurrent requests. Each holds a connection, of which PostgreSQL has a hundred."""

AT_ONCE_ON_SQLITE = 16
"""In a long test: SQLite has one writer at a time and no queue, and waiting for 20 s ends in a 500."""

LONG = [] if ROUNDS else [pytest.mark.skip(reason="long: ROUNDS=1")]


@contextmanager
def record_budget() -> Iterator[list[int]]:
    """Record again and again, while the block runs, how much of the day's and the month's budget is used."""
    seen: list[int] = []
    is_over = threading.Event()

    def record() -> None:
        try:
            while not is_over.wait(0.005):
                seen.extend(period.held + period.spent for period in BudgetPeriod.objects.all())
        finally:
            connections.close_all()

    recorder = threading.Thread(target=record)
    recorder.start()
    try:
        yield seen
    finally:
        is_over.set()
        recorder.join()


def send_concurrently(*sends: Callable[[], httpx.Response]) -> list[httpx.Response]:
    """Send them at the same moment; return the responses in their order."""
    start = threading.Barrier(len(sends))

    def send(send_one: Callable[[], httpx.Response]) -> httpx.Response:
        start.wait()
        return send_one()

    with ThreadPoolExecutor(len(sends)) as threads:
        return list(threads.map(send, sends))


def open_dialogs(shop: OutageShop, number: int) -> list[ShopperClient]:
    """Return that many visitors who have opened the dialog."""
    first = shop.shopper()
    first.start(shop.shirt)
    return [first, *(copy_browser(shop, first) for _ in range(number - 1))]


def copy_browser(shop: OutageShop, other: ShopperClient) -> ShopperClient:
    """A client with the same cookies: the same shopper if they have a session, otherwise another guest."""
    shopper = shop.shopper()
    shopper.http.cookies.update(other.http.cookies)
    shopper.http.headers["X-CSRFToken"] = other.http.headers["X-CSRFToken"]
    return shopper


def order(shopper: ShopperClient, product: str, shade: int = 0, **fields: Any) -> httpx.Response:
    return shopper.post_tryon(product, phone_photo(300, 400, shade=shade), consent="true", **fields)


# Budgets -------------------------------------------------------------------------------------------


def test_concurrent_requests_never_exceed_the_budget(shop: OutageShop) -> None:
    """Over HTTP. Exactly three fit into the budget."""
    count = AT_ONCE if ROUNDS else 20
    shop.start_web(VTON_DAILY_BUDGET="0.25")
    with record_budget() as seen:
        responses = send_concurrently(
            *[partial(order, guest, shop.shirt) for guest in open_dialogs(shop, count)]
        )
    assert Counter(response.status_code for response in responses) == {202: 3, 429: count - 3}
    for response in responses:
        if response.status_code == 429:
            assert response.json()["code"] == "budget_exhausted"
            assert int(response.headers["Retry-After"]) > 0
    assert max(seen) == 3 * SHIRT
    assert TryOnRequest.objects.count() == 3

    shop.start_dispatcher()
    shop.wait_until_completed()
    shop.check_all_complete(3)
    assert shop.harness.charged() == 3 * SHIRT


@pytest.mark.parametrize("cap", ["DAILY_BUDGET", pytest.param("MONTHLY_BUDGET", marks=LONG)])
def test_concurrent_threads_never_exceed_the_budget(
    shop: OutageShop, settings: LazySettings, cap: str
) -> None:
    """Without HTTP, so that only the database serializes them."""
    start = threading.Barrier(AT_ONCE)
    waits: list[int] = []

    def order_one() -> None:
        start.wait()
        try:
            shop.harness.order()
        except BudgetExhausted as refusal:
            waits.append(refusal.retry_after or 0)

    with override_settings(VTON=settings.VTON | {cap: Decimal("1.00")}), record_budget() as seen:
        assert run_threads(*[order_one] * AT_ONCE) == []
    assert TryOnRequest.objects.count() == 3
    assert len(waits) == AT_ONCE - 3
    assert min(waits) > 0
    assert max(seen) == 3 * GLASSES
    check_books(shop.gateway)


def test_a_budget_under_load_matches_the_ledger_to_the_cent(shop: OutageShop) -> None:
    """Both engines, with some free renders and some refusals: 10.00 USD stay 10.00 USD."""
    count, cap = (500, "10") if IS_WHOLE else (32, "1.50")
    limit = int(Decimal(cap) * MICROS_PER_USD)
    shop.gateway.scenario(outcome="ERROR", every=7, times=None)
    shop.gateway.scenario(submit_status=429, retry_after=1, every=11, times=count // 16)
    shop.gateway.scenario(submit_status=500, every=5, times=count // 16)
    shop.gateway.scenario(outcome="FAILED", every=9, times=None)
    shop.start_web(VTON_DAILY_BUDGET=cap)
    shop.start_dispatcher()
    waiting = open_dialogs(shop, AT_ONCE_ON_SQLITE if connection.vendor == "sqlite" else min(count, AT_ONCE))
    began = time.monotonic()

    def post(guest: ShopperClient, numbers: Sequence[int]) -> list[httpx.Response]:
        responses = []
        for number in numbers:
            guest.http.cookies.pop("sessionid", None)  # Each time another guest.
            responses.append(order(guest, shop.glasses if number % 3 == 0 else shop.shirt, shade=number))
        return responses

    with record_budget() as seen, ThreadPoolExecutor(len(waiting)) as threads:
        shares = [range(start, count, len(waiting)) for start in range(len(waiting))]
        responses = [response for part in threads.map(post, waiting, shares) for response in part]
        posted = time.monotonic() - began
        wait_for(lambda: all_are(State.COMPLETED, State.FAILED), 600)
    took = time.monotonic() - began

    statuses = Counter(response.status_code for response in responses)
    day = BudgetPeriod.objects.get(kind=Kind.DAY)
    freed = Attempt.objects.filter(money="free").count()
    logger.info(
        "%s in %.0f s, done in %.0f s; spent %s, charged %s, at most %s used in %s samples; %s free",
        dict(statuses),
        posted,
        took,
        day.spent,
        shop.harness.charged(),
        max(seen),
        len(seen),
        freed,
    )
    assert set(statuses) == {202, 429}
    assert statuses[202] == TryOnRequest.objects.count()
    assert max(seen) <= limit
    assert day.held == 0
    assert day.spent == shop.harness.charged() <= limit
    assert freed
    # No other limit was reached.
    assert {it.json()["code"] for it in responses if it.status_code == 429} == {"budget_exhausted"}
    check_books(shop.gateway)


# Limits of one shopper --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        ({"VTON_IN_FLIGHT": "3"}, "in_flight_limit"),
        ({"VTON_QUOTA": "3/day", "VTON_IN_FLIGHT": "100"}, "quota_exceeded"),
    ],
    ids=["in flight", "quota"],
)
def test_concurrent_requests_of_one_shopper_stop_at_the_limit(
    shop: OutageShop, limit: dict[str, str], code: str
) -> None:
    shop.start_web(**limit)
    shopper = shop.shopper()
    assert order(shopper, shop.shirt).status_code == 202  # Creates the session.
    tabs = [copy_browser(shop, shopper) for _ in range(20)]
    responses = send_concurrently(
        *[partial(order, tab, shop.shirt, shade) for shade, tab in enumerate(tabs, 1)]
    )
    assert Counter(response.status_code for response in responses) == {202: 2, 429: 18}
    assert {response.json()["code"] for response in responses if response.status_code == 429} == {code}
    assert TryOnRequest.objects.count() == 3


@pytest.mark.parametrize("is_known", [False, pytest.param(True, marks=LONG)], ids=["new", "known"])
def test_concurrent_requests_with_one_idempotency_key_are_one_try_on(
    shop: OutageShop, is_known: bool
) -> None:
    """Of a known shopper, and of a guest whose very first request is repeated."""
    shop.start_web()
    shopper = shop.shopper()
    shopper.start(shop.shirt)
    if is_known:
        assert order(shopper, shop.shirt, 7).status_code == 202
    tabs = [copy_browser(shop, shopper) for _ in range(10)]
    for tab in tabs:
        tab.http.headers["Idempotency-Key"] = "one-and-the-same-key"
    responses = send_concurrently(*[partial(order, tab, shop.shirt) for tab in tabs])
    assert {response.status_code for response in responses} == {202}
    assert len({response.json()["id"] for response in responses}) == 1

    shop.start_dispatcher()
    shop.wait_until_completed()
    shop.check_all_complete(1 + is_known)
    assert shop.harness.charged() == SHIRT * (1 + is_known)


# Dispatchers ------------------------------------------------------------------------------------------


def test_dispatchers_in_several_processes_share_the_rows(shop: OutageShop) -> None:
    number = 60 if ROUNDS else 12
    dispatchers = 3 if ROUNDS else 2
    for _ in range(number):
        shop.harness.order()
    shop.env["OUTAGE_DISPATCHERS"] = str(dispatchers)
    for dispatcher in range(dispatchers):
        shop.start_dispatcher(f"dispatcher {dispatcher}")
    shop.wait_until_completed(300)
    shop.check_all_complete(number)
    ledger = shop.gateway.ledger
    fetches = [ledger.counts(str(entry.request_id)).media_fetches for entry in ledger.entries]
    assert fetches == [1] * number
    for dispatcher in range(dispatchers):
        assert "crashed" not in shop.log(f"dispatcher {dispatcher}")


@pytest.mark.parametrize("kind", ["submit", "poll"])
def test_threads_that_claim_concurrently_share_the_rows(shop: OutageShop, kind: str) -> None:
    rows = [shop.harness.order() for _ in range(24)]
    if kind == "poll":
        TryOnRequest.objects.update(state=State.SUBMITTED)
    start = threading.Barrier(4)
    claimed: list[Any] = []

    def claim() -> None:
        start.wait()
        while jobs := claims.claim_jobs(5, 3):
            claimed.extend((job.request.pk, job.kind) for job in jobs)

    assert run_threads(*[claim] * 4) == []
    assert sorted(claimed) == sorted((row.pk, kind) for row in rows)
