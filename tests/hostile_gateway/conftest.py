from __future__ import annotations

import socket
import ssl
import subprocess
from asyncio import selector_events
from typing import TYPE_CHECKING

import pytest

from django_vton.pixazo import transport

from ..lifecycle.harness import Harness
from .server import HostileGateway

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from shop.models import Product

    from ..conftest import PhotoMaker, Vton
    from ..intake_helpers import StoredFiles
from .helpers import PUBLIC, Network


@pytest.fixture(autouse=True)
def _settings(transactional_db: None, files: StoredFiles, vton: Vton) -> None:  # noqa: ARG001 - the dispatcher has its own connection
    vton(PIXAZO_API_KEY="k" * 40, QUOTA=None, IP_QUOTA=None, IN_FLIGHT=100)


@pytest.fixture
def gateway(vton: Vton) -> Iterator[HostileGateway]:
    with HostileGateway() as running:
        vton(PIXAZO_BASE_URL=running.url)
        yield running


@pytest.fixture
def harness(gateway: HostileGateway, phone_photo: PhotoMaker, glasses: Product) -> Harness:
    return Harness(gateway, phone_photo, glasses)  # type: ignore[arg-type] # it has a ledger, like the sandbox


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for gateway.test and results.test and its key, in one file, beside `expired.pem`."""
    folder = tmp_path_factory.mktemp("tls")
    key, crt, both, expired = (folder / f"{name}.pem" for name in ("key", "crt", "both", "expired"))
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-nodes", "-days", "2", "-subj", "/CN=gateway.test"),
            *("-addext", "subjectAltName=DNS:gateway.test,DNS:results.test"),
            *("-keyout", key, "-out", crt),
        ],
        check=True,
        capture_output=True,
    )
    both.write_bytes(key.read_bytes() + crt.read_bytes())
    subprocess.run(
        [*("openssl", "x509", "-days", "-1"), "-in", crt, "-signkey", key, "-out", expired],
        check=True,
        capture_output=True,
    )
    expired.write_bytes(key.read_bytes() + expired.read_bytes())
    return both


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    found = Network()
    real_getaddrinfo, loops = socket.getaddrinfo, selector_events.BaseSelectorEventLoop
    real_connect = loops.sock_connect
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: found.getaddrinfo(real_getaddrinfo, *a, **k))
    monkeypatch.setattr(loops, "sock_connect", lambda *a: found.connect(real_connect, *a))
    return found


@pytest.fixture
def secure_gateway(
    certificate: Path, network: Network, vton: Vton, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HostileGateway]:
    """A gateway as in production: with a host name and TLS."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(transport, "ssl_context", lambda: trusting)
    with HostileGateway(server) as running:
        network.names["gateway.test"] = [["127.0.0.1"]]
        network.names["results.test"] = [[PUBLIC]]
        vton(PIXAZO_BASE_URL=running.url)
        yield running


@pytest.fixture
def secure_harness(secure_gateway: HostileGateway, phone_photo: PhotoMaker, glasses: Product) -> Harness:
    return Harness(secure_gateway, phone_photo, glasses)  # type: ignore[arg-type] # as for `harness`
