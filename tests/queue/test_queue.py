"""The doorbell: rung where nobody looks, silent where somebody does, and no shopper's business."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from django.db.models.signals import post_migrate
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule

from django_vton import apps, queue
from django_vton.admin.operations import in_words
from django_vton.models import DispatcherLease
from django_vton.monitoring import mail
from django_vton.queue import leases, q2

from ..running import MANAGE

if TYPE_CHECKING:
    from pathlib import Path

    from ..conftest import Vton

pytestmark = pytest.mark.django_db


def test_it_rings_where_nobody_looks(bell: list[str]) -> None:
    queue.wake()
    assert bell == ["django_vton.tasks.dispatch"]


def test_it_is_silent_while_somebody_looks(bell: list[str]) -> None:
    slot = leases.acquire()
    queue.wake()
    assert bell == []
    assert slot is not None
    leases.release(slot)
    queue.wake()
    assert len(bell) == 1


def test_it_rings_while_a_place_is_free(bell: list[str], vton: Vton) -> None:
    vton(DISPATCHERS=2)
    leases.acquire()
    queue.wake()
    assert len(bell) == 1
    leases.acquire()
    queue.wake()
    assert len(bell) == 1


def test_a_queue_that_is_away_is_logged_and_nothing_else(
    vton: Vton, caplog: pytest.LogCaptureFixture
) -> None:
    vton(ENQUEUE="tests.bells.broken")
    queue.wake()
    assert "waits for the next look" in caplog.text


def test_django_q_gets_a_task_that_comes_once(vton: Vton, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conf, "ORM", "default")
    vton(ENQUEUE=None)
    queue.wake()
    task = OrmQ.objects.get().task
    assert task["func"] == "django_vton.tasks.dispatch"
    assert task["args"] == ()
    assert (task["ack_failure"], task["save"], task["timeout"]) == (True, False, 60)


def test_in_django_qs_sync_mode_no_request_is_held(vton: Vton, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conf, "SYNC", True)
    vton(ENQUEUE=None)
    queue.wake()
    assert not OrmQ.objects.exists()
    assert not DispatcherLease.objects.exists()


def test_schedules_are_made_by_name_and_never_over_an_edit(vton: Vton) -> None:
    vton(ENQUEUE=None)
    q2.register_schedules(using="default")
    assert {schedule.func for schedule in Schedule.objects.all()} == {
        "django_vton.tasks.wake",
        "django_vton.tasks.purge",
    }
    Schedule.objects.update(minutes=7)
    q2.register_schedules(using="default")
    assert set(Schedule.objects.values_list("minutes", flat=True)) == {7}
    assert Schedule.objects.count() == 2


def test_another_app_alone_can_be_migrated(tmp_path: Path) -> None:
    """`migrate` calls all receivers, whatever it was asked for: django-q2's tables may not be there yet."""
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
        assert connection.execute("SELECT count(*) FROM django_q_schedule").fetchone() == (2,)


def test_another_queue_has_its_own_schedule() -> None:
    q2.register_schedules(using="default")
    assert not Schedule.objects.exists()
    assert post_migrate.has_listeners(apps.VtonConfig)


def test_a_task_that_would_run_in_the_request_is_not_enqueued(vton: Vton) -> None:
    """Django's default backend is such a one; the check says so."""
    vton(ENQUEUE="django_vton.queue.by_django_tasks")
    queue.wake()
    assert not DispatcherLease.objects.exists()


@pytest.mark.parametrize(
    ("path", "name", "process"),
    [
        (None, "django-q2", "manage.py qcluster"),
        ("django_vton.queue.by_django_tasks", "Django's tasks", "the worker of the backend in TASKS"),
        ("django_vton.queue.no_queue", "none", "manage.py vton_worker"),
        ("tests.bells.silent", "tests.bells.silent", "the worker of your queue"),
    ],
)
def test_staff_are_told_which_worker_is_missing(
    vton: Vton, path: str | None, name: str, process: str
) -> None:
    vton(ENQUEUE=path)
    assert queue.in_use() == (name, process)
    assert f"Start {process}," in mail.notice("workers").paragraphs[-1]
    assert f"Does {process} run?" in in_words("unavailable")
