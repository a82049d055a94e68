"""The only way in: for the API, the plain form, a command or a batch.

Whoever asks is refused before anything is spent, or accepted in one transaction: consent, quota, cache, money
and row together, and the bell rings after the commit. `request_tryon` is the shoppers' door, `request_render`
the merchant's, whose renders belong to nobody.
"""

from .merchants import Prepared, own_photo, prepare_render, request_render
from .rows import Accepted, fill_photo
from .shoppers import TryOnOrder, request_tryon

__all__ = [
    "Accepted",
    "Prepared",
    "TryOnOrder",
    "fill_photo",
    "own_photo",
    "prepare_render",
    "request_render",
    "request_tryon",
]
