"""Decide whether the shop's pages show try-on buttons. The answer is cached, so a page costs no query."""

from __future__ import annotations

from django.core.cache import cache
from django.db import DatabaseError, transaction

from ..intake import availability
from ..monitoring import incidents

CACHE_KEY = "vton.hidden_reason"
CACHE_SECONDS = 60


def hidden_reason() -> str:
    """Return the refusal code for which buttons are hidden, or "". It can be 60 seconds old.

    A cache miss also checks for incidents, since a dead queue cannot report itself. The check runs after the
    page's own transaction, and its errors are only logged.
    """
    reason = cache.get(CACHE_KEY)
    if reason is None:
        try:
            reason = availability.refusal_code() or ""
            transaction.on_commit(incidents.check, robust=True)
        except DatabaseError:
            reason = "unavailable"
        cache.set(CACHE_KEY, reason, CACHE_SECONDS)
    return str(reason)


def clear_cache() -> None:
    """Make the next page compute the reason again, because the pause switch has changed."""
    cache.delete(CACHE_KEY)
