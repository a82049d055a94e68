"""A Redis whose memory is full: it refuses the wake-up of an order, or evicts the whole queue."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
import redis

from tests.live_shop import RunningShop, free_port, phone_photo, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER = shutil.which("redis-server")
QUEUE = "django_q:lindenhof:q"
RUN_SCHEDULE = """
from datetime import timedelta
from django.utils import timezone
from django_q.models import Schedule
from django_q.scheduler import scheduler
Schedule.objects.update(next_run=timezone.now() - timedelta(seconds=1))
scheduler()
"""
"""What the guard of a qcluster does every 30 seconds."""
LIVE_LEASES = "SELECT 1 FROM vton_dispatcherlease WHERE lease_until > datetime('now')"


@contextmanager
def running_redis(folder: Path) -> Iterator[redis.Redis]:
    """A Redis of its own, whose memory is not limited yet."""
    port = free_port()
    process = subprocess.Popen(
        [str(SERVER), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        with redis.Redis(port=port) as client:
            wait_until(lambda: is_ready(client), "Redis is running")
            yield client
    finally:
        process.kill()
        process.wait()


def is_ready(client: redis.Redis) -> bool:
    with suppress(redis.ConnectionError):
        return bool(client.ping())
    return False


@contextmanager
def full(broker: redis.Redis, policy: str) -> Iterator[None]:
    """The memory is full during the block, as if a cache of the shop used it."""
    broker.config_set("maxmemory-policy", policy)
    broker.config_set("maxmemory", 1)
    yield
    broker.config_set("maxmemory", 0)


@pytest.mark.skipif(SERVER is None, reason="redis-server is not installed")
def test_orders_whose_wake_up_is_lost_are_rendered_by_the_schedule(tmp_path: Path) -> None:
    with running_redis(tmp_path) as broker:
        url = f"redis://127.0.0.1:{broker.connection_pool.connection_kwargs['port']}/0"
        with RunningShop(tmp_path, env={"REDIS_URL": url}) as shop:
            shopper, product = shop.shopper(), shop.product("linen-shirt")
            with full(broker, "noeviction"):
                refused = shopper.post_tryon(product, phone_photo(), consent="true")
                assert "The queue cannot be reached" in shop.log("web")
                shop.manage("shell", "-v", "0", "-c", RUN_SCHEDULE)
            assert refused.status_code == 202, refused.text
            shop.manage("shell", "-v", "0", "-c", RUN_SCHEDULE)
            assert shopper.wait_for_status(refused.json()["id"])["status"] == "completed"

            shop.stop("workers")
            wait_until(lambda: not shop.sql(LIVE_LEASES), "no dispatcher is running")
            evicted = shopper.post_tryon(product, phone_photo(shade=40), consent="true")
            assert evicted.status_code == 202, evicted.text
            assert broker.exists(QUEUE)
            with full(broker, "allkeys-lru"):
                assert not broker.exists(QUEUE)
            shop.start_workers()
            shop.manage("shell", "-v", "0", "-c", RUN_SCHEDULE)
            assert shopper.wait_for_status(evicted.json()["id"])["status"] == "completed"
