"""What the tests with a hostile gateway share."""

from __future__ import annotations

import logging
import socket
import zlib
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import User
from django.test import Client

from django_vton.messages import RENDER_MESSAGES
from django_vton.models import TryOnImage, TryOnRequest
from django_vton.models.states import State

from ..intake_helpers import user_visitor
from ..lifecycle.harness import Harness, stored_results
from ..tryons import TRY_ONS
from .server import MB, HostileGateway

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest


VENDOR_TEXT = "HOSTILE-VENDOR_TEXT"
GZIP = 16 + zlib.MAX_WBITS


@cache
def zeros(wbits: int) -> bytes:
    """200 MB of zeros, compressed to 200 kB."""
    packer = zlib.compressobj(wbits=wbits)
    return b"".join([*(packer.compress(bytes(MB)) for _ in range(200)), packer.flush()])


@contextmanager
def assert_memory_grows_less_than(megabytes: int) -> Iterator[None]:
    """Limit how much this process' peak memory may grow. It includes the test's own server."""
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    yield
    grown = (_memory("VmHWM") - before) // 1000
    assert grown < megabytes, f"{grown} MB"


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def run_until_finished(harness: Harness, row: TryOnRequest, cycles: int = 5) -> TryOnRequest:
    """Run the dispatcher until the render has ended: three times, if the result is not an image."""
    for _ in range(cycles):
        harness.run_cycle()
        row.refresh_from_db()
        if row.finished_at is not None:
            break
        harness.make_due(row)
    return row


def assert_failed_without_traces(
    harness: Harness, row: TryOnRequest, caplog: pytest.LogCaptureFixture, code: str = "vendor"
) -> None:
    """Check that the render failed with this code, is paid once and left no files, errors or vendor texts."""
    row = harness.reload(row, State.FAILED, code)
    assert harness.money_states(row) == ["spent"]
    assert harness.post_count() == 1
    assert stored_results() == set()
    assert not TryOnImage.objects.exists()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    browser = Client()
    browser.force_login(User.objects.get(username="ada"))
    response = browser.get(f"{TRY_ONS}{row.pk}/")
    assert response.json()["status"] == "failed"
    assert (response.json()["error"]["code"], response.json()["error"]["message"]) == (
        code,
        RENDER_MESSAGES[code],
    )
    assert response.json()["images"] == []
    page = browser.get(response.json()["page_url"])
    assert page.status_code == 200
    for text in (response.content, page.content):
        assert VENDOR_TEXT.encode() not in text


def order_tryon(harness: Harness) -> TryOnRequest:
    return harness.order(user_visitor())


def assert_fails_at_the_deadline(
    harness: Harness, gateway: HostileGateway, caplog: pytest.LogCaptureFixture
) -> None:
    row = order_tryon(harness)
    harness.run_cycle()
    harness.make_due(row)
    with assert_memory_grows_less_than(60):
        harness.run_cycle()
    row = harness.reload(row, State.SUBMITTED)
    harness.make_due(row)
    harness.set_posted(row, timedelta(minutes=16))
    harness.run_cycle()
    assert_failed_without_traces(harness, row, caplog, "deadline")
    assert gateway.requests == {"submit": 1, "poll": 2}


PUBLIC = "93.184.215.14"


class Network:
    """A fake DNS and network that records connections. Nothing leaves this machine."""

    def __init__(self) -> None:
        self.names: dict[str, list[list[str]]] = {}
        """Each host's successive lookup results; the last one is repeated."""
        self.resolved_hosts: list[str] = []
        self.connected: list[str] = []

    def getaddrinfo(self, real: Callable[..., Any], host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in self.names:
            if name.endswith(".test"):
                raise socket.gaierror(socket.EAI_NONAME, "unknown")
            return real(host, port, *args, **kwargs)
        self.resolved_hosts.append(name)
        answers = self.names[name]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for address in found for entry in real(address, port, *args, **kwargs)]

    async def connect(self, real: Any, loop: Any, sock: socket.socket, address: Any) -> None:
        self.connected.append(address[0])
        if address[0] != "127.0.0.1":
            raise ConnectionRefusedError(111, "The network is unreachable.")
        await real(loop, sock, address)
