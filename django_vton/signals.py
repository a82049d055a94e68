"""Signals for the shop's own code. Each is sent after the commit with `send_robust`, at most once.

All signals except `budget_near` also send these arguments:

- `try_on`: the `TryOnRequest`. Do not save it; only this package may change its state.
- `product`: the product instance, or None if it was deleted. `try_on.product` is its reference.
"""

from django.dispatch import Signal

tryon_completed = Signal()
"""The images of a try-on are stored. Arguments: `try_on`, `product`."""

tryon_failed = Signal()
"""A try-on ended without images. Arguments: `try_on`, `product`, `code` (an error code of the API)."""

tryon_canceled = Signal()
"""A try-on was canceled, by its shopper, by staff, or because its photo was deleted. Arguments: `try_on`,
`product`."""

tryon_needs_attention = Signal()
"""The outcome of a render is unknown. The vendor may have charged it, so an operator has to check. With the
code "charged_error", the vendor has charged for a submit to which it had answered with an error, or of which
an operator had confirmed that it was not charged. Arguments: `try_on`, `product`, `code`."""

tryon_converted = Signal()
"""A product was added to the cart or bought after its try-on. Arguments: `try_on`, `product`, `kind`
("added" or "purchased"), `reference`, `order`."""

budget_near = Signal()
"""80 % of a budget is used, or too little is left for a render. Sent once per period and cap. Arguments:
`kind` ("day" or "month"), `starts_on` (a date), `used` and `cap` (Decimal USD)."""
