"""A storage that takes no files, or deletes none, while shoppers order."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

from ..faults.outage_storage import FULL, LOCKED
from ..live_shop import phone_photo
from .shop import DeployedShop

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from ..live_shop import ShopperClient

AT_ONCE = 6
UNDELETED = "SELECT count(*) FROM vton_undeletedfile"


def count_files(folder: Path) -> int:
    return sum(path.is_file() for path in (folder / "media-private").rglob("*"))


def test_orders_are_answered_as_usual_and_no_file_is_forgotten(tmp_path: Path) -> None:
    with DeployedShop(tmp_path, "tests.faults.outage_settings", VTON_IN_FLIGHT="1") as shop:
        shopper, shirt = shop.shopper(), shop.product("linen-shirt")

        def order(tab: ShopperClient, shade: int) -> httpx.Response:
            return tab.post_tryon(shirt, phone_photo(shade=shade), consent="true")

        first = order(shopper, 0)
        assert shopper.wait_for_status(first.json()["id"])["status"] == "completed"
        (tmp_path / FULL).touch()
        refused = order(shopper, 1)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable"), refused.text
        assert int(refused.headers["Retry-After"]) > 0
        (tmp_path / FULL).unlink()

        # Orders at once: all but one are refused, some of them when their photo is stored already.
        shop.stop("workers")
        (tmp_path / LOCKED).touch()
        tabs = [shop.tab_of(shopper) for _ in range(AT_ONCE)]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            responses = list(threads.map(order, tabs, range(1, AT_ONCE + 1)))
        assert Counter(it.status_code for it in responses) == {202: 1, 429: AT_ONCE - 1}
        ((undeleted,),) = shop.sql(UNDELETED)
        assert undeleted > 0
        files = count_files(tmp_path)
        (tmp_path / LOCKED).unlink()
        shop.manage("vton_purge")
        assert shop.sql(UNDELETED) == [(0,)]
        assert count_files(tmp_path) == files - undeleted

        shop.start_workers()
        (accepted,) = [it.json()["id"] for it in responses if it.status_code == HTTPStatus.ACCEPTED]
        assert shopper.wait_for_status(accepted)["status"] == "completed"
        assert shop.check_money() == ["completed"] * 2
