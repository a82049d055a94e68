"""Protection against SSRF: a result URL from outside must not lead into the shop's own network."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from .responses import DownloadFailed

MAX_ADDRESSES = 4

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""`await resolve(host, port)` returns a host's IP addresses as strings, best first, or raises `OSError`."""

_GLOBAL_UNICAST = ip_network("2000::/3")
# From the registry of RFC 6890: 2001::/23 contains protocol assignments such as Teredo, 2002::/16 is 6to4.
# 168.63.129.16 looks public, but on Azure it is the host of the virtual machine.
_SPECIAL = [
    *map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")),
    *map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")),
]


def is_public(address: str) -> bool:
    """Return whether an IP address is on the public internet.

    `is_global` is not enough, because on Python 3.11 it is true for multicast and for addresses that embed
    another one (64:ff9b::/96, 2002::/16, ::127.0.0.1). IPv6 addresses must be in 2000::/3 (RFC 4291) and in
    none of its special blocks.
    """
    ip = _parse(address)
    if ip is None or not ip.is_global or ip.is_multicast:
        return False
    if ip.version == 6 and ip not in _GLOBAL_UNICAST:  # noqa: PLR2004  IPv6
        return False
    return not any(ip in network for network in _SPECIAL)


def is_loopback(address: str) -> bool:
    """Return whether `address` is `localhost` or a loopback IP address."""
    ip = _parse(address)
    return ip.is_loopback if ip else address.lower() == "localhost"


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None


def host_matches(host: str, allowed: Sequence[str]) -> bool:
    """Return whether a host is allowed. As in ALLOWED_HOSTS, `.r2.dev` means r2.dev and its subdomains."""
    host = host.lower().rstrip(".")
    return any(
        host == entry.lower().strip(".") or (entry.startswith(".") and host.endswith(entry.lower()))
        for entry in allowed
    )


async def resolve(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host, in the order of the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def checked_addresses(
    host: str, port: int, *, secure: bool, loopback: bool, resolve: Resolve
) -> Sequence[str]:
    """Return a host's first `MAX_ADDRESSES` addresses. Raise `DownloadFailed` if any address is forbidden.

    `loopback` allows this machine; any other address must be public and used over https (`secure`). On a
    network with DNS64, hosts without IPv6 of their own are refused, since a 64:ff9b:: address can embed an
    internal one. A host without any address fails too.
    """
    try:
        found = await resolve(host, port)
    except (OSError, UnicodeError):  # An empty or too long label raises UnicodeError.
        found = ()
    if not found:
        raise DownloadFailed("the host has no IP address", is_retryable=True)
    for address in found:
        if not (loopback and is_loopback(address)) and not (secure and is_public(address)):
            raise DownloadFailed("the host has an IP address that is not public", is_retryable=False)
    return found[:MAX_ADDRESSES]
