"""Signals for the shop's own code. Each is sent after the commit with `send_robust`, at most once.

All signals except `budget_near` also send these arguments:

- `try_on`: the `TryOnRequest`. Do not save it; only this package may change its state.
- `product`: the product instance, or None if it was deleted. `try_on.product` is its reference.
"""

from django.dispatch import Signal

tryon_completed = Signal()
"""The pictures are stored. Arguments: `try_on`, `product`."""

tryon_failed = Signal()
"""The try-on ended without pictures. Arguments: `try_on`, `product`, `code` (an error code of the API)."""

tryon_needs_attention = Signal()
"""An operator should look: the vendor may have charged for a render with an unknown outcome. Arguments:
`try_on`, `product`, `code`."""

tryon_converted = Signal()
"""A product was added to the basket or bought after its try-on. Arguments: `try_on`, `product`, `kind`
("added" or "purchased"), `reference`, `order`."""

budget_near = Signal()
"""80 % of a budget is used, or no further render fits. Sent once per day or month and cap. Arguments: `kind`
("day" or "month"), `starts_on` (a date), `used` and `cap` (Decimal USD)."""
