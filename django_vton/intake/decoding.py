"""How many photos one process decodes at a time: each may take a second of the processor and 300 MB."""

from __future__ import annotations

from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from ..exceptions import Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 2
"""In a process with threads; a worker with one thread never has to wait."""

PATIENCE = 3.0
"""Seconds to wait for a place: about one photo's time."""

_PLACES = BoundedSemaphore(AT_ONCE)


@contextmanager
def decoding() -> Iterator[None]:
    """A place for decoding one photo. Raises Refused (503, with Retry-After) where none becomes free."""
    if not _PLACES.acquire(timeout=PATIENCE):
        raise Refused("unavailable", retry_after=5)
    try:
        yield
    finally:
        _PLACES.release()
