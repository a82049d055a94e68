from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .steps import ordered

if TYPE_CHECKING:
    from django.test import Client

    from django_vton.models import TryOnRequest
    from shop.models import Product

    from ...conftest import PhotoMaker


@pytest.fixture
def row(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> TryOnRequest:
    """A try-on of the guest that was accepted."""
    return ordered(guest, shirt, phone_photo())
