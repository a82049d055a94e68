from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from django_vton.queue.q2 import cluster_settings

from .messages import run_vton_checks

if TYPE_CHECKING:
    from tests.conftest import Vton

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("values", "codes"),
    [
        ({}, set()),
        ({"TIMEOUT": None}, {"vton.W030"}),
        ({"RETRY": 126}, {"vton.W031"}),
        ({"RETRY": 127}, set()),
        ({"SYNC": True}, {"vton.W032"}),
        ({"ORM": None}, {"vton.W034"}),
        ({"ORM": None, "CLUSTER_NAME": "our-shop"}, set()),
    ],
)
def test_the_cluster_settings_must_run_each_task_once(
    vton: Vton, monkeypatch: pytest.MonkeyPatch, values: dict[str, Any], codes: set[str]
) -> None:
    vton(ENQUEUE=None)
    for name, value in values.items():
        monkeypatch.setattr(cluster_settings(), name, value)
    assert set(run_vton_checks()) == codes


def test_djangos_tasks_must_be_installed(vton: Vton, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("django.tasks", "django_tasks"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "django_vton.queue.django_tasks", raising=False)
    vton(ENQUEUE="django_vton.queue.by_django_tasks")
    assert "Django's tasks cannot be used" in run_vton_checks()["vton.E031"]


def test_djangos_tasks_need_a_worker(vton: Vton) -> None:
    """Django's default backend runs a task at once, inside the request."""
    vton(ENQUEUE="django_vton.queue.by_django_tasks")
    assert set(run_vton_checks()) == {"vton.W033"}


def test_without_a_queue_other_queues_are_not_checked(vton: Vton, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_settings(), "SYNC", True)
    vton(ENQUEUE="django_vton.queue.no_queue")
    assert run_vton_checks() == {}


def test_a_queue_that_is_not_installed_is_reported_and_breaks_no_migration(tmp_path: Path) -> None:
    """django-q2 is the default queue, but not in INSTALLED_APPS."""
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.queue.backends.settings_missing_queue",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'shop.sqlite3'}",
        "PYTHONPATH": os.pathsep.join(
            [str(ROOT), str(ROOT / "example_project"), os.environ.get("PYTHONPATH", "")]
        ),
    }

    def django(*args: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "django", *args]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False)

    assert "vton.E030" in django("check").stderr
    done = django("migrate", "--verbosity", "0", "--skip-checks")
    assert done.returncode == 0, done.stderr
