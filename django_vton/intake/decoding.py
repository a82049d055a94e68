"""Limit how many photos one process decodes at a time: each can take a second of CPU time and 300 MB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from ..exceptions import Refused

MAX_CONCURRENT = 2
"""Per process. A process with one thread never has to wait."""

WAIT_SECONDS = 3.0
"""How long to wait for a slot: about as long as one photo takes."""

_SLOTS = BoundedSemaphore(MAX_CONCURRENT)


@contextmanager
def decoding_slot() -> Iterator[None]:
    """Hold a slot for decoding one photo. Raises Refused (503, with Retry-After) if none becomes free."""
    if not _SLOTS.acquire(timeout=WAIT_SECONDS):
        raise Refused("unavailable", retry_after=5)
    try:
        yield
    finally:
        _SLOTS.release()
