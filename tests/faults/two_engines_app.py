"""Gives the example shop's garments a second engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from shop.models import Product


class TwoEnginesConfig(AppConfig):
    name = "tests.faults"
    label = "two_engines"

    def ready(self) -> None:
        from shop.models import Kind
        from shop.tryon import ProductTryOn

        def get_fallback(_tryon: ProductTryOn, product: Product) -> str:
            return "" if product.kind == Kind.EYEWEAR else "second-v1"

        ProductTryOn.get_fallback = get_fallback  # type: ignore[assignment,method-assign]
