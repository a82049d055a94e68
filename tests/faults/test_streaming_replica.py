"""A shop that reads from a PostgreSQL standby by Django's documented router, 1.5 s behind its primary."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psycopg
import pytest

from ..deployments.main_ways import check_main_ways
from ..deployments.shop import DeployedShop
from .rounds import ROUNDS
from .streaming_replica import DELAY_MS, StreamingReplica, streaming_replica

if TYPE_CHECKING:
    from pathlib import Path

READ_BEHIND = {"vton_tryonimage", "vton_publication", "vton_tryonrequest"}
"""The tables of the published images of `{% tryon_gallery %}`, which may be out of date."""


class StreamedShop(DeployedShop):
    def __init__(self, folder: Path, replica: StreamingReplica) -> None:
        settings = "tests.deployments.settings_replica"
        super().__init__(
            folder,
            settings,
            ("primary",),
            VTON_WEBHOOKS="1",
            DATABASE_URL=replica.primary,
            REPLICA_URL=replica.standby,
        )
        self.replica = replica

    def load_data(self) -> None:
        super().load_data()
        self.replica.wait()


@pytest.mark.skipif(not ROUNDS, reason="long: ROUNDS=1")
def test_a_streaming_replica_changes_nothing(tmp_path: Path) -> None:
    with streaming_replica() as replica, StreamedShop(tmp_path, replica) as shop:
        written_at = time.monotonic()
        shop.sql("CREATE TABLE late ()")
        position = replica.position()
        assert not replica.has_applied(position), "the standby is not behind"
        replica.wait()
        assert time.monotonic() - written_at > DELAY_MS / 1000 / 2

        check_main_ways(shop)

        with psycopg.connect(replica.primary) as primary:
            states = primary.execute("SELECT state FROM pg_stat_replication").fetchall()
        assert states == [("streaming",)]
        read = tables_read(replica.standby)
        assert {"shop_product", "django_content_type"} <= read, "the router has not used the standby"
        assert {name for name in read if name.startswith("vton_")} <= READ_BEHIND


def tables_read(url: str) -> set[str]:
    """Return the tables that the server's clients have read."""
    query = "SELECT relname FROM pg_stat_user_tables WHERE coalesce(seq_scan, 0) + coalesce(idx_scan, 0) > 0"
    with psycopg.connect(url) as server:
        return {str(name) for (name,) in server.execute(query).fetchall()}
