"""Order a render from Python code, as `manage.py vton_render` does from a shell."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from django.db.models import Model

from .gateway.engines import engines
from .intake import availability, prepare_render, request_render, store_merchant_photo
from .models import PersonPhoto, TryOnRequest
from .products import reference, tryon_for

Photo = PersonPhoto | BinaryIO | bytes | str | os.PathLike[str]
"""A stored photo or house model, an open file, the file's bytes, or its path."""


def render(product: Model | str, photo: Photo, **options: Any) -> TryOnRequest:
    """Order a render of a product on a photo, and return its `TryOnRequest` without waiting for the result.

    `product` is a saved instance of a registered model, or a reference such as "shop.product:42". The product
    must be in its `TryOn.get_queryset()`. `photo` is a `PersonPhoto` or `HouseModel`, an open binary file,
    bytes or a path. A new photo is stored like a shopper's photo, and deleted after `PHOTO_RETENTION`.
    `options` are options of the product's engine, such as `num_samples=2`. They override
    `TryOn.get_options()`.

    The render costs money. It counts towards the budget, but not towards a shopper's quota. If an equal
    render is running or completed, that render is returned and nothing is paid. A worker is woken after the
    commit of the surrounding transaction, if there is one. Receive the result through the signals
    `tryon_completed` and `tryon_failed`, or call `request.refresh_from_db()` repeatedly. Once `request.state`
    is "completed", `request.shown_images` contains the images.

    Raise one of these exceptions before anything is spent:

    - `ProductNotRegistered` for an instance of a model without a `TryOn`
    - `Refused` with a `code`: `product_unknown`, `product_not_enabled` (or try-on is switched off),
      `options_invalid`, `photo_gone` (a deleted or inactive house model, an expired photo), `photo_refused`
      (the house model does not suit the product), `paused`, `not_configured`, `unavailable` (the storage
      fails)
    - `BudgetExhausted`, a `Refused`, if the budget does not cover the price
    - `django_vton.images.ImageRefused` for a photo that cannot be used
    - `OSError` for a path that cannot be read
    """
    availability.require_enabled()
    if not isinstance(product, str):
        tryon_for(type(product))
        product = reference(product)
    if not isinstance(photo, PersonPhoto):
        photo = _store(photo)
    by_engine = dict.fromkeys(engines(), options)
    return request_render(prepare_render(product, photo, by_engine)).request


def _store(photo: BinaryIO | bytes | str | os.PathLike[str]) -> PersonPhoto:
    if isinstance(photo, str | os.PathLike):
        with Path(photo).open("rb") as file:
            return store_merchant_photo(file)
    return store_merchant_photo(BytesIO(photo) if isinstance(photo, bytes) else photo)
