"""Many requests at once on databases whose transactions conflict more often than with Django's defaults."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import pytest

from ..faults.cluster import own_database
from ..live_shop import ShopperClient, phone_photo, wait_until
from .shop import DeployedShop

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

AT_ONCE = 8
IN_FLIGHT = 3

POSTGRESQL = {
    "read committed, short lock timeout": "-c lock_timeout=100",
    "repeatable read": "-c default_transaction_isolation=repeatable\\ read",
    "serializable": "-c default_transaction_isolation=serializable",
}


class IsolatedShop(DeployedShop):
    """Its processes are started again for each level of one database."""

    def __enter__(self) -> Self:
        self.gateway.start()
        self.env |= {"VTON_PIXAZO_BASE_URL": self.gateway.url, "VTON_IN_FLIGHT": str(IN_FLIGHT)}
        self.load_data()
        self.run_code("from django_vton.queue import liveness; liveness.record_heartbeat()")
        find = "from shop.models import Product; print(Product.objects.get(slug='linen-shirt').pk)"
        self.shirt = f"shop.product:{self.run_code(find).strip()}"
        return self

    def start_web(self, url: str) -> None:
        for name in list(self.processes):
            self.stop(name)
        self.env["DATABASE_URL"] = url
        self._spawn("web", "runserver", "--noreload", f"127.0.0.1:{self.port}")
        wait_until(self._is_up, "the web server is up")

    def start_workers(self) -> None:
        for number in (1, 2):
            self._spawn(f"worker {number}", "vton_worker")


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IsolatedShop]:
    folder = tmp_path_factory.mktemp("postgresql")
    with (
        own_database("postgresql", folder) as url,
        IsolatedShop(folder, "tests.deployments.settings_isolation", DATABASE_URL=url) as shop,
    ):
        yield shop


@pytest.fixture(scope="module")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IsolatedShop]:
    folder = tmp_path_factory.mktemp("mariadb")
    with (
        own_database("mysql", folder) as url,
        IsolatedShop(folder, "tests.deployments.settings_isolation", DATABASE_URL=url) as shop,
    ):
        yield shop


@pytest.mark.parametrize("options", POSTGRESQL.values(), ids=POSTGRESQL.keys())
def test_orders_and_limits_hold_on_postgresql(postgresql: IsolatedShop, options: str) -> None:
    url = postgresql.env["DATABASE_URL"].partition("?")[0]
    _check_many_orders(postgresql, f"{url}?options={quote(options)}")


def test_orders_and_limits_hold_on_mariadb(mariadb: IsolatedShop) -> None:
    _check_many_orders(mariadb, f"{mariadb.env['DATABASE_URL']}?isolation_level=repeatable+read")


def _check_many_orders(shop: IsolatedShop, url: str) -> None:
    shop.start_web(url)
    before = len(shop.gateway.ledger.entries)
    # One shopper's requests at once, without a worker that ends any of them.
    one = shop.shopper()
    assert _order(shop, one).status_code == 202
    tabs = [shop.tab_of(one) for _ in range(AT_ONCE)]
    assert _count(_order_at_once(shop, tabs)) == {202: IN_FLIGHT - 1, 429: AT_ONCE - IN_FLIGHT + 1}

    guests = [shop.shopper() for _ in range(AT_ONCE)]
    for guest in guests:
        guest.start(shop.shirt)
    shop.start_workers()
    assert _count(_order_at_once(shop, guests)) == {202: AT_ONCE}
    count = before + IN_FLIGHT + AT_ONCE
    wait_until(lambda: len(shop.gateway.ledger.entries) == count, "all are sent")
    for guest in (one, *guests):
        for try_on in guest.http.get("/try-on/api/try-ons/").json()["results"]:
            assert guest.wait_for_status(try_on["id"])["status"] == "completed"

    assert shop.check_money() == ["completed"] * count
    for name in ("web", "worker 1", "worker 2"):
        assert "Traceback" not in shop.log(name), shop.log(name)


def _count(responses: list[httpx.Response]) -> Counter[int]:
    return Counter(response.status_code for response in responses)


def _order_at_once(shop: IsolatedShop, shoppers: list[ShopperClient]) -> list[httpx.Response]:
    with ThreadPoolExecutor(len(shoppers)) as threads:
        return list(threads.map(lambda it: _order(shop, it[1], it[0] + 1), enumerate(shoppers)))


def _order(shop: IsolatedShop, shopper: ShopperClient, shade: int = 0) -> httpx.Response:
    """Order, and repeat the order as the dialog does if the server is too busy to read the photo."""
    photo = phone_photo(300, 400, shade=shade)
    ends = time.monotonic() + 60
    while True:
        response = shopper.post_tryon(shop.shirt, photo, consent="true")
        if response.status_code != 503 or time.monotonic() > ends:
            return response
        assert response.json()["code"] == "unavailable", response.text
        time.sleep(float(response.headers["Retry-After"]))
