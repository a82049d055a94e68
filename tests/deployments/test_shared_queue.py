"""Two projects with one queue in Redis: django-q2 drops the tasks of the other one."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import redis
from django.core import signing
from django_q.signing import PickleSerializer

from tests.live_shop import REDIS_PORT, RunningShop, is_listening, redis_database, wait_until

if TYPE_CHECKING:
    from pathlib import Path

QUEUE = "django_q:lindenhof:q"


@pytest.mark.skipif(not is_listening(REDIS_PORT), reason="Redis does not listen on 127.0.0.1")
def test_a_task_of_another_project_is_reported(tmp_path: Path) -> None:
    with ExitStack() as stack:
        number = stack.enter_context(redis_database())
        shop = RunningShop(tmp_path, env={"REDIS_URL": f"redis://127.0.0.1:{REDIS_PORT}/{number}"})
        shop.manage("migrate", "--verbosity", "0")
        assert "queue" not in failed_checks(shop)
        task = signing.dumps({}, key="another", salt="lindenhof", serializer=PickleSerializer)
        with redis.Redis(port=REDIS_PORT, db=number) as server:
            server.rpush(QUEUE, task)

        shop.start_workers()
        stack.callback(shop.stop, "workers")

        wait_until(lambda: shop.sql("SELECT * FROM vton_failedcheck"), "the foreign task is recorded")
        assert "Another project uses the same queue" in failed_checks(shop)["queue"]


def failed_checks(shop: RunningShop) -> dict[str, str]:
    """The texts of the failed checks of `vton_doctor`, by name."""
    command = "from django_vton.monitoring.health_checks import run_health_checks as run; import json;"
    out = shop.manage(
        "shell", "-v", "0", "-c", command + "print(json.dumps({r.name: r.text for r in run() if not r.ok}))"
    )
    return dict(json.loads(out.splitlines()[-1]))
