"""Try-ons and users are in another database than the shop's products, each with ATOMIC_REQUESTS."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .main_ways import check_main_ways
from .shop import DeployedShop

if TYPE_CHECKING:
    from pathlib import Path


def test_the_tables_need_not_be_in_the_default_database(tmp_path: Path) -> None:
    settings = "tests.deployments.settings_other_database"
    with DeployedShop(tmp_path, settings, ("default", "people"), VTON_WEBHOOKS="1") as shop:
        check_main_ways(shop)
        tables = shop.sql("SELECT name FROM sqlite_master WHERE name LIKE 'vton_%'")
        assert tables == []
