"""Decide whether the shop's pages show try-on buttons. The answer is cached, so a page costs no query."""

from __future__ import annotations

from typing import NamedTuple

from django.conf import settings

from ..intake import availability, product_checks
from ..monitoring import incidents, proxies
from ..utils import cache, database
from ..utils.robust import robust

CACHE_SECONDS = 60


class Visibility(NamedTuple):
    """Which buttons the shop's pages do not show."""

    hidden_reason: str
    """The refusal code for which all buttons are hidden, or ""."""
    unusable_products: frozenset[str]
    """The references of the products that have no button."""
    stopped_engines: frozenset[str]
    """The engines whose products have no button, since the vendor refuses their renders."""


ALL_HIDDEN = Visibility("unavailable", frozenset(), frozenset())


def visibility() -> Visibility:
    """Return which buttons are hidden. The answer can be 60 seconds old; with DEBUG, one second.

    If the database or the cache fails, all are hidden. Without a cache, each page would need several queries.
    """
    found: Visibility | None = cache.get(product_checks.BUTTONS_CACHE_KEY)
    if found is None and cache.has_failed():
        return ALL_HIDDEN
    if found is None:
        found = _find()
        # A developer expects to see a change on the next page.
        cache.set(product_checks.BUTTONS_CACHE_KEY, found, 1 if settings.DEBUG else CACHE_SECONDS)
    return found


def _find() -> Visibility:
    """Find out which buttons are hidden.

    Also check for incidents, since a dead queue cannot report itself, and for the script name, which only
    requests have. Both run after the page's own transaction, and their errors are only logged.
    """
    found = ALL_HIDDEN
    with robust("No try-on button is shown, because the database cannot be read."):
        found = Visibility(
            availability.refusal_code() or "",
            product_checks.unusable_products(),
            availability.stopped_engines(),
        )
        database.on_commit(incidents.check, robust=True)
        database.on_commit(proxies.record_missing_script_name, robust=True)
    return found


def clear_cache() -> None:
    """Clear the cached visibility, because the pause switch has changed."""
    cache.delete(product_checks.BUTTONS_CACHE_KEY)
