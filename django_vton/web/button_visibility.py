"""Whether the pages of the shop show try-on buttons, cached so that a page costs no query."""

from __future__ import annotations

from django.core.cache import cache
from django.db import DatabaseError, transaction

from ..intake import availability
from ..monitoring import incidents

CACHE_KEY = "vton.hidden_reason"
CACHE_SECONDS = 60


def hidden_reason() -> str:
    """The reason why buttons are hidden, or "". At most 60 seconds old; a database error hides them.

    A cache miss also checks for incidents, since a queue that has died cannot report itself. That happens
    after the page's own transaction, and a failure there is only logged.
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
    """Make the next page compute the reason again: the pause switch has changed."""
    cache.delete(CACHE_KEY)
