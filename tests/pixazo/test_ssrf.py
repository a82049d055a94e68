import pytest

from django_vton.pixazo import ssrf


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "104.18.2.35", "172.15.0.1", "172.32.0.1", "2606:4700::6812:223", "2a00:1450::1"]
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert ssrf.is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104  an address under test
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.8",
        "192.0.0.9",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::808:808",
        "64:ff9b:1::a00:1",
        "100::1",
        "2001::1",
        "2001:0:7f00:1::",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
        "",
        "localhost",
        "1.2.3",
        "0x7f.1",
    ],
)
def test_other_addresses_are_refused(address: str) -> None:
    assert not ssrf.is_public(address)


@pytest.mark.parametrize(
    ("host", "allowed", "matches"),
    [
        ("a.r2.dev", [".r2.dev"], True),
        ("A.R2.DEV", [".r2.dev"], True),
        ("a.r2.dev.", [".r2.dev"], True),
        ("r2.dev", [".r2.dev"], True),
        ("evilr2.dev", [".r2.dev"], False),
        ("a.r2.dev.evil.example", [".r2.dev"], False),
        ("a.r2.dev", ["r2.dev"], False),
        ("cdn.example", ["cdn.example"], True),
        ("cdn.example", [], False),
        ("cdn.example", [""], False),
        ("cdn.example", ["."], False),
    ],
)
def test_hosts_match_as_in_allowed_hosts(host: str, allowed: list[str], matches: bool) -> None:
    assert ssrf.host_matches(host, allowed) is matches


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "LOCALHOST", "127.8.9.1"])
def test_loopback_hosts_are_recognized(host: str) -> None:
    assert ssrf.is_loopback(host)


@pytest.mark.parametrize("host", ["8.8.8.8", "localhost.example", "10.0.0.1", ""])
def test_other_hosts_are_not_loopback(host: str) -> None:
    assert not ssrf.is_loopback(host)


async def test_resolve_uses_the_systems_resolver() -> None:
    assert "127.0.0.1" in await ssrf.resolve("127.0.0.1", 443)
