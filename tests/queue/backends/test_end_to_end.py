"""A complete try-on with each queue other than django-q2, with its worker in a process of its own."""

from __future__ import annotations

import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from tests.live_shop import REDIS_PORT, RunningShop, is_listening, phone_photo, redis_database, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterable


class NoQueueShop(RunningShop):
    """A `vton_worker` process polls the database."""

    settings: ClassVar = "tests.queue.backends.settings_no_queue"
    worker: ClassVar[Iterable[str]] = ["vton_worker"]

    def __init__(self, folder: Path, **env: str) -> None:
        super().__init__(folder, env=env)

    def start_workers(self) -> None:
        self._spawn("workers", *self.worker)


class DjangoTasksShop(NoQueueShop):
    """There is no schedule: a worker starts a dispatcher only for a task."""

    settings: ClassVar = "tests.queue.backends.settings_django_tasks"
    worker: ClassVar = ["db_worker", "--no-reload", "--interval", "0.2", "--no-startup-delay"]


class CeleryShop(NoQueueShop):
    settings: ClassVar = "tests.queue.backends.settings_celery"

    def start_workers(self) -> None:
        celery = [sys.executable, "-m", "celery", "--app", "tests.queue.backends.celery_app", "worker"]
        manage, self.command = self.command, celery  # type: ignore[misc] # for this process only
        self._spawn("workers", "--concurrency", "1", "--loglevel", "INFO", "--without-mingle")
        self.command = manage  # type: ignore[misc]


needs_redis = pytest.mark.skipif(
    not is_listening(REDIS_PORT), reason=f"Redis does not listen on 127.0.0.1:{REDIS_PORT}"
)


@pytest.mark.parametrize(
    ("shop_class", "queue_name"),
    [
        pytest.param(NoQueueShop, "none", id="no queue"),
        pytest.param(DjangoTasksShop, "Django's tasks", id="django.tasks"),
        pytest.param(CeleryShop, "tests.queue.backends.celery_app.enqueue", id="celery", marks=needs_redis),
    ],
)
def test_a_try_on_completes_with_every_queue(
    shop_class: type[NoQueueShop], queue_name: str, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        env = {}
        if shop_class is CeleryShop:
            env["REDIS_URL"] = f"redis://127.0.0.1:{REDIS_PORT}/{stack.enter_context(redis_database())}"
        shop = stack.enter_context(shop_class(tmp_path, **env))
        shopper = shop.shopper()
        response = shopper.post_tryon(shop.product("linen-shirt"), phone_photo(), consent="true")
        assert response.status_code == 202, response.text
        try_on = shopper.wait_for_status(response.json()["id"])

        assert try_on["status"] == "completed", shop.log("workers")
        (submit,) = [entry for entry in shop.gateway.ledger.entries if entry.amount]
        assert submit.request_id
        counts = shop.gateway.ledger.counts(submit.request_id)
        assert (counts.callbacks_sent, counts.media_fetches) == (1, 1)
        # `vton_doctor` runs the system checks too.
        assert f"queue: {queue_name}; " in shop.manage("vton_doctor")


def unchecked_products(shop: RunningShop) -> int:
    """The number of products that were saved since their images were checked."""
    [[number]] = shop.sql("SELECT count(*) FROM vton_productcheck WHERE checked_at IS NULL")
    return int(number)


def test_a_cron_job_can_be_the_only_worker(tmp_path: Path) -> None:
    """`vton_worker --once` completes try-ons, and counts as alive even if there is no work."""
    with NoQueueShop(tmp_path) as shop:
        wait_until(lambda: unchecked_products(shop) == 0, "the long-running command has checked the products")
        shop.stop("workers")
        shop.sql("UPDATE vton_productcheck SET checked_at = NULL")
        shop.sql("DELETE FROM vton_dispatcherlease")
        shop.manage("vton_worker", "--once")
        assert re.search("ok +workers: last seen", shop.manage("vton_doctor"))
        assert unchecked_products(shop) == 0

        shopper = shop.shopper()
        try_on = shopper.post_tryon(shop.product("linen-shirt"), phone_photo(), consent="true").json()
        shop.manage("vton_worker", "--once")
        assert shopper.wait_for_status(try_on["id"])["status"] == "completed"
