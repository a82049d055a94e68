"""Containers whose private storage is no volume: each new container begins without files."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from tests.live_shop import RunningShop, ShopperClient, phone_photo

if TYPE_CHECKING:
    from pathlib import Path

PRODUCTS = ("linen-shirt", "otto-glasses")
"""One engine downloads the images, the other gets them in the submit."""

MONEY = "SELECT money, count(*) FROM vton_attempt GROUP BY money ORDER BY money"


class ContainerShop(RunningShop):
    shade = 0

    def start_workers(self) -> None:
        self._spawn("workers", "vton_worker")

    def order(self) -> list[tuple[ShopperClient, str]]:
        """Order each product with a new photo."""
        orders = []
        for slug in PRODUCTS:
            self.shade += 1
            shopper = self.shopper()
            photo = phone_photo(300, 400, shade=self.shade)
            response = shopper.post_tryon(self.product(slug), photo, consent="true")
            assert response.status_code == 202, response.text
            orders.append((shopper, response.json()["id"]))
        return orders

    def outcomes(self, orders: list[tuple[ShopperClient, str]]) -> list[Any]:
        ended = [shopper.wait_for_status(pk) for shopper, pk in orders]
        return [(it["error"] and it["error"]["code"]) or it["status"] for it in ended]

    def lose_files(self) -> None:
        shutil.rmtree(self.folder / "media-private")


def test_nothing_is_paid_for_files_that_are_gone(tmp_path: Path) -> None:
    with ContainerShop(tmp_path, seconds=0.1) as shop:
        assert shop.outcomes(shop.order()) == ["completed"] * 2
        shop.lose_files()
        assert shop.outcomes(shop.order()) == ["completed"] * 2, "the product images are prepared again"

        shop.stop("workers")
        orders = shop.order()
        shop.lose_files()
        shop.start_workers()
        assert shop.outcomes(orders) == ["photo_gone"] * 2, shop.log("workers")
        assert len(shop.gateway.ledger.entries) == 4
        assert shop.sql(MONEY) == [("free", 2), ("spent", 4)]
        assert shop.sql("SELECT name FROM vton_failedcheck") == [("files",)]
