"""Download result images from the vendor's URLs, only from checked IP addresses and within limits."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus

from . import ssrf
from .checked_client import CheckedClient
from .http_library import httpx
from .responses import DownloadFailed
from .transport import NETWORK_ERRORS, ONE_USE, BodyTooLong, describe_error, new_client, read_chunks


async def download(
    url: str, *, hosts: Sequence[str] | None, loopback: bool, limit: int, seconds: float
) -> bytes:
    """Return at most `limit` bytes from a URL that is not the vendor's, with the same checks.

    For the arguments and errors see `ResultDownloader`.
    """
    headers = {"Accept": "image/*, */*;q=0.1", "Accept-Encoding": "identity", "User-Agent": "django-vton"}
    async with new_client(headers, ONE_USE) as http:
        downloader = ResultDownloader(http=http, hosts=hosts, loopback=loopback, resolve=ssrf.resolve)
        return await downloader.download(url, limit=limit, seconds=seconds)


class ResultDownloader(CheckedClient):
    """Download results over an HTTP client that sends no key and keeps no connections alive.

    For `hosts`, `loopback` and `resolve` see `PixazoClient`.
    """

    async def download(self, url: str, *, limit: int, seconds: float) -> bytes:
        """Return a result's bytes. Raise `DownloadFailed` for errors, or above `limit` bytes or `seconds`."""
        failure: DownloadFailed | None = None
        try:
            async with asyncio.timeout(seconds):
                response = await self.send("GET", url)
                try:
                    return await _read(response, limit)
                finally:
                    await response.aclose()
        except DownloadFailed as error:
            failure = error
        except BodyTooLong:
            failure = DownloadFailed(f"more than {limit} bytes", is_retryable=False)
        except NETWORK_ERRORS as error:
            failure = DownloadFailed(describe_error(error), is_retryable=True)
        # An exception in the context could hold the URL, which is a secret.
        failure.__context__ = None
        raise failure


async def _read(response: httpx.Response, limit: int) -> bytes:
    if response.status_code != HTTPStatus.OK:
        # Most errors are retried, since the image is paid for and its file can appear late.
        is_retryable = response.is_error and response.status_code != HTTPStatus.GONE
        status = response.status_code
        raise DownloadFailed(f"HTTP {status}", is_retryable=is_retryable, status_code=status)
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise DownloadFailed("the body has an encoding that was not requested", is_retryable=False)
    if int(response.headers.get("Content-Length", "0")) > limit:
        raise BodyTooLong
    body = bytearray()
    await read_chunks(response.aiter_raw(), limit, body)
    return bytes(body)
