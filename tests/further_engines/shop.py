"""Shops whose garments are rendered with one further engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_vton import products
from django_vton.products import TryOn, register
from shop.models import Product

if TYPE_CHECKING:
    import pytest
    from django.core.files import File


def sell_with(monkeypatch: pytest.MonkeyPatch, name: str, **options: Any) -> None:
    """Let all products be tried on with this engine and these options, until the test ends."""
    monkeypatch.setattr(products, "_registry", {})

    @register(Product)
    class GarmentTryOn(TryOn):
        engine = name

        def get_image(self, product: Product) -> File[bytes]:
            return product.photo

        def get_options(self, product: Product) -> dict[str, Any]:
            return options
