"""Check whether a try-on can be accepted now. The reasons are facts of `health`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..billing.budget import require_available as require_budget
from ..exceptions import BudgetExhausted, Refused
from ..health import Fact, facts
from ..products import DescribedProduct
from ..utils.periods import seconds_until
from . import fallbacks, product_images

RETRY_AFTER = {"not_configured": 3600, "paused": 300, "unavailable": 60}
"""The seconds after which a shopper may try again, by code."""


def require_enabled() -> None:
    """Raise `Refused` if try-on is switched off, paused or not configured."""
    _require_none(facts.settings, facts.pause)


def require_working() -> None:
    """Raise `Refused` if no render can be made: there is no worker, or the storage fails."""
    _require_none(facts.workers, facts.storage)


def require_available() -> None:
    """Raise `Refused`, with the reason as its `code`, if no request can be accepted now."""
    require_enabled()
    _require_none(facts.budget)
    require_working()


def require_engines(names: Iterable[str]) -> None:
    """Raise `Refused` if all these engines have stopped: the first of a product, and its second one."""
    if stopped_engines().issuperset(names):
        raise Refused("unavailable", status=503, retry_after=RETRY_AFTER["unavailable"])


def require_available_for(described: DescribedProduct) -> None:
    """Raise `Refused` if this product cannot be tried on now, or if the budget does not cover its render."""
    require_available()
    if not described.is_enabled:
        raise Refused("product_not_enabled", field="product")
    require_engines(fallbacks.engine_names(described))
    require_budget(fallbacks.expected_price(described, described.clean_shopper_options({}), {}))
    product_images.require_usable(described)


def _require_none(*health_checks: Callable[[], Iterator[Fact]]) -> None:
    for fact in (fact for find in health_checks for fact in find()):
        if fact.refusal:
            if fact.until is not None:
                raise BudgetExhausted(seconds_until(fact.until))
            raise Refused(fact.refusal, status=503, retry_after=RETRY_AFTER.get(fact.refusal))


def refusal_code() -> str | None:
    """Return the code of the refusal that `require_available` would raise, or None."""
    try:
        require_available()
    except Refused as refusal:
        return refusal.code
    return None


def stopped_engines() -> frozenset[str]:
    """Return the engines whose renders are refused now."""
    return frozenset(fact.engine for fact in facts.gateway() if fact.refusal)
