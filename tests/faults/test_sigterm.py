"""How a qcluster is stopped while paid answers are on their way: not one of them may be lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.running import RunningShop, Shopper, phone_photo, until

from .cluster import Cluster, is_alive, minutes_pass, needs_proc, ring, running_shop, running_vendor

ON_THE_WAY = 3
GRACE = 60
"""Seconds: what a container is to be given before its SIGKILL."""

pytestmark = needs_proc


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    """Without callbacks: what is not stored from the answer itself is lost."""
    folder = tmp_path_factory.mktemp("shop")
    with running_shop(folder, running_vendor(), VTON_WEBHOOKS="0", VTON_IN_FLIGHT="99") as running:
        yield running


@pytest.fixture
def shop(open_shop: RunningShop) -> RunningShop:
    """With workers and a ledger of this test's own."""
    open_shop.kill_workers()
    minutes_pass(open_shop)
    open_shop.gateway.reset()
    open_shop.gateway.scenario(submit_seconds=2, times=None)
    open_shop.start_workers()
    return open_shop


def test_sigterm_to_the_worker_that_pumps(shop: RunningShop) -> None:
    shopper, names = on_the_way(shop)
    os.kill(victim := Cluster(shop).wait_for("pump"), signal.SIGTERM)
    until(lambda: not is_alive(victim), "the worker has ended")
    all_are_stored(shop)
    # Nobody starts anything: the guard has a new worker in its place.
    all_complete(shop, shopper, names)


def test_sigterm_to_the_whole_group(shop: RunningShop) -> None:
    """As systemd does where nobody told it otherwise."""
    shopper, names = on_the_way(shop)
    pump = Cluster(shop).wait_for("pump")
    os.killpg(shop.processes["workers"].pid, signal.SIGTERM)
    until(lambda: not is_alive(pump), "the worker that pumps has ended")
    all_are_stored(shop)
    # django-q2's main process waits for ever for its guard, who is dead: systemd loses its patience.
    start_again(shop)
    all_complete(shop, shopper, names)


def test_sigterm_to_the_main_process_and_sigkill_after_the_grace(shop: RunningShop) -> None:
    """As a container is stopped, at a busy hour. Within its grace all that was sent has landed."""
    shopper, names = on_the_way(shop)
    main = shop.processes["workers"]
    main.terminate()
    ends = time.monotonic() + GRACE
    while main.poll() is None:
        assert time.monotonic() < ends, "the container's grace is over"
        names.append(ask(shop, shopper, len(names)))
        time.sleep(0.5)
    all_are_stored(shop)
    start_again(shop)
    all_complete(shop, shopper, names)


def ask(shop: RunningShop, shopper: Shopper, shade: int) -> str:
    answer = shopper.ask(shop.product("linen-shirt"), phone_photo(300, 400, shade=shade), consent="true")
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def on_the_way(shop: RunningShop) -> tuple[Shopper, list[str]]:
    """Try-ons that the vendor has charged, and whose answers it holds back."""
    shopper = shop.shopper()
    names = [ask(shop, shopper, shade) for shade in range(ON_THE_WAY)]
    ledger = shop.gateway.ledger
    assert ledger.wait_for(lambda ledger: ledger.totals["accepted"] == ON_THE_WAY, timeout=60)
    unanswered = "SELECT 1 FROM vton_attempt WHERE posted_at IS NOT NULL AND vendor_id IS NULL"
    assert shop.sql(unanswered), "the answers came too soon"
    return shopper, names


def all_are_stored(shop: RunningShop) -> None:
    stored = {name for (name,) in shop.sql("SELECT vendor_id FROM vton_attempt WHERE posted_at IS NOT NULL")}
    assert {entry.request_id for entry in shop.gateway.ledger.entries} <= stored


def start_again(shop: RunningShop) -> None:
    shop.kill_workers()
    minutes_pass(shop)
    shop.start_workers()
    ring(shop)


def all_complete(shop: RunningShop, shopper: Shopper, names: list[str]) -> None:
    for name in names:
        assert shopper.wait(name)["status"] == "completed", shop.log("workers")
    assert len(shop.gateway.ledger.entries) == len(names), "something was sent twice"
