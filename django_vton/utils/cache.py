"""Django's default cache, whose errors are logged and not raised: an entry then counts as missing.

A failing cache can take seconds to time out, so after an error a process does without it for a while.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from django.core import cache as django_cache
from django.core.cache.backends.db import BaseDatabaseCache

from . import database
from .robust import log_error

PAUSE_SECONDS = 10
"""The time after an error in which the cache is not used."""

_failed_at = -math.inf
"""When the cache last failed in this process, by the monotonic clock."""


def has_failed() -> bool:
    """Return whether the cache has failed and is not used at the moment."""
    return time.monotonic() < _failed_at + PAUSE_SECONDS


def get(key: str, default: Any = None) -> Any:
    """Return the entry, or `default` if it is missing or cannot be read."""
    if not has_failed():
        with _errors_logged():
            return django_cache.cache.get(key, default)
    return default


def set(key: str, value: Any, seconds: float | None) -> None:  # noqa: A001 - the name in Django's cache
    """Store an entry for so many seconds, None for ever, if the cache can be used."""
    if not has_failed():
        with _errors_logged():
            django_cache.cache.set(key, value, seconds)


def delete(key: str) -> None:
    """Delete an entry. Try it in any case, since the entry would be wrong."""
    with _errors_logged():
        django_cache.cache.delete(key)


@contextmanager
def _errors_logged() -> Iterator[None]:
    """Log an exception of the cache. A cache in the database must not make the shop's transaction fail."""
    global _failed_at  # noqa: PLW0603 - a failing cache cannot remember it
    is_database = isinstance(django_cache.caches["default"], BaseDatabaseCache)
    try:
        with database.savepoint() if is_database else nullcontext():
            yield
    except Exception:  # noqa: BLE001 - each backend has its own exceptions
        _failed_at = time.monotonic()
        log_error("The cache cannot be used, so no try-on button is shown.")
