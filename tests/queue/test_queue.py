"""Waking workers: a task is enqueued only if a dispatcher is missing, and errors never reach the shopper."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.models.signals import post_migrate
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule
from django_q.signals import post_spawn

from django_vton import apps, queue
from django_vton.health import notice
from django_vton.queue import dispatcher_leases, django_tasks, q2

from ..fake_queues import enqueued as recorded
from ..fake_queues import record
from ..live_shop import MANAGE

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from ..conftest import Vton

pytestmark = pytest.mark.django_db


def test_wake_enqueues_a_dispatcher_if_none_is_running(enqueued: list[str]) -> None:
    queue.wake()
    assert enqueued == ["django_vton.tasks.dispatch"]


def test_wake_enqueues_nothing_while_a_dispatcher_is_running(enqueued: list[str]) -> None:
    lease = dispatcher_leases.acquire()
    queue.wake()
    assert enqueued == []
    assert lease is not None
    dispatcher_leases.release(lease)
    queue.wake()
    assert len(enqueued) == 1


def test_wake_enqueues_a_dispatcher_while_fewer_than_allowed_are_running(
    enqueued: list[str], vton: Vton
) -> None:
    vton(DISPATCHERS=2)
    dispatcher_leases.acquire()
    queue.wake()
    assert len(enqueued) == 1
    dispatcher_leases.acquire()
    queue.wake()
    assert len(enqueued) == 1


def test_an_unreachable_queue_is_logged_and_raises_nothing(
    vton: Vton, caplog: pytest.LogCaptureFixture
) -> None:
    vton(ENQUEUE="tests.fake_queues.unreachable")
    queue.wake()
    assert "waits for the next scheduled wake-up" in caplog.text


@pytest.mark.parametrize(
    ("path", "name", "worker"),
    [
        (None, "django-q2", "manage.py qcluster"),
        ("django_vton.queue.by_django_tasks", "Django's tasks", "the worker of the backend in TASKS"),
        ("django_vton.queue.no_queue", "none", "manage.py vton_worker"),
        ("tests.fake_queues.record", "tests.fake_queues.record", "the worker of your queue"),
    ],
)
def test_staff_are_told_which_worker_to_start(vton: Vton, path: str | None, name: str, worker: str) -> None:
    vton(ENQUEUE=path)
    assert queue.describe_queue() == (name, worker)
    assert f"Start {worker}," in notice("workers").paragraphs[-1]


# django-q2 ------------------------------------------------------------------------------------------


def test_a_django_q_task_is_not_repeated_after_an_error(vton: Vton, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conf, "ORM", "default")
    vton(ENQUEUE=None)
    queue.wake()
    task = OrmQ.objects.get().task
    assert task["func"] == "django_vton.tasks.dispatch"
    assert task["args"] == ()
    assert (task["ack_failure"], task["save"], task["timeout"]) == (True, False, 60)


def test_in_django_qs_sync_mode_nothing_is_enqueued(vton: Vton, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dispatcher would run inside the request and block it."""
    monkeypatch.setattr(Conf, "SYNC", True)
    monkeypatch.setattr("django_vton.tasks.dispatch", lambda: pytest.fail("a dispatcher ran"))
    vton(ENQUEUE=None)
    queue.wake()
    assert not OrmQ.objects.exists()


def test_schedules_are_created_by_name_and_edits_are_kept(vton: Vton) -> None:
    vton(ENQUEUE=None)
    q2.register_schedules(using="default")
    assert {schedule.func for schedule in Schedule.objects.all()} == {
        "django_vton.tasks.wake",
        "django_vton.tasks.purge",
        "django_vton.tasks.check_products",
    }
    Schedule.objects.update(minutes=7)
    q2.register_schedules(using="default")
    assert set(Schedule.objects.values_list("minutes", flat=True)) == {7}
    assert Schedule.objects.count() == 3


def test_schedules_are_created_even_if_apps_are_migrated_one_by_one(tmp_path: Path) -> None:
    """`migrate` calls all receivers, whichever app it migrates: django-q2's tables may not exist yet."""
    url = f"sqlite:///{tmp_path / 'new.sqlite3'}"
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "config.settings", "DATABASE_URL": url}
    for app in ("sessions", "django_q"):
        done = subprocess.run(
            [sys.executable, str(MANAGE), "migrate", app],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    with closing(sqlite3.connect(tmp_path / "new.sqlite3")) as connection:
        assert connection.execute("SELECT count(*) FROM django_q_schedule").fetchone() == (3,)


def test_with_another_queue_no_schedules_are_created() -> None:
    q2.register_schedules(using="default")
    assert not Schedule.objects.exists()
    assert post_migrate.has_listeners(apps.VtonConfig)


# Django's tasks -------------------------------------------------------------------------------------

BACKENDS = "django.tasks.backends" if find_spec("django.tasks") else "django_tasks.backends"


def test_a_django_task_calls_the_function_at_its_path(vton: Vton, settings: Settings) -> None:
    settings.TASKS = {"default": {"BACKEND": f"{BACKENDS}.dummy.DummyBackend"}}
    vton(ENQUEUE="django_vton.queue.by_django_tasks")
    assert not django_tasks.is_immediate()
    queue.wake()
    backend: Any = django_tasks.call.get_backend()
    (result,) = backend.results
    assert (result.task.module_path, result.args) == (
        "django_vton.queue.django_tasks.call",
        ["django_vton.tasks.dispatch"],
    )
    recorded.clear()
    django_tasks.call.call(f"{__name__}.run")
    assert recorded == ["run"]


def run() -> None:
    record("run")


def test_a_django_task_that_would_run_in_the_request_is_not_enqueued(
    vton: Vton, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Django's default backend is immediate; a system check warns about it."""
    settings.TASKS = {"default": {"BACKEND": f"{BACKENDS}.immediate.ImmediateBackend"}}
    monkeypatch.setattr("django_vton.tasks.dispatch", lambda: pytest.fail("a dispatcher ran"))
    vton(ENQUEUE="django_vton.queue.by_django_tasks")
    assert django_tasks.is_immediate()
    queue.wake()


def test_a_worker_that_starts_without_tables_says_in_one_line_what_to_do(
    vton: Vton, caplog: pytest.LogCaptureFixture
) -> None:
    vton(ENQUEUE=None)
    with connection.cursor() as cursor:  # Rolled back after the test.
        cursor.execute("ALTER TABLE vton_dispatcherlease RENAME TO elsewhere")
    post_spawn.send(sender="django_q", proc_name="worker")

    (record,) = caplog.records
    assert "vton_dispatcherlease" in record.getMessage()
    assert "run manage.py migrate" in record.getMessage()
    assert not record.exc_info
