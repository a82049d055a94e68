"""The engine options that a shopper may set, and their fields in the dialog and in the form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import pgettext_lazy

from ..pixazo import Option
from ..products import MERCHANT_ONLY_OPTIONS, DescribedProduct

MAX_LISTED_VALUES = 10
"""A number option with at most this many values is a list. With more values, it is a number field."""


@dataclass(frozen=True, slots=True)
class OptionField:
    """The field for an engine option."""

    option: Option
    default: Any
    """The shop's own setting, otherwise the engine's default, which can be None."""

    @property
    def initial(self) -> str:
        """The default in HTML: "true" or "false" for a boolean, "" for None."""
        text = "" if self.default is None else str(self.default)
        return text.lower() if self.option.kind == "boolean" else text

    @property
    def choices(self) -> list[tuple[str, Any]]:
        """Pairs of a form value and its label. An empty list stands for a number field."""
        if self.option.kind == "choice":
            return list(self.option.labelled_choices)
        if self.option.kind == "boolean":
            return [("true", pgettext_lazy("vton", "Yes")), ("false", pgettext_lazy("vton", "No"))]
        low, high = self.option.minimum, self.option.maximum
        if low is None or high is None or high - low >= MAX_LISTED_VALUES:
            return []
        return [(str(number), number) for number in range(int(low), int(high) + 1)]


def allowed_options(product: DescribedProduct) -> list[Option]:
    """Return the options that a shopper may set for this product."""
    allowed = set(product.tryon.shopper_options) - MERCHANT_ONLY_OPTIONS
    options = product.engine.options
    return [option for option in options if option.name in allowed and not option.is_for_merchants]


def option_fields(product: DescribedProduct) -> list[OptionField]:
    """Return the fields for `allowed_options`. The number of images is 1 by default."""
    set_by_shop = product.tryon.get_options(product.product)
    fields = []
    for option in allowed_options(product):
        default = set_by_shop.get(option.name, option.default)
        is_count = option.name == product.engine.samples_option
        fields.append(OptionField(option, default or 1 if is_count else default))
    return fields
