"""A try-on completes without POSIX: in one process, and with a qcluster whose processes are spawned."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.live_shop import RunningShop, phone_photo, processes_with

HERE = Path(__file__).parent


def test_a_try_on_completes_without_posix(tmp_path: Path) -> None:
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'shop.sqlite3'}",
        "MEDIA_ROOT": str(tmp_path / "media"),
        "DEBUG": "1",
        "FOLDER": str(tmp_path),
        # The encoding of a Windows console in Western Europe and America.
        "PYTHONIOENCODING": "cp1252",
    }
    command = [sys.executable, "-W", "error", str(HERE / "whole_tryon.py")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, encoding="cp1252", check=False)
    assert done.returncode == 0, done.stderr


class SpawnedWorkersShop(RunningShop):
    """Only the worker runs without POSIX: the reloader of the web server is Django's own matter."""

    def start_workers(self) -> None:
        manage, self.command = self.command, [sys.executable, "-u", str(HERE / "manage.py")]  # type: ignore[misc]
        self._spawn("workers", "qcluster")
        self.command = manage  # type: ignore[misc]


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to find processes")
def test_a_qcluster_renders_without_fork(tmp_path: Path) -> None:
    with SpawnedWorkersShop(tmp_path, env={"QCLUSTER_WORKERS": "1"}) as shop:
        shopper = shop.shopper()
        response = shopper.post_tryon(shop.product("linen-shirt"), phone_photo(), consent="true")
        assert response.status_code == 202, response.text
        done = shopper.wait_for_status(response.json()["id"])
        assert done["status"] == "completed", shop.log("workers")
        spawned = [command for command in processes_with(str(tmp_path)).values() if "spawn_main" in command]
        assert len(spawned) == 4, "guard, worker, monitor and pusher"
