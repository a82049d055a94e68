"""Requests to URLs that are not the vendor's API: only to checked IP addresses, and without redirects."""

from collections.abc import Sequence
from dataclasses import dataclass

from . import ssrf
from .http_library import httpx
from .responses import DownloadFailed


@dataclass(frozen=True, kw_only=True)
class CheckedClient:
    """Send requests over an HTTP client of `transport.new_client` with the limits `ONE_USE`.

    Requests are sent to IP addresses. A connection pool keyed by IP address would reuse one host's verified
    connection for another host with the same address, so no connection is kept.
    """

    http: httpx.AsyncClient
    hosts: Sequence[str] | None
    """The allowed hosts; None for all."""
    loopback: bool
    """Whether this machine and http are allowed, as for the sandbox."""
    resolve: ssrf.Resolve

    async def send(self, method: str, url: str, content: bytes | None = None) -> httpx.Response:
        """Return the open response of the first address that accepts a connection.

        Not every machine has IPv6. Raise `DownloadFailed` if the URL or one of its addresses is not allowed.
        """
        target = self._parse(url)
        addresses = await ssrf.checked_addresses(
            target.raw_host.decode("ascii"),
            target.port or (443 if target.scheme == "https" else 80),
            secure=target.scheme == "https",
            loopback=self.loopback,
            resolve=self.resolve,
        )
        for address in addresses[:-1]:
            try:
                return await self._send_to(address, method, target, content)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._send_to(addresses[-1], method, target, content)

    def _parse(self, url: str) -> httpx.URL:
        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, TypeError, ValueError):
            raise DownloadFailed("not a URL", is_retryable=False) from None
        is_local = self.loopback and ssrf.is_loopback(target.host)
        if target.scheme != "https" and not (target.scheme == "http" and self.loopback):
            raise DownloadFailed("not https", is_retryable=False)
        port = 443 if target.port is None else target.port  # Port 0 is possible in a URL, but invalid.
        if not target.host or target.userinfo or not 0 < port < 2**16:
            raise DownloadFailed("the URL has no host, has a user, or has no valid port", is_retryable=False)
        if self.hosts is not None and not is_local and not ssrf.host_matches(target.host, self.hosts):
            raise DownloadFailed("the host is not allowed", is_retryable=False)
        return target

    async def _send_to(
        self, address: str, method: str, target: httpx.URL, content: bytes | None
    ) -> httpx.Response:
        request = self.http.build_request(
            method,
            target.copy_with(host=address),
            content=content,
            headers={"Host": target.netloc.decode("ascii")},
            extensions={"sni_hostname": target.raw_host.decode("ascii")},
        )
        return await self.http.send(request, stream=True)
