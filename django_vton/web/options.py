"""The engine options that a shopper may set, as the dialog and the page without JavaScript offer them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import pgettext_lazy

from ..products import MERCHANT_ONLY_OPTIONS

if TYPE_CHECKING:
    from ..pixazo import Option
    from ..products import DescribedProduct

MAX_LISTED_VALUES = 10
"""A number with at most this many possible values is offered as a list, any other as a number field."""


def shopper_options(product: DescribedProduct) -> list[tuple[Option, Any]]:
    """Return the options that a shopper may set for this product, with their initial values.

    The initial value is the shop's own setting, or else the engine's default, which may be None.
    """
    set_by_shop = product.tryon.get_options(product.product)
    return [
        (option, set_by_shop.get(option.name, option.default))
        for option in product.engine.options
        if option.name in product.tryon.shopper_options and option.name not in MERCHANT_ONLY_OPTIONS
    ]


def listed_values(option: Option) -> list[tuple[str, Any]]:
    """Return the values to list, as JSON text with their labels; an empty list for a number field."""
    if option.kind == "choice":
        return list(option.labelled_choices)
    if option.kind == "boolean":
        return [("true", pgettext_lazy("vton", "Yes")), ("false", pgettext_lazy("vton", "No"))]
    low, high = option.minimum, option.maximum
    if low is None or high is None or high - low >= MAX_LISTED_VALUES:
        return []
    return [(str(number), number) for number in range(low, high + 1)]
