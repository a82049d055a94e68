"""What the shop lives on goes away in the middle and comes back: nothing is lost, nothing is paid twice."""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import redis
from django.db import connection
from django.utils import timezone

from django_vton.models import Attempt, DispatcherLease, TryOnRequest
from django_vton.models.states import State

from ..running import REDIS_PORT, database_url, is_listening, phone_photo, redis_database
from .outage_shop import Shop, all_are, wait_until
from .outage_storage import FULL
from .proxy import Proxy
from .rounds import IS_WHOLE, ROUNDS

if TYPE_CHECKING:
    from collections.abc import Iterator

POSTGRES_PORT = 5432

LONG = [] if IS_WHOLE else [pytest.mark.skip(reason="long: ROUNDS=1")]
SCHEDULE_SECONDS = 150.0
"""The scheduler looks every 30 s for what is due once a minute; who lost the broker pauses for 10 s more."""

DRIVERS = ["pump", pytest.param("workers", marks=LONG)]
"""`vton_worker`, which never gives up, and a qcluster, whose schedule starts another pump within a minute."""


def start(shop: Shop, driver: str) -> None:
    if driver == "pump":
        shop.start_pump()
    else:
        shop.start_workers()


# The database -----------------------------------------------------------------------------------------


@contextmanager
def locked() -> Iterator[None]:
    """Another process writes, and does not come to an end."""
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, timeout=30)
    try:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")
    finally:
        other.close()


@pytest.fixture
def database(shop: Shop) -> Iterator[Proxy | None]:
    """What lies between the shop's processes and PostgreSQL; between them and a file lies nothing."""
    if connection.vendor == "sqlite":
        yield None
        return
    with Proxy(int(connection.settings_dict["PORT"])) as proxy:
        shop.env["DATABASE_URL"] = database_url(proxy.port)
        yield proxy


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    "seconds", [3.0, *(pytest.param(long, marks=LONG) for long in (10.0, 25.0))], ids="{:g} s".format
)
def test_the_database_is_gone_amid_posts_questions_and_fetches(
    shop: Shop, database: Proxy | None, driver: str, seconds: float
) -> None:
    ledger = shop.gateway.ledger
    start(shop, driver)
    shop.gateway.scenario(result_seconds=2.0, times=2)
    fetched = [shop.desk.ask() for _ in range(2)]
    wait_until(lambda: all_are(State.SUBMITTED))
    shop.gateway.scenario(seconds=seconds, failed_asks=1, times=2)
    asked = [shop.desk.ask() for _ in range(2)]
    wait_until(lambda: all_are(State.SUBMITTED, State.RENDERED))
    shop.gateway.scenario(submit_seconds=1.0, times=4)
    shop.hurry()
    assert ledger.wait_for(lambda ledger: ledger.totals["media_fetches"] == len(fetched), timeout=30)
    posted = [shop.desk.ask() for _ in range(4)]
    total = len(fetched) + len(asked) + len(posted)
    assert ledger.wait_for(lambda ledger: ledger.totals["accepted"] == total, timeout=30)

    with database.gone() if database is not None else locked():
        time.sleep(seconds)

    answers = Attempt.objects.filter(request__in=posted, vendor_id__isnull=False)
    wait_until(lambda: answers.count() == len(posted), seconds=30)
    if driver == "pump":
        shop.a_minute_passes()
    shop.complete(SCHEDULE_SECONDS)
    shop.check_all_complete(total)


# The gateway ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_gateway_refuses_connections_for_a_while(shop: Shop, driver: str) -> None:
    """What was sent before is asked for again, what comes in meanwhile is not sent, and costs nothing."""
    ledger = shop.gateway.ledger
    with Proxy(int(shop.gateway.url.rpartition(":")[2])) as proxy:
        shop.env["VTON_PIXAZO_BASE_URL"] = f"http://127.0.0.1:{proxy.port}"
        start(shop, driver)
        before = [shop.desk.ask() for _ in range(2)]
        wait_until(lambda: all_are(State.SUBMITTED))
        with proxy.gone():
            meanwhile = [shop.desk.ask() for _ in range(4)]
            refused = Attempt.objects.filter(request__in=meanwhile, verdict="not_sent", money="free")
            wait_until(lambda: refused.count() == len(meanwhile))
            assert len(ledger.entries) == len(before)
            assert {row.state for row in TryOnRequest.objects.filter(pk__in=[it.pk for it in before])} <= {
                State.SUBMITTED
            }
        shop.complete(SCHEDULE_SECONDS)
    assert len(ledger.entries) == len(before) + len(meanwhile)
    shop.check_all_complete(len(before) + len(meanwhile))


