"""A service that the shop needs goes away and comes back: nothing is lost, and nothing is paid twice."""

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

from ..live_shop import REDIS_PORT, database_url, is_listening, phone_photo, redis_database
from .outage_shop import OutageShop, all_are, wait_for
from .outage_storage import FULL
from .proxy import Proxy
from .rounds import IS_WHOLE, ROUNDS

if TYPE_CHECKING:
    from collections.abc import Iterator

POSTGRES_PORT = 5432

LONG = [] if IS_WHOLE else [pytest.mark.skip(reason="long: ROUNDS=1")]
SCHEDULE_SECONDS = 150.0
"""The scheduler runs every 30 s, its tasks once a minute; after losing its broker it waits 10 s more."""

DRIVERS = ["dispatcher", pytest.param("workers", marks=LONG)]
"""`vton_worker`, which runs on, and a qcluster, whose schedule starts another dispatcher within a minute."""


def start(shop: OutageShop, driver: str) -> None:
    if driver == "dispatcher":
        shop.start_dispatcher()
    else:
        shop.start_workers()


# The database -----------------------------------------------------------------------------------------


@contextmanager
def locked() -> Iterator[None]:
    """Another connection writes for as long as the block lasts."""
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, timeout=30)
    try:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")
    finally:
        other.close()


@pytest.fixture
def database(shop: OutageShop) -> Iterator[Proxy | None]:
    """A proxy between the shop's processes and PostgreSQL; None with SQLite."""
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
def test_the_database_is_gone_during_submits_polls_and_downloads(
    shop: OutageShop, database: Proxy | None, driver: str, seconds: float
) -> None:
    ledger = shop.gateway.ledger
    start(shop, driver)
    shop.gateway.scenario(result_seconds=2.0, times=2)
    downloading = [shop.harness.order() for _ in range(2)]
    wait_for(lambda: all_are(State.SUBMITTED))
    shop.gateway.scenario(seconds=seconds, failed_asks=1, times=2)
    ordered = [shop.harness.order() for _ in range(2)]
    wait_for(lambda: all_are(State.SUBMITTED, State.RENDERED))
    shop.gateway.scenario(submit_seconds=1.0, times=4)
    shop.make_due()
    assert ledger.wait_for(lambda ledger: ledger.totals["media_fetches"] == len(downloading), timeout=30)
    submitting = [shop.harness.order() for _ in range(4)]
    total = len(downloading) + len(ordered) + len(submitting)
    assert ledger.wait_for(lambda ledger: ledger.totals["accepted"] == total, timeout=30)

    with database.gone() if database is not None else locked():
        time.sleep(seconds)

    stored = Attempt.objects.filter(request__in=submitting, vendor_id__isnull=False)
    wait_for(lambda: stored.count() == len(submitting), seconds=30)
    if driver == "dispatcher":
        shop.expire_leases()
    shop.wait_until_completed(SCHEDULE_SECONDS)
    shop.check_all_complete(total)


# The gateway ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_gateway_refuses_connections_for_a_while(shop: OutageShop, driver: str) -> None:
    """What was sent before is polled later; what is ordered meanwhile is not sent, and costs nothing."""
    ledger = shop.gateway.ledger
    with Proxy(int(shop.gateway.url.rpartition(":")[2])) as proxy:
        shop.env["VTON_PIXAZO_BASE_URL"] = f"http://127.0.0.1:{proxy.port}"
        start(shop, driver)
        before = [shop.harness.order() for _ in range(2)]
        wait_for(lambda: all_are(State.SUBMITTED))
        with proxy.gone():
            meanwhile = [shop.harness.order() for _ in range(4)]
            refused = Attempt.objects.filter(request__in=meanwhile, outcome="not_sent", money="free")
            wait_for(lambda: refused.count() == len(meanwhile))
            assert len(ledger.entries) == len(before)
            assert {row.state for row in TryOnRequest.objects.filter(pk__in=[it.pk for it in before])} <= {
                State.SUBMITTED
            }
        shop.wait_until_completed(SCHEDULE_SECONDS)
    assert len(ledger.entries) == len(before) + len(meanwhile)
    shop.check_all_complete(len(before) + len(meanwhile))


