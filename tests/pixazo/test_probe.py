"""A probe tells at which step a request has failed, over real sockets."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from django_vton.pixazo import transport
from django_vton.pixazo.probe import MAX_BODY_BYTES, Probe, send_probe

from ..hostile_gateway.conftest import certificate, network  # noqa: F401 - fixtures
from .servers import never_respond, respond_always, respond_endlessly, serve

if TYPE_CHECKING:
    from pathlib import Path

    from ..hostile_gateway.helpers import Network

DATE = "Date: Mon, 30 Nov 2026 06:00:00 GMT"


async def test_a_response_is_described() -> None:
    async with serve(respond_always(b'{"error": "no"}', "404 Not Found", DATE)) as server:
        probe = await send_probe("GET", f"{server.url}/status", headers={"Some-Key": "secret"})
    assert (probe.failed, probe.error, probe.status) == (None, "", 404)
    assert (probe.body, probe.addresses) == (b'{"error": "no"}', ["127.0.0.1"])
    assert probe.server_time == datetime(2026, 11, 30, 6, tzinfo=UTC)
    assert 0 < probe.connect_seconds < 10
    assert 0 < probe.response_seconds < 10
    assert probe.certificate_ends is None
    assert server.requests[0].headers["some-key"] == "secret"


async def test_a_post_sends_json_and_redirects_are_not_followed() -> None:
    async with serve(respond_always(b"", "302 Found", "Location: /login/", "Date: today")) as server:
        probe = await send_probe("POST", f"{server.url}/hook", json={})
    assert (probe.status, probe.headers["location"], probe.server_time) == (302, "/login/", None)
    assert [(it.line, it.body) for it in server.requests] == [("POST /hook HTTP/1.1", b"{}")]


async def test_only_the_beginning_of_a_body_is_kept() -> None:
    async with serve(respond_endlessly) as server:
        probe = await send_probe("GET", server.url)
    assert (probe.failed, probe.status, len(probe.body)) == (None, 200, MAX_BODY_BYTES)


async def test_a_server_that_does_not_answer() -> None:
    async with serve(never_respond) as server:
        probe = await send_probe("GET", server.url, seconds=0.3)
    assert (probe.failed, probe.status) == ("response", 0)
    assert "within" in probe.error


async def test_a_port_that_is_closed() -> None:
    async with serve(never_respond) as server:
        pass
    probe = await send_probe("GET", server.url)
    assert (probe.failed, probe.status) == ("connection", 0)


@pytest.mark.parametrize("url", ["http://unknown.test/", "http://a..b/"])
async def test_a_name_that_cannot_be_looked_up(network: Network, url: str) -> None:  # noqa: ARG001, F811 - a fixture
    probe = await send_probe("GET", url)
    assert (probe.failed, probe.addresses) == ("look-up", ())
    assert probe.error


async def send_over_tls(path: Path, network: Network, host: str) -> Probe:  # noqa: F811 - a fixture
    """Probe a server that has this certificate, at this name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    network.names[host] = [["127.0.0.1"]]
    async with serve(respond_always(), context) as server:
        return await send_probe("GET", f"https://{host}:{server.port}/")


async def test_what_is_wrong_with_a_certificate(
    certificate: Path,  # noqa: F811 - a fixture
    network: Network,  # noqa: F811 - a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    probe = await send_over_tls(certificate, network, "gateway.test")
    assert (probe.failed, probe.error) == ("tls", "self-signed certificate")
    expired = certificate.with_name("expired.pem")
    for path, host, error in (
        (certificate, "other.test", "certificate is not valid for 'other.test'"),
        (expired, "gateway.test", "certificate has expired"),
    ):
        trusting = ssl.create_default_context(cafile=path)
        monkeypatch.setattr(transport, "ssl_context", lambda trusting=trusting: trusting)
        probe = await send_over_tls(path, network, host)
        assert probe.failed == "tls"
        assert error in probe.error
    trusting = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(transport, "ssl_context", lambda: trusting)
    probe = await send_over_tls(certificate, network, "gateway.test")
    assert (probe.failed, probe.status) == (None, 200)
    assert probe.certificate_ends is not None
    assert timedelta(days=1) < probe.certificate_ends - datetime.now(UTC) < timedelta(days=2)
