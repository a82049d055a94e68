"""TLS errors of the gateway: nothing is sent and nothing is paid, staff see it, and it is tried again."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from django_vton.models import Attempt, GatewayState
from django_vton.models.states import State
from django_vton.monitoring.health_checks import run_health_checks
from django_vton.pixazo import transport

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from ..conftest import Vton
    from ..lifecycle.harness import Harness
    from .helpers import Network
    from .server import HostileGateway


class CutHandshake(ssl.SSLContext):
    """Closes each connection instead of answering the client's hello."""

    def wrap_socket(self, sock: socket.socket, **_options: object) -> ssl.SSLSocket:  # type: ignore[override]
        sock.recv(1)
        sock.close()
        raise ConnectionAbortedError


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("untrusted", "self-signed certificate"),
        ("expired", "certificate has expired"),
        ("another host", "certificate is not valid for 'other.test'"),
        ("cut", "ConnectError"),
    ],
)
def test_a_tls_error_at_a_submit_is_free_and_tried_again(
    secure_harness: Harness,
    secure_gateway: HostileGateway,
    network: Network,
    certificate: Path,
    vton: Vton,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    reason: str,
) -> None:
    harness, gateway = secure_harness, secure_gateway
    gateway.submit = gateway.accepted
    row = harness.order()
    with monkeypatch.context() as faulty:
        match fault:
            case "untrusted":
                context = ssl.create_default_context()
                faulty.setattr(transport, "ssl_context", lambda: context)
            case "expired":
                server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                server.load_cert_chain(certificate.with_name("expired.pem"))
                context = ssl.create_default_context(cafile=certificate.with_name("expired.pem"))
                faulty.setattr(gateway, "tls", server)
                faulty.setattr(transport, "ssl_context", lambda: context)
            case "another host":
                network.names["other.test"] = [["127.0.0.1"]]
                vton(PIXAZO_BASE_URL=gateway.url.replace("gateway.test", "other.test"))
            case "cut":
                faulty.setattr(gateway, "tls", CutHandshake(ssl.PROTOCOL_TLS_SERVER))
        harness.run_cycle()
    row = harness.reload(row, State.QUEUED)
    first = Attempt.objects.get(request=row, number=1)
    assert (first.outcome, reason in first.error) == ("not_sent", True), first.error
    assert harness.money_states(row) == ["free", "held"]
    assert (harness.post_count(), GatewayState.objects.get().breaker) == (0, "unreachable")
    assert "cannot be reached" in {check.name: check.text for check in run_health_checks()}["gateway"]

    vton(PIXAZO_BASE_URL=gateway.url)
    harness.make_due(row)
    harness.run_cycle()
    harness.reload(row, State.SUBMITTED)
    assert (harness.post_count(), GatewayState.objects.get().breaker) == (1, "")
