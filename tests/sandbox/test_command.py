import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.live_shop import free_port

ROOT = Path(__file__).parents[2]


def run(*arguments: str, settings: str = "") -> subprocess.Popen[str]:
    """Start the command in a minimal project without a database."""
    code = (
        f"import sys; from django.conf import settings; settings.configure({settings});"
        "import django; django.setup();"
        "from django_vton.management.commands.vton_sandbox import Command;"
        "Command().run_from_argv(['manage.py', 'vton_sandbox', *sys.argv[1:]])"
    )
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_the_url_and_exits_on_a_signal(number: signal.Signals) -> None:
    port = free_port()
    with run("--port", str(port), "--key", "hidden", "-v", "2") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        url = f"http://127.0.0.1:{port}"
        assert f"{url}/" in lines[0]
        assert f'"PIXAZO_BASE_URL": "{url}"' in lines[3]
        assert httpx.get(f"{url}/_sandbox/ledger", trust_env=False).json()["submits"] == []
        process.send_signal(number)
        out, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert errors == "GET /_sandbox/ledger 200\n"
    assert "hidden" not in "".join(lines) + out


def test_the_printed_settings_keep_the_public_base_url() -> None:
    """The output is meant to be pasted into the settings."""
    here = "http://127.0.0.1:8610"
    with run("--port", str(free_port()), settings=f"VTON={{'PUBLIC_BASE_URL': '{here}'}}") as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        process.terminate()
        process.communicate(timeout=20)
    assert f'"PUBLIC_BASE_URL": "{here}"' in lines[4]


def test_a_port_in_use_gives_an_error_without_traceback() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with run("--port", str(taken.getsockname()[1])) as process:
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "address already in use" in errors
    assert "--port" in errors
    assert "Traceback" not in errors