@pytest.mark.skipif(not ROUNDS, reason="long: ROUNDS=1")
def test_the_gateway_ends_and_another_one_starts_on_its_port(shop: Shop) -> None:
    shop.gateway.stop()
    shop.start_pump()
    rows = [shop.desk.ask() for _ in range(3)]
    refused = Attempt.objects.filter(verdict="not_sent")
    wait_until(lambda: refused.count() >= len(rows))
    assert shop.desk.spent() == 0
    shop.gateway.start()
    shop.complete()
    shop.check_all_complete(len(rows))


# The disk ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_disk_is_full_when_the_pictures_come(shop: Shop, driver: str) -> None:
    full = shop.folder / FULL
    rows = [shop.desk.ask() for _ in range(3)]
    full.touch()
    start(shop, driver)
    wait_until(lambda: all_are(State.SUBMITTED))
    shop.hurry()
    wait_until(lambda: len(full.read_text().splitlines()) >= 2 * len(rows), seconds=SCHEDULE_SECONDS)
    assert all_are(State.RENDERED)
    full.unlink()
    shop.complete(SCHEDULE_SECONDS)
    shop.check_all_complete(len(rows))


# Redis ------------------------------------------------------------------------------------------------


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    """Redis, in a numbered database of this test's own."""
    if not is_listening(REDIS_PORT):
        pytest.skip(f"Redis does not listen on 127.0.0.1:{REDIS_PORT}")
    with redis_database() as number, redis.Redis(port=REDIS_PORT, db=number) as client:
        yield client


def address(broker: redis.Redis, port: int = REDIS_PORT) -> str:
    """Of its database, by way of a port."""
    return f"redis://127.0.0.1:{port}/{broker.connection_pool.connection_kwargs['db']}"


@pytest.mark.parametrize("rings", ["a shopper", pytest.param("the schedule", marks=LONG)])
def test_redis_is_flushed_amid_running_and_queued_try_ons(
    shop: Shop, broker: redis.Redis, rings: str
) -> None:
    product = shop.shirt
    shop.gateway.scenario(submit_seconds=1.0, times=2)
    shop.start_web(REDIS_URL=address(broker))
    shop.start_workers()
    asked = [shop.shopper().ask(product, phone_photo(shade=shade), consent="true") for shade in range(2)]
    assert shop.gateway.ledger.wait_for(lambda ledger: ledger.totals["accepted"] == 2, timeout=30)
    broker.flushdb()
    shop.complete()
    # A pump that is killed keeps its place for 15 s, in which nobody rings.
    wait_until(lambda: not DispatcherLease.objects.filter(lease_until__gt=timezone.now()).exists())
    shop.kill("workers")

    # Nobody looks, the bell of these lies in Redis, and is lost there.
    asked += [shop.shopper().ask(product, phone_photo(shade=shade), consent="true") for shade in range(2)]
    broker.flushdb()
    shop.start_workers()
    if rings == "a shopper":
        asked.append(shop.shopper().ask(product, phone_photo(), consent="true"))
    assert {answer.status_code for answer in asked} == {202}
    shop.complete(SCHEDULE_SECONDS)
    shop.check_all_complete(len(asked))


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("trouble", ["gone", pytest.param("silent", marks=LONG)])
def test_a_shopper_does_not_feel_that_redis_is_away(
    shop: Shop,
    broker: redis.Redis,
    trouble: str,
    driver: str,
) -> None:
    with Proxy(REDIS_PORT) as proxy:
        shop.start_web(REDIS_URL=address(broker, proxy.port))
        shopper = shop.shopper()
        shopper.start(shop.shirt)
        if driver == "workers":
            shop.start_workers()
            wait_until(lambda: proxy.connections)
        with proxy.gone() if trouble == "gone" else proxy.silent():
            began = time.monotonic()
            answer = shopper.ask(shop.shirt, phone_photo(), consent="true")
            took = time.monotonic() - began
        assert answer.status_code == 202, answer.text
        # A silent Redis is given up after the five seconds that its client allows it.
        assert took < (3.0 if trouble == "gone" else 10.0)
        assert "The queue cannot be reached" in shop.log("web")
        if driver == "pump":
            shop.start_pump()
        shop.complete(SCHEDULE_SECONDS)
    shop.check_all_complete(1)
