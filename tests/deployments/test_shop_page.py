"""The shop sells on while our tables are missing, or the cache server is away."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from ..faults.outage_shop import OutageShop
from ..faults.proxy import Proxy
from ..live_shop import REDIS_PORT, is_listening, redis_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..conftest import PhotoMaker

PAGE = "/products/shirt/"


@pytest.fixture
def shop(
    transactional_db: None,  # noqa: ARG001 - the web server uses the test's database
    tmp_path: Path,
    phone_photo: PhotoMaker,
) -> Iterator[OutageShop]:
    env = {"DJANGO_SETTINGS_MODULE": "tests.deployments.settings_shop_page", "DEBUG": "0"}
    with OutageShop(tmp_path, phone_photo, env=env) as shop:
        yield shop


@contextmanager
def renamed(*tables: str) -> Iterator[None]:
    """These tables are missing until the block ends."""

    def rename(old: str, new: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {old} RENAME TO {new}")

    for table in tables:
        rename(table, f"{table}_away")
    try:
        yield
    finally:
        for table in tables:
            rename(f"{table}_away", table)


def buy_without_try_on(shop: OutageShop) -> None:
    """Open the product's page several times, and order the product."""
    http = shop.shopper().http
    for _ in range(3):
        page = http.get(PAGE)
        assert page.status_code == 200, page.text
        assert "<vton-try-on" not in page.text
    http.headers["X-CSRFToken"] = http.cookies["csrftoken"]
    for path in (f"{PAGE}add/", "/checkout/"):
        response = http.post(path)
        assert response.status_code == 302, response.text


def test_missing_tables_hide_the_button(shop: OutageShop) -> None:
    """With ATOMIC_REQUESTS on PostgreSQL, a failed query would end the transaction of the shop's page."""
    shop.start_web()
    # The button reads the first, and the gallery the second.
    with renamed("vton_pauseswitch", "vton_publication"):
        buy_without_try_on(shop)
    assert shop.log("web").count("because the database cannot be read") == 1
    assert shop.log("web").count("published try-ons of a product could not be rendered") == 1


@pytest.mark.skipif(not is_listening(REDIS_PORT), reason=f"Redis does not listen on 127.0.0.1:{REDIS_PORT}")
def test_a_cache_server_that_is_away_hides_the_button(shop: OutageShop) -> None:
    with redis_database() as number, Proxy(REDIS_PORT) as proxy:
        shop.start_web(CACHE_URL=f"redis://127.0.0.1:{proxy.port}/{number}")
        assert "<vton-try-on" in shop.shopper().http.get(PAGE).text
        with proxy.gone():
            buy_without_try_on(shop)
    assert shop.log("web").count("The cache cannot be used") == 1
