"""What submits, asks and fetches have in common below HTTP: reading within a limit, and words for trouble."""

import zlib
from collections.abc import AsyncIterator

import httpx

from .parsing import redact_text

TROUBLE = (httpx.HTTPError, httpx.StreamError, OSError, ValueError)
"""All that a call over the network raises: ValueError where the other side's HTTP makes no sense."""

_ANY_ZLIB = 32 + zlib.MAX_WBITS  # gzip or zlib, told by its head


class TooLong(Exception):  # noqa: N818  as PollFailed
    """A body over its limit."""


async def read(chunks: AsyncIterator[bytes], limit: int, body: bytearray) -> None:
    """Add to `body` what comes, so that it is there also where the end goes wrong.

    One buffer: a list of chunks that are a few bytes each would take ten times their size.
    """
    async for chunk in chunks:
        if len(body) + len(chunk) > limit:
            raise TooLong
        body += chunk


def decoded(content: bytes, encoding: str, limit: int) -> bytes:
    """A body without its Content-Encoding, which nobody asked for. Raises TooLong, and ValueError.

    httpx would decode each chunk whole, and 64 kB may hold 64 MB.
    """
    match encoding.strip().lower():
        case "" | "identity":
            return content
        case "gzip" | "x-gzip" | "deflate":
            try:
                plain = zlib.decompressobj(_ANY_ZLIB).decompress(content, limit + 1)
            except zlib.error:
                raise ValueError("a body that is not encoded as it says") from None
            if len(plain) > limit:
                raise TooLong
            return plain
    raise ValueError("a body in an encoding that was not asked for")


def describe_trouble(trouble: Exception) -> str:
    """One line for staff, without links."""
    return redact_text(f"{type(trouble).__name__}: {trouble}".removesuffix(": "))
