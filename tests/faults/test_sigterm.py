"""A qcluster is stopped while responses to paid submits are pending: none of them may be lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.live_shop import RunningShop, ShopperClient, phone_photo, wait_until

from .cluster import (
    Cluster,
    database_vendor,
    expire_worker_leases,
    is_alive,
    needs_proc,
    running_shop,
    wake_worker,
)

PENDING = 3
STOP_TIMEOUT_SECONDS = 60
"""What a container is given between SIGTERM and SIGKILL."""

pytestmark = needs_proc


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """Without callbacks, so an id that is not stored from the response is lost."""
    folder = tmp_path_factory.mktemp("shop")
    with running_shop(folder, database_vendor(), VTON_WEBHOOKS="0", VTON_IN_FLIGHT="99") as running:
        yield running


@pytest.fixture
def shop(open_shop: RunningShop) -> RunningShop:
    """Restart the workers and empty the ledger."""
    open_shop.kill_workers()
    expire_worker_leases(open_shop)
    open_shop.gateway.reset()
    open_shop.gateway.scenario(submit_seconds=2, times=None)
    open_shop.start_workers()
    return open_shop


def test_sigterm_to_the_worker_that_runs_the_dispatcher(shop: RunningShop) -> None:
    shopper, ids = pending_submits(shop)
    os.kill(worker := Cluster(shop).wait_for("dispatcher"), signal.SIGTERM)
    wait_until(lambda: not is_alive(worker), "the worker has ended")
    assert_all_are_stored(shop)
    # Nothing has to be started, since the guard replaces the worker.
    assert_all_complete(shop, shopper, ids)


def test_sigterm_to_the_whole_group(shop: RunningShop) -> None:
    """As systemd does by default."""
    shopper, ids = pending_submits(shop)
    dispatcher = Cluster(shop).wait_for("dispatcher")
    os.killpg(shop.processes["workers"].pid, signal.SIGTERM)
    wait_until(lambda: not is_alive(dispatcher), "the dispatcher has ended")
    assert_all_are_stored(shop)
    # django-q2's main process waits forever for its dead guard, until systemd kills it.
    restart_workers(shop)
    assert_all_complete(shop, shopper, ids)


def test_sigterm_to_the_main_process_stores_everything_before_sigkill(shop: RunningShop) -> None:
    """As a container is stopped, while orders keep coming in."""
    shopper, ids = pending_submits(shop)
    main = shop.processes["workers"]
    main.terminate()
    ends = time.monotonic() + STOP_TIMEOUT_SECONDS
    while main.poll() is None:
        assert time.monotonic() < ends, "the container's stop timeout is over"
        ids.append(order(shop, shopper, len(ids)))
        time.sleep(0.5)
    assert_all_are_stored(shop)
    restart_workers(shop)
    assert_all_complete(shop, shopper, ids)


def order(shop: RunningShop, shopper: ShopperClient, shade: int) -> str:
    response = shopper.post_tryon(
        shop.product("linen-shirt"), phone_photo(300, 400, shade=shade), consent="true"
    )
    assert response.status_code == 202, response.text
    return str(response.json()["id"])


def pending_submits(shop: RunningShop) -> tuple[ShopperClient, list[str]]:
    """Order try-ons that the vendor has charged and not yet answered."""
    shopper = shop.shopper()
    ids = [order(shop, shopper, shade) for shade in range(PENDING)]
    ledger = shop.gateway.ledger
    assert ledger.wait_for(lambda ledger: ledger.totals["accepted"] == PENDING, timeout=60)
    unanswered = "SELECT 1 FROM vton_attempt WHERE posted_at IS NOT NULL AND vendor_id IS NULL"
    assert shop.sql(unanswered), "the responses came too soon"
    return shopper, ids


def assert_all_are_stored(shop: RunningShop) -> None:
    stored = {name for (name,) in shop.sql("SELECT vendor_id FROM vton_attempt WHERE posted_at IS NOT NULL")}
    assert {entry.request_id for entry in shop.gateway.ledger.entries} <= stored


def restart_workers(shop: RunningShop) -> None:
    shop.kill_workers()
    expire_worker_leases(shop)
    shop.start_workers()
    wake_worker(shop)


def assert_all_complete(shop: RunningShop, shopper: ShopperClient, ids: list[str]) -> None:
    for name in ids:
        assert shopper.wait_for_status(name)["status"] == "completed", shop.log("workers")
    assert len(shop.gateway.ledger.entries) == len(ids), "something was sent twice"
