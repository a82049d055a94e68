from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .actions import order_by_form

if TYPE_CHECKING:
    from django.test import Client

    from django_vton.models import TryOnRequest
    from shop.models import Product

    from ...conftest import PhotoMaker


@pytest.fixture
def row(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    """An accepted try-on of the guest."""
    return order_by_form(guest, shirt, phone_photo())
