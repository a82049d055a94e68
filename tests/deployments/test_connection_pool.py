"""Django's connection pool (`OPTIONS["pool"]`) with a real qcluster, which forks its workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import pytest

from tests.faults.cluster import own_database
from tests.live_shop import RunningShop, phone_photo

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("psycopg_pool", reason="psycopg[pool] is not installed")


class PoolShop(RunningShop):
    settings: ClassVar = "tests.deployments.settings_pool"


def test_each_worker_renders_with_a_pool_of_its_own(tmp_path: Path) -> None:
    with own_database("postgresql", tmp_path) as url, PoolShop(tmp_path, env={"DATABASE_URL": url}) as shop:
        shopper = shop.shopper()
        for shade in range(2):
            response = shopper.post_tryon(
                shop.product("linen-shirt"), phone_photo(shade=shade), consent="true"
            )
            done = shopper.wait_for_status(response.json()["id"])
            assert done["status"] == "completed", shop.log("workers")
        log = shop.log("workers")

    assert "Traceback" not in log, log
    assert "recycled worker" in log
