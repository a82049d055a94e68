"""The vendor refuses submits for a while, or charges for one that it seems to refuse."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import psycopg

from ..faults.cluster import own_database
from ..live_shop import ShopperClient, phone_photo, wait_until
from .shop import DeployedShop

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = "config.settings"
SHIRT, GLASSES = "linen-shirt", "otto-glasses"
"""Glasses are ordered without a callback, so no refusal waits for one."""

REFUSED = "SELECT count(*) FROM vton_attempt WHERE outcome = 'refused'"
PAUSE = (
    "INSERT INTO vton_gatewaystate (engine, breaker, failures, wait_until) "
    "VALUES ('fashn-v1.6', '', 0, '2100-01-01')"
)
END_PAUSE = "UPDATE vton_gatewaystate SET wait_until = '2000-01-01'"
MAKE_DUE = "UPDATE vton_tryonrequest SET due_at = '2000-01-01' WHERE state = 'queued'"
QUEUED = "SELECT count(*) FROM vton_tryonrequest WHERE state = 'queued'"
END_WAIT = "UPDATE vton_tryonrequest SET due_at = '2000-01-01' WHERE state = 'unknown'"
STOP_SCHEDULES = "UPDATE django_q_schedule SET next_run = '2100-01-01'"
LIVE_LEASES = "SELECT 1 FROM vton_dispatcherlease WHERE lease_until > now()"
TRANSACTIONS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = %s"
MEASURED_SECONDS = 3


class WorkerShop(DeployedShop):
    """Its worker looks for due try-ons each second, also while the vendor has asked for a pause."""

    def start_workers(self) -> None:
        self._spawn("workers", "vton_worker")


def order(shop: DeployedShop, slug: str, shade: int = 0) -> tuple[ShopperClient, str]:
    shopper = shop.shopper()
    photo = phone_photo(300, 400, shade=shade)
    response = shopper.post_tryon(shop.product(slug), photo, consent="true")
    assert response.status_code == 202, response.text
    return shopper, response.json()["id"]


def order_during_pause(shop: DeployedShop, slug: str, count: int) -> list[tuple[ShopperClient, str]]:
    """Order so many try-ons. The vendor refuses the first one, and asks for a pause."""
    orders = [order(shop, slug)]
    wait_until(lambda: shop.sql(REFUSED) == [(1,)], "the refusal is stored")
    return orders + [order(shop, slug, shade) for shade in range(1, count)]


def statuses(orders: list[tuple[ShopperClient, str]]) -> list[str]:
    return [shopper.wait_for_status(pk)["status"] for shopper, pk in orders]


def transactions_per_second(url: str) -> float:
    """Count what all processes of the shop do in its database, for some seconds."""
    server, _, name = url.rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        counts = []
        for seconds in (MEASURED_SECONDS, 0):
            counts += admin.execute(TRANSACTIONS, [name]).fetchall()
            time.sleep(seconds)
    (before,), (after,) = counts
    return float(after - before) / MEASURED_SECONDS


def test_all_try_ons_wait_for_the_end_of_announced_maintenance(tmp_path: Path) -> None:
    with WorkerShop(tmp_path, SETTINGS) as shop:
        shop.gateway.scenario(submit_status=503, retry_after=3)
        orders = order_during_pause(shop, GLASSES, 3)
        assert statuses(orders) == ["completed"] * 3
        refused, *accepted = [datetime.fromisoformat(it.time) for it in shop.gateway.ledger.entries]
        assert len(accepted) == 3
        assert min(accepted) >= refused + timedelta(seconds=3)
        assert shop.check_money() == ["completed"] * 3


def test_a_500_after_acceptance_is_found_by_its_callback_and_not_sent_again(tmp_path: Path) -> None:
    with DeployedShop(tmp_path, SETTINGS) as shop:
        # The callback comes later than the second submit of a try-on that does not wait for it.
        shop.gateway.scenario(submit_status=500, accepted=True, callback_seconds=4)
        assert statuses([order(shop, SHIRT)]) == ["completed"]
        assert [it.answer for it in shop.gateway.ledger.entries] == [500]
        assert shop.check_money() == ["completed"]


def test_a_callback_after_that_wait_proves_the_charge_and_saves_the_next_submit(tmp_path: Path) -> None:
    with DeployedShop(tmp_path, SETTINGS) as shop:
        shop.gateway.scenario(submit_status=500, accepted=True, callback_seconds=8)
        late = order(shop, SHIRT)
        wait_until(lambda: shop.sql(REFUSED) == [(1,)], "the callback is awaited")
        shop.sql(PAUSE)
        shop.sql(END_WAIT)
        wait_until(lambda: shop.sql(QUEUED) == [(1,)], "it waits for its second submit")
        assert statuses([late]) == ["completed"]
        assert [it.answer for it in shop.gateway.ledger.entries] == [500]
        assert shop.check_money() == ["completed"]


def test_a_long_pause_keeps_no_worker_busy(tmp_path: Path) -> None:
    with (
        own_database("postgresql", tmp_path) as url,
        DeployedShop(tmp_path, SETTINGS, DATABASE_URL=url) as shop,
    ):
        shop.sql(STOP_SCHEDULES)
        shop.gateway.scenario(submit_status=429, retry_after=600)
        orders = order_during_pause(shop, GLASSES, 4)
        wait_until(lambda: not shop.sql(LIVE_LEASES), "no dispatcher is running")
        waiting = min(transactions_per_second(url) for _ in range(2))

        shop.sql(END_PAUSE)
        shop.sql(MAKE_DUE)
        orders.append(order(shop, GLASSES, 4))
        assert statuses(orders) == ["completed"] * 5
        wait_until(lambda: not shop.sql(LIVE_LEASES), "no dispatcher is running")
        idle = transactions_per_second(url)
        assert waiting < 2 * idle
        assert shop.check_money() == ["completed"] * 5
