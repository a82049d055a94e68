"""A whole try-on with each queue that is not django-q2, whose worker is a process of its own."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from tests.running import REDIS_PORT, RunningShop, is_listening, phone_photo, redis_database

if TYPE_CHECKING:
    from collections.abc import Iterable

CELERY = "tests.queue.backends.celery_app.enqueue"
ROOT = Path(__file__).resolve().parents[3]
PATHS = os.pathsep.join([str(ROOT), str(ROOT / "example_project"), os.environ.get("PYTHONPATH", "")])


class Alone(RunningShop):
    """No queue at all: `vton_worker` is the only worker."""

    settings: ClassVar = "tests.queue.backends.alone"
    worker: ClassVar[Iterable[str]] = ["vton_worker"]

    def __init__(self, folder: Path, **env: str) -> None:
        super().__init__(folder, env={"PYTHONPATH": PATHS, **env})

    def start_workers(self) -> None:
        self._spawn("workers", *self.worker)


class ByTasks(Alone):
    """Nobody looks unless a task says so: there is no schedule."""

    settings: ClassVar = "tests.queue.backends.by_tasks"
    worker: ClassVar = ["db_worker", "--no-reload", "--interval", "0.2", "--no-startup-delay"]


class ByCelery(Alone):
    settings: ClassVar = "tests.queue.backends.by_celery"

    def start_workers(self) -> None:
        celery = [sys.executable, "-m", "celery", "--app", "tests.queue.backends.celery_app", "worker"]
        shop, self.command = self.command, celery  # type: ignore[misc] # for this process alone
        self._spawn("workers", "--concurrency", "1", "--loglevel", "INFO", "--without-mingle")
        self.command = shop  # type: ignore[misc]


def needs(port: int, name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not is_listening(port), reason=f"{name} does not listen on 127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("queue", "name"),
    [
        pytest.param(Alone, "none", id="none"),
        pytest.param(ByTasks, "Django's tasks", id="django.tasks"),
        pytest.param(
            ByCelery, "tests.queue.backends.celery_app.enqueue", id="celery", marks=needs(REDIS_PORT, "Redis")
        ),
    ],
)
def test_a_whole_try_on(queue: type[Alone], name: str, tmp_path: Path) -> None:
    with ExitStack() as stack:
        env = {}
        if queue is ByCelery:
            env["REDIS_URL"] = f"redis://127.0.0.1:{REDIS_PORT}/{stack.enter_context(redis_database())}"
        shop = stack.enter_context(queue(tmp_path, **env))
        shopper = shop.shopper()
        answer = shopper.ask(shop.product("linen-shirt"), phone_photo(), consent="true")
        assert answer.status_code == 202, answer.text
        done = shopper.wait(answer.json()["id"])

        assert done["status"] == "completed", shop.log("workers")
        (submit,) = [entry for entry in shop.gateway.ledger.entries if entry.amount]
        assert submit.request_id
        counts = shop.gateway.ledger.counts(submit.request_id)
        assert (counts.callbacks_sent, counts.media_fetches) == (1, 1)
        # The settings' checks find nothing wrong with this queue, and the doctor knows it.
        assert f"queue: {name}; " in shop.manage("vton_doctor")


def test_by_cron_alone(tmp_path: Path) -> None:
    """`vton_worker --once` and nothing else: it drives, and is seen where there is nothing to drive."""
    with Alone(tmp_path) as shop:
        shop.stop("workers")
        shop.sql("DELETE FROM vton_pumpslot")
        shop.manage("vton_worker", "--once")
        assert "ok    workers: last seen" in shop.manage("vton_doctor")

        shopper = shop.shopper()
        asked = shopper.ask(shop.product("linen-shirt"), phone_photo(), consent="true").json()
        shop.manage("vton_worker", "--once")
        assert shopper.wait(asked["id"])["status"] == "completed"
