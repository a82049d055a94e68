"""Limit the images that a web process decodes at a time, since each can need two CPU seconds and 300 MB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from ..exceptions import Refused

MAX_CONCURRENT = 2
"""The maximum number of images that one process decodes at a time."""

WAIT_SECONDS = 3.0
"""The maximum time to wait for a slot."""

_SLOTS = BoundedSemaphore(MAX_CONCURRENT)


@contextmanager
def decoding_slot() -> Iterator[None]:
    """Reserve a slot for decoding one image. Raise `Refused` (503, with Retry-After) if none becomes free."""
    if not _SLOTS.acquire(timeout=WAIT_SECONDS):
        raise Refused("unavailable", retry_after=5)
    try:
        yield
    finally:
        _SLOTS.release()
