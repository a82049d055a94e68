"""Amounts as people read them."""

from __future__ import annotations

from decimal import Decimal

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from ..conf import MICROS


def usd(micros: int) -> str:
    """Micro-USD as people write it: 75000 is "0.075 USD", and no cent is without its second digit."""
    amount = Decimal(micros) / MICROS
    places = max(2, -int(amount.normalize().as_tuple().exponent))
    return _("%(amount)s USD") % {"amount": number_format(amount, places)}
