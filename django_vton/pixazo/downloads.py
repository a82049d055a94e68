"""The fetching of results: URLs from outside, followed to checked addresses only, and read within limits."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

import httpx

from . import ssrf
from .transport import TROUBLE, TooLong, describe_trouble, read
from .verdicts import DownloadFailed


class Results:
    """Fetches results over an HTTP client that sends no key and keeps no connection.

    Requests go to addresses, and a pool keyed by address would hand one host's verified connection to
    another host of the same network. ``hosts``, ``loopback`` and ``resolve``: as for
    :class:`~django_vton.pixazo.client.Pixazo`.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        hosts: Sequence[str] | None,
        loopback: bool,
        resolve: ssrf.Resolve,
    ) -> None:
        self._http = http
        self._hosts = hosts
        self._loopback = loopback
        self._resolve = resolve

    async def fetch(self, url: str, *, limit: int, seconds: float) -> bytes:
        """The bytes at a URL, at most ``limit`` of them within ``seconds``; any trouble is a DownloadFailed."""
        failure: DownloadFailed | None = None
        try:
            async with asyncio.timeout(seconds):
                target = self._parse(url)
                checked = await ssrf.checked_addresses(
                    _ascii_host(target),
                    target.port or (443 if target.scheme == "https" else 80),
                    secure=target.scheme == "https",
                    loopback=self._loopback,
                    resolve=self._resolve,
                )
                return await self._fetch(target, checked, limit)
        except DownloadFailed as known:
            failure = known
        except TooLong:
            failure = DownloadFailed(f"more than {limit} bytes", retryable=False)
        except TROUBLE as trouble:
            failure = DownloadFailed(describe_trouble(trouble), retryable=True)
        # Nothing that holds the URL hangs on to it.
        failure.__context__ = None
        raise failure

    def _parse(self, url: str) -> httpx.URL:
        try:
            target = httpx.URL(url)
        except (httpx.InvalidURL, TypeError, ValueError):
            raise DownloadFailed("not a URL", retryable=False) from None
        here = self._loopback and ssrf.is_loopback(target.host)
        if target.scheme != "https" and not (target.scheme == "http" and self._loopback):
            raise DownloadFailed("not https", retryable=False)
        port = 443 if target.port is None else target.port  # 0 can be written, and is none.
        if not target.host or target.userinfo or not 0 < port < 2**16:
            raise DownloadFailed("a URL without a host, with a user, or with no real port", retryable=False)
        if self._hosts is not None and not here and not ssrf.host_matches(target.host, self._hosts):
            raise DownloadFailed("a host that is not among the result hosts", retryable=False)
        return target

    async def _fetch(self, target: httpx.URL, checked: Sequence[str], limit: int) -> bytes:
        """Try the addresses in turn: the first may be of a protocol that this machine does not speak."""
        for address in checked[:-1]:
            try:
                return await self._fetch_from(target, address, limit)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._fetch_from(target, checked[-1], limit)

    async def _fetch_from(self, target: httpx.URL, address: str, limit: int) -> bytes:
        request = self._http.build_request(
            "GET",
            target.copy_with(host=address),
            headers={"Host": target.netloc.decode("ascii")},
            extensions={"sni_hostname": _ascii_host(target)},
        )
        response = await self._http.send(request, stream=True)
        try:
            if response.status_code != HTTPStatus.OK:
                # Files appear late and hosts stumble, and the picture is paid for: only "gone", "moved" and
                # the like end it.
                retryable = response.is_error and response.status_code != HTTPStatus.GONE
                raise DownloadFailed(f"HTTP {response.status_code}", retryable=retryable)
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise DownloadFailed("encoded, though asked not to be", retryable=False)
            if int(response.headers.get("Content-Length", "0")) > limit:
                raise TooLong
            body = bytearray()
            await read(response.aiter_raw(), limit, body)
            return bytes(body)
        finally:
            await response.aclose()


def _ascii_host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")
