"""Accept try-on requests from the API, the HTML form, a command, a batch or Python code.

A request is either refused before anything is spent, or accepted in one transaction, which stores its
consent, quota, money and row. A worker is woken after the commit. `request_tryon` is for shoppers,
`request_render` for the merchant.
"""

from .merchants import PreparedRender, prepare_render, request_render, store_merchant_photo
from .rows import AcceptedRequest, save_photo_files
from .shoppers import TryOnOrder, request_tryon

__all__ = [
    "AcceptedRequest",
    "PreparedRender",
    "TryOnOrder",
    "prepare_render",
    "request_render",
    "request_tryon",
    "save_photo_files",
    "store_merchant_photo",
]
