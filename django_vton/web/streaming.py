"""Streaming responses for WSGI and ASGI servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import cast

from asgiref.sync import sync_to_async
from django.http import FileResponse, StreamingHttpResponse


class ThreadedStreamingHttpResponse(StreamingHttpResponse):
    """A streaming response whose parts come from a synchronous iterator, under ASGI one after another.

    Django itself would warn about such an iterator under ASGI, and read all parts into memory first.
    """

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = cast("Iterator[bytes]", self.streaming_content)
        while part := await sync_to_async(_next_part)(parts):
            yield part


def _next_part(parts: Iterator[bytes]) -> bytes:
    """Return the next part that is not empty, or b"" at the end."""
    return next(filter(None, parts), b"")


class ThreadedFileResponse(ThreadedStreamingHttpResponse, FileResponse):
    """A file, read in blocks as by `ThreadedStreamingHttpResponse`."""

    block_size = 64 * 1024