@pytest.mark.skipif(not ROUNDS, reason="long: ROUNDS=1")
def test_the_gateway_ends_and_another_one_starts_on_its_port(shop: OutageShop) -> None:
    shop.gateway.stop()
    shop.start_dispatcher()
    rows = [shop.harness.order() for _ in range(3)]
    refused = Attempt.objects.filter(outcome="not_sent")
    wait_for(lambda: refused.count() >= len(rows))
    assert shop.harness.spent() == 0
    shop.gateway.start()
    shop.wait_until_completed()
    shop.check_all_complete(len(rows))


# The disk ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_disk_is_full_when_results_are_stored(shop: OutageShop, driver: str) -> None:
    full = shop.folder / FULL
    rows = [shop.harness.order() for _ in range(3)]
    full.touch()
    start(shop, driver)
    wait_for(lambda: all_are(State.SUBMITTED))
    shop.make_due()
    wait_for(lambda: len(full.read_text().splitlines()) >= 2 * len(rows), seconds=SCHEDULE_SECONDS)
    assert all_are(State.RENDERED)
    full.unlink()
    shop.wait_until_completed(SCHEDULE_SECONDS)
    shop.check_all_complete(len(rows))


# Redis ------------------------------------------------------------------------------------------------


@pytest.fixture
def broker() -> Iterator[redis.Redis]:
    """Redis, in a numbered database that only this test uses."""
    if not is_listening(REDIS_PORT):
        pytest.skip(f"Redis does not listen on 127.0.0.1:{REDIS_PORT}")
    with redis_database() as number, redis.Redis(port=REDIS_PORT, db=number) as client:
        yield client


def redis_url(broker: redis.Redis, port: int = REDIS_PORT) -> str:
    """The URL of its database through this port."""
    return f"redis://127.0.0.1:{port}/{broker.connection_pool.connection_kwargs['db']}"


@pytest.mark.parametrize("woken_by", ["a shopper", pytest.param("the schedule", marks=LONG)])
def test_redis_is_flushed_while_try_ons_run_and_wait(
    shop: OutageShop, broker: redis.Redis, woken_by: str
) -> None:
    product = shop.shirt
    shop.gateway.scenario(submit_seconds=1.0, times=2)
    shop.start_web(REDIS_URL=redis_url(broker))
    shop.start_workers()
    ordered = [
        shop.shopper().post_tryon(product, phone_photo(shade=shade), consent="true") for shade in range(2)
    ]
    assert shop.gateway.ledger.wait_for(lambda ledger: ledger.totals["accepted"] == 2, timeout=30)
    broker.flushdb()
    shop.wait_until_completed()
    # A killed dispatcher keeps its lease for 15 s, and new orders wake no worker until then.
    wait_for(lambda: not DispatcherLease.objects.filter(lease_until__gt=timezone.now()).exists())
    shop.kill("workers")

    # No worker runs; the wake-ups of these orders are in Redis, and are lost there.
    ordered += [
        shop.shopper().post_tryon(product, phone_photo(shade=shade), consent="true") for shade in range(2)
    ]
    broker.flushdb()
    shop.start_workers()
    if woken_by == "a shopper":
        ordered.append(shop.shopper().post_tryon(product, phone_photo(), consent="true"))
    assert {response.status_code for response in ordered} == {202}
    shop.wait_until_completed(SCHEDULE_SECONDS)
    shop.check_all_complete(len(ordered))


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("outage", ["gone", pytest.param("silent", marks=LONG)])
def test_shoppers_can_order_while_redis_is_away(
    shop: OutageShop,
    broker: redis.Redis,
    outage: str,
    driver: str,
) -> None:
    with Proxy(REDIS_PORT) as proxy:
        shop.start_web(REDIS_URL=redis_url(broker, proxy.port))
        shopper = shop.shopper()
        shopper.start(shop.shirt)
        if driver == "workers":
            shop.start_workers()
            wait_for(lambda: proxy.connections)
        with proxy.gone() if outage == "gone" else proxy.silent():
            began = time.monotonic()
            response = shopper.post_tryon(shop.shirt, phone_photo(), consent="true")
            took = time.monotonic() - began
        assert response.status_code == 202, response.text
        # The client gives up on a silent Redis after five seconds.
        assert took < (3.0 if outage == "gone" else 10.0)
        assert "The queue cannot be reached" in shop.log("web")
        if driver == "dispatcher":
            shop.start_dispatcher()
        shop.wait_until_completed(SCHEDULE_SECONDS)
    shop.check_all_complete(1)
