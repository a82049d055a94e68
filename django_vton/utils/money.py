"""Format amounts of money."""

from __future__ import annotations

from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ..conf import MICROS_PER_USD


def format_usd(micros: int) -> str:
    """Format micro-USD for people, with at least two decimal places: 75000 is "0.075 USD"."""
    amount = Decimal(micros) / MICROS_PER_USD
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return _("%(amount)s USD") % {"amount": number_format(amount, places)}
