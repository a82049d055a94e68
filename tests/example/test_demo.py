import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from tests.live_shop import free_port, processes_with

DEMO = Path(settings.BASE_DIR) / "demo.py"
WINDOWS_DEMO = Path(__file__).parents[1] / "windows" / "demo.py"


@pytest.fixture
def port() -> int:
    return free_port()


@contextmanager
def run_demo(
    folder: Path, port: int | str, demo: Path = DEMO, **more_env: str
) -> Iterator[subprocess.Popen[str]]:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("VTON_", "DJANGO_"))}
    process = subprocess.Popen(
        [sys.executable, demo],
        env=env | {"PORT": str(port), "DEMO_DIR": str(folder), "DEMO_ADMIN_PASSWORD": "sesame"} | more_env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def read_start(process: subprocess.Popen[str]) -> str:
    """Return the output until the demo is ready or has failed."""
    assert process.stdout is not None
    output = ""
    for line in process.stdout:
        output += line
        if line.startswith(("ready", "demo:")):
            break
    return output


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to find orphans")
def test_the_demo_serves_the_shop_and_leaves_no_process_behind(tmp_path: Path, port: int) -> None:
    with run_demo(tmp_path, port) as process:
        output = read_start(process)
        assert f"ready  http://127.0.0.1:{port}/" in output
        assert "(admin / sesame)" in output
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as response:
            page = response.read().decode()
        assert "Linnea linen shirt" in page
        style = re.search(r'href="(/static/shop/[^"]+\.css)"', page)
        assert style is not None
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{style[1]}") as response:
            assert response.status == 200
        assert any("qcluster" in command for command in processes_with(str(tmp_path)).values())
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    assert processes_with(str(tmp_path)) == {}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to find orphans")
def test_the_demo_needs_nothing_of_posix(tmp_path: Path, port: int) -> None:
    """As on Windows. Its program that ends a process and its children is replaced."""
    taskkill = tmp_path / "taskkill"
    taskkill.write_text("#!/bin/sh\nexec kill -KILL -- -$4\n")
    taskkill.chmod(0o700)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    with run_demo(tmp_path, port, WINDOWS_DEMO, PATH=path) as process:
        output = read_start(process)
        assert f"ready  http://127.0.0.1:{port}/" in output
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    assert processes_with(str(tmp_path)) == {}


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with run_demo(tmp_path, port) as process:
            output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert f"Port {port} is in use" in output


def test_an_invalid_port_is_reported(tmp_path: Path) -> None:
    with run_demo(tmp_path, "http") as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "PORT=http is not a port number." in output


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to find orphans")
def test_if_one_process_dies_the_demo_stops_and_reports_it(tmp_path: Path, port: int) -> None:
    with run_demo(tmp_path, port) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("ready"):
                break
        [gateway] = [
            pid for pid, command in processes_with(str(tmp_path)).items() if "vton_sandbox" in command
        ]
        os.kill(gateway, signal.SIGKILL)
        rest = process.stdout.read()
        assert process.wait(timeout=60) == 1
    assert "sandbox has exited (exit code -9)" in rest
    assert processes_with(str(tmp_path)) == {}
