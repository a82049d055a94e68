"""Read and decompress bodies within a limit, and describe network errors."""

import ssl
import zlib
from collections.abc import AsyncIterator, Mapping
from functools import cache

from .http_library import httpx
from .parsing import redact_text

NETWORK_ERRORS = (httpx.HTTPError, httpx.StreamError, OSError, ValueError)
"""All that a network call can raise. `ValueError` is raised for malformed HTTP."""

_AUTODETECT_WBITS = 32 + zlib.MAX_WBITS  # zlib recognizes gzip and zlib by the header.

KEY_HEADER = "Ocp-Apim-Subscription-Key"
"""The header with the API key."""

ONE_USE = httpx.Limits(max_connections=None, max_keepalive_connections=0)
TIMEOUT = httpx.Timeout(connect=5.0, read=15.0, write=15.0, pool=5.0)


class BodyTooLong(Exception):  # noqa: N818  It is named like PollFailed.
    """A body exceeds its size limit."""


async def read_chunks(chunks: AsyncIterator[bytes], limit: int, body: bytearray) -> None:
    """Append the chunks to `body`, which keeps them after an error. Raise `BodyTooLong` above `limit`."""
    async for chunk in chunks:
        if len(body) + len(chunk) > limit:
            raise BodyTooLong
        body += chunk


def decompress(content: bytes, encoding: str, limit: int) -> bytes:
    """Undo a Content-Encoding that the server applied although we did not ask for it.

    httpx is not used for this, because it decodes each chunk as a whole and 64 kB can expand to 64 MB. Raise
    `BodyTooLong` above `limit`, and `ValueError` if the encoding is unknown or the data is broken.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return content
        case "gzip" | "x-gzip" | "deflate":
            try:
                plain = zlib.decompressobj(_AUTODETECT_WBITS).decompress(content, limit + 1)
            except zlib.error:
                raise ValueError("the body does not have the encoding that its header names") from None
            if len(plain) > limit:
                raise BodyTooLong
            return plain
    raise ValueError("the body has an encoding that was not requested")


def describe_error(error: Exception) -> str:
    """Describe an error in one line for staff, without URLs."""
    return redact_text(f"{type(error).__name__}: {error}".removesuffix(": "))


@cache
def ssl_context() -> ssl.SSLContext:
    """Return the context with the public certificate authorities. To load them takes 20 ms."""
    return httpx.create_ssl_context(trust_env=False)


def new_client(
    headers: Mapping[str, str], limits: httpx.Limits, context: ssl.SSLContext | None = None
) -> httpx.AsyncClient:
    """Return an HTTP client that follows no redirects and ignores proxies from the environment."""
    return httpx.AsyncClient(
        headers=dict(headers),
        limits=limits,
        timeout=TIMEOUT,
        verify=context or ssl_context(),
        trust_env=False,
        follow_redirects=False,
    )
