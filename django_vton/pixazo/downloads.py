"""Download result images from the vendor's URLs, only from checked IP addresses and within limits."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import httpx

from . import ssrf
from .responses import DownloadFailed
from .transport import NETWORK_ERRORS, ONE_USE, BodyTooLong, describe_error, new_client, read_chunks


async def download(
    url: str, *, hosts: Sequence[str] | None, loopback: bool, limit: int, seconds: float
) -> bytes:
    """Return at most `limit` bytes from a URL that is not the vendor's, with the same checks.

    For the arguments and errors see `ResultDownloader`.
    """
    headers = {"Accept": "image/*, */*;q=0.1", "Accept-Encoding": "identity", "User-Agent": "django-vton"}
    async with new_client(headers, ONE_USE, httpx.create_ssl_context(trust_env=False)) as http:
        downloader = ResultDownloader(http=http, hosts=hosts, loopback=loopback, resolve=ssrf.resolve)
        return await downloader.download(url, limit=limit, seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class ResultDownloader:
    """Download results over an HTTP client that sends no key and keeps no connections alive.

    Requests are sent to IP addresses. A connection pool keyed by IP address would reuse one host's verified
    connection for another host with the same address, so no connection is kept. For `hosts`, `loopback` and
    `resolve` see `PixazoClient`.
    """

    http: httpx.AsyncClient
    hosts: Sequence[str] | None
    loopback: bool
    resolve: ssrf.Resolve

    async def download(self, url: str, *, limit: int, seconds: float) -> bytes:
        """Return a result's bytes. Raise `DownloadFailed` for errors, or above `limit` bytes or `seconds`."""
        failure: DownloadFailed | None = None
        try:
            async with asyncio.timeout(seconds):
                target = self._parse(url)
                addresses = await ssrf.checked_addresses(
                    target.raw_host.decode("ascii"),
                    target.port or (443 if target.scheme == "https" else 80),
                    secure=target.scheme == "https",
                    loopback=self.loopback,
                    resolve=self.resolve,
                )
                return await self._download(target, addresses, limit)
        except DownloadFailed as error:
            failure = error
        except BodyTooLong:
            failure = DownloadFailed(f"more than {limit} bytes", is_retryable=False)
        except NETWORK_ERRORS as error:
            failure = DownloadFailed(describe_error(error), is_retryable=True)
        # An exception in the context could hold the URL, which is a secret.
        failure.__context__ = None
        raise failure

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

    async def _download(self, target: httpx.URL, addresses: Sequence[str], limit: int) -> bytes:
        """Return the bytes from the first address that accepts a connection. Not every machine has IPv6."""
        for address in addresses[:-1]:
            try:
                return await self._download_from(target, address, limit)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._download_from(target, addresses[-1], limit)

    async def _download_from(self, target: httpx.URL, address: str, limit: int) -> bytes:
        request = self.http.build_request(
            "GET",
            target.copy_with(host=address),
            headers={"Host": target.netloc.decode("ascii")},
            extensions={"sni_hostname": target.raw_host.decode("ascii")},
        )
        response = await self.http.send(request, stream=True)
        try:
            if response.status_code != HTTPStatus.OK:
                # Most errors are retried, since the image is paid for and its file can appear late.
                is_retryable = response.is_error and response.status_code != HTTPStatus.GONE
                raise DownloadFailed(f"HTTP {response.status_code}", is_retryable=is_retryable)
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise DownloadFailed("the body has an encoding that was not requested", is_retryable=False)
            if int(response.headers.get("Content-Length", "0")) > limit:
                raise BodyTooLong
            body = bytearray()
            await read_chunks(response.aiter_raw(), limit, body)
            return bytes(body)
        finally:
            await response.aclose()
