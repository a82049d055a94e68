"""A replica that never gets what was written since the shop opened, the longest possible lag."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from .main_ways import check_main_ways
from .shop import DeployedShop

if TYPE_CHECKING:
    from pathlib import Path


class ReplicatedShop(DeployedShop):
    def load_data(self) -> None:
        super().load_data()
        shutil.copy(self.folder / "shop.sqlite3", self.folder / "replica.sqlite3")


def test_a_lagging_replica_changes_nothing(tmp_path: Path) -> None:
    settings = "tests.deployments.settings_replica"
    replica = f"sqlite:///{tmp_path / 'replica.sqlite3'}"
    with ReplicatedShop(tmp_path, settings, ("primary",), VTON_WEBHOOKS="1", REPLICA_URL=replica) as shop:
        check_main_ways(shop)
