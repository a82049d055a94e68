"""How Oscar's products are tried on. Subclass `OscarTryOn` and register it to change that for a shop."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from django_vton.products import TryOn, register


@register("catalogue.Product", default=True)
class OscarTryOn(TryOn):
    """A public product with an image. A child is tried on with its own image or its parent's.

    Category pages link to parents only, so a parent has a button as well, and its basket form chooses the
    child. History and conversions match by the parent.
    """

    def get_queryset(self) -> QuerySet[Any]:
        """Return public products of all structures, with their parents."""
        products: QuerySet[Any] = self.model._default_manager.filter(is_public=True)
        return products.select_related("parent")

    def get_main(self, product: Any) -> Any:
        """Return the parent of a child, or the product itself."""
        return product.parent or product

    def is_enabled(self, product: Any) -> bool:
        """Return whether the product and its parent are public."""
        return bool(product.is_public and self.get_main(product).is_public)

    def get_image(self, product: Any) -> Any:
        """Return the primary image; for a parent without images, that of its first child with images."""
        candidates = [product, *product.get_public_children()] if product.is_parent else [product]
        # For a product without images, `primary_image` returns a dict.
        images = (getattr(candidate.primary_image(), "original", None) for candidate in candidates)
        return next(filter(None, images), None)

    def get_title(self, product: Any) -> str:
        """Return the title, or the parent's for a child without a title."""
        return str(product.get_title())
