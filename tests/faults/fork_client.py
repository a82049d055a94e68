"""The parent's side of the fork server, whose children are the processes under test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from ..live_shop import database_url

if TYPE_CHECKING:
    from pathlib import Path


class ForkServer:
    """One server for all tests, since starting Django takes a while."""

    def __init__(self, gateway_url: str, public_url: str, folder: Path) -> None:
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.faults.fault_point_settings",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "DATABASE_URL": database_url(),
            "MEDIA_ROOT": str(folder / "media"),
            "VTON_PIXAZO_BASE_URL": gateway_url,
            "VTON_PUBLIC_BASE_URL": public_url,
        }
        self.log = folder / "fork_server.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.fork_server"],
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
            )
        assert self.receive() == {"ready": True}

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log.read_text(errors="replace")[-3000:]
        message: dict[str, Any] = json.loads(line)
        return message

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()
