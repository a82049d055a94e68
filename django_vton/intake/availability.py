"""Check whether a try-on can be accepted now."""

from __future__ import annotations

from ..billing import budget
from ..conf import config
from ..exceptions import Refused
from ..gateway import engines, links
from ..models import PauseSwitch
from ..products import DescribedProduct
from ..queue import liveness
from . import product_images


def require_enabled() -> None:
    """Raise `Refused` if try-on is switched off, paused or not configured."""
    if not config.ENABLED:
        raise Refused("product_not_enabled", status=503)
    # A vendor that cannot load the images charges the render all the same.
    if not config.is_configured or links.missing_script_name():
        raise Refused("not_configured", retry_after=3600)
    if PauseSwitch.objects.filter(is_paused=True).exists():
        raise Refused("paused", retry_after=300)


def require_available() -> None:
    """Raise `Refused`, with the reason as its `code`, if no request can be accepted now."""
    require_enabled()
    budget.require_available()
    if liveness.workers_are_gone():
        raise Refused("unavailable", retry_after=60)


def require_available_for(described: DescribedProduct) -> None:
    """Raise `Refused` if this product cannot be tried on now, or if the budget does not cover its render."""
    require_available()
    if not described.is_enabled:
        raise Refused("product_not_enabled", field="product")
    budget.require_available(engines.price(described.engine.name, described.clean_shopper_options({})))
    product_images.require_usable(described)


def refusal_code() -> str | None:
    """Return the code of the refusal that `require_available` would raise, or None."""
    try:
        require_available()
    except Refused as refusal:
        return refusal.code
    return None
