"""Signals for the shop's own code. Sent after the commit, with `send_robust`, at most once each.

Every `tryon_` one carries `request_id` (the try-on's UUID) and `product` (its reference); never a picture.
"""

from django.dispatch import Signal

tryon_completed = Signal()
"""The pictures are stored. Arguments: `request_id`, `product`."""

tryon_failed = Signal()
"""It ended without pictures. Arguments: `request_id`, `product`, `code`."""

tryon_needs_attention = Signal()
"""Money may have been spent and nobody knows: an operator should look. Arguments: `request_id`,
`product`, `code`."""

tryon_converted = Signal()
"""A product that was tried on went into a basket or was bought. Arguments: `request_id`,
`product`, `kind` ("added" or "purchased"), `reference`, `order`."""

budget_near = Signal()
"""Of a budget, 80 % are used or no further render fits: once in its day or month, for each cap. Arguments:
`kind` ("day" or "month"), `starts_on` (a date), `used` and `cap` (Decimal USD)."""
