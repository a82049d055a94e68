"""Result URLs of a hostile gateway: only https and public IP addresses are connected to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from django_vton.models.states import State

if TYPE_CHECKING:
    from ..conftest import Vton
    from ..lifecycle.harness import Harness
    from .server import HostileGateway
from .helpers import (
    PUBLIC,
    Network,
    assert_failed_without_traces,
    assert_fails_at_the_deadline,
    order_tryon,
    run_until_finished,
)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        *((f"https://{host}:PORT/image", "not public") for host in (
            "127.0.0.1", "localhost", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1",  # noqa: S104 - nobody binds
            "169.254.169.254", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1", "255.255.255.255",
            "2130706433", "0x7f000001", "017700000001", "127.1", "0x7f.1", "2852039166",
            "[::]", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]", "[fe80::1]", "[fd00::1]", "[fec0::1]", "[2001:db8::1]", "[ff02::1]",
            "[fd00:ec2::254]", "gateway.test",
        )),
        ("http://results.test/image", "not https"),
        ("http://127.0.0.1:PORT/image", "not https"),
        ("https://user@results.test/image", "has a user"),
        ("https://user:secret@127.0.0.1:PORT/image", "has a user"),
        ("https://results.test:0/image", "no valid port"),
        ("https://results.test:65536/image", "no valid port"),
        ("https://[::1/image", "not a URL"),
        ("https://results.test\\@127.0.0.1:PORT/image", "not"),
        ("https:///image", "has no host"),
    ],
)  # fmt: skip
def test_internal_addresses_are_never_connected_to(
    secure_harness: Harness,
    secure_gateway: HostileGateway,
    network: Network,
    caplog: pytest.LogCaptureFixture,
    url: str,
    reason: str,
) -> None:
    secure_gateway.result_url_override = url.replace("PORT", str(secure_gateway.port))
    row = run_until_finished(secure_harness, order_tryon(secure_harness))
    assert_failed_without_traces(secure_harness, row, caplog)
    assert secure_gateway.requests == {"submit": 1}
    assert network.connected == ["127.0.0.1"], "only the submit connects"
    assert reason in caplog.text
    assert "secret" not in caplog.text


def test_a_public_host_is_connected_to_at_any_port(
    secure_harness: Harness, secure_gateway: HostileGateway, network: Network
) -> None:
    """Without this, the test above could pass because `Network` never records a connection."""
    secure_gateway.result_url_override = "https://results.test:8443/image"
    row = run_until_finished(secure_harness, order_tryon(secure_harness), cycles=2)
    secure_harness.reload(row, State.RENDERED)
    assert network.connected == ["127.0.0.1", PUBLIC]


@pytest.mark.parametrize("answers", [[[PUBLIC], ["127.0.0.1"]], [[PUBLIC, "127.0.0.1"]], [["::1", PUBLIC]]])
def test_no_internal_address_is_connected_to_if_a_dns_record_changes(
    secure_harness: Harness,
    secure_gateway: HostileGateway,
    network: Network,
    caplog: pytest.LogCaptureFixture,
    answers: list[list[str]],
) -> None:
    """The client connects to the checked IP address and does not resolve the host again."""
    network.names["results.test"] = [list(addresses) for addresses in answers]
    secure_gateway.result_url_override = f"https://results.test:{secure_gateway.port}/image"
    row = run_until_finished(secure_harness, order_tryon(secure_harness))
    assert_failed_without_traces(secure_harness, row, caplog)
    assert secure_gateway.requests == {"submit": 1}
    fetches = network.resolved_hosts.count("results.test")
    assert network.connected == ["127.0.0.1"] + [PUBLIC] * (fetches - 3)


@pytest.mark.parametrize(
    "host",
    ["evil.test", "results.test.evil.test", "xresults.test", "results.test%2eevil.test", "r\u0435sults.test"],
)
def test_hosts_outside_of_result_hosts_are_not_resolved(
    secure_harness: Harness,
    secure_gateway: HostileGateway,
    network: Network,
    vton: Vton,
    caplog: pytest.LogCaptureFixture,
    host: str,
) -> None:
    vton(RESULT_HOSTS=["results.test"])
    network.names["evil.test"] = network.names["results.test.evil.test"] = [[PUBLIC]]
    secure_gateway.result_url_override = json.loads(json.dumps(f"https://{host}/image"))
    secure_gateway.submit = secure_gateway.accepted if not host.isascii() else secure_gateway.completed
    if not host.isascii():  # Such a URL is not valid, so the render is polled until the deadline.
        assert_fails_at_the_deadline(secure_harness, secure_gateway, caplog)
    else:
        assert_failed_without_traces(
            secure_harness, run_until_finished(secure_harness, order_tryon(secure_harness)), caplog
        )
    assert set(network.resolved_hosts) == {"gateway.test"}
