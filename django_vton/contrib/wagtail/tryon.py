"""Base classes for a `TryOn` of Wagtail pages, and of items of a page. Subclass and register one of them."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from django_vton.products import TryOn


class PageTryOn(TryOn):
    """A page that is a product: live pages that anyone may view, with an image of Wagtail's library."""

    image_field = "image"
    """The name of the foreign key to Wagtail's image model."""

    def get_queryset(self) -> QuerySet[Any]:
        """Return live pages without view restrictions."""
        pages: QuerySet[Any] = self.model._default_manager.live().public()
        return pages.select_related(self.image_field)

    def is_enabled(self, product: Any) -> bool:
        """Return whether the page is published."""
        return bool(product.live)

    def get_image(self, product: Any) -> Any:
        """Return the original file, because a rendition can be cropped or too small."""
        image = getattr(product, self.image_field)
        return image and image.file

    def get_url(self, product: Any) -> str:
        """Return the page's URL, or "" if the page belongs to no site."""
        return product.url or ""


class PageItemTryOn(PageTryOn):
    """An item of a page that is a product: an `Orderable` with a `ParentalKey` to its page."""

    page_field = "page"
    """The name of the key to the page."""

    def get_queryset(self) -> QuerySet[Any]:
        """Return the items of live pages without view restrictions."""
        page_model: Any = self.model._meta.get_field(self.page_field).related_model
        pages = page_model._default_manager.live().public()
        items: QuerySet[Any] = self.model._default_manager.filter(**{f"{self.page_field}__in": pages})
        return items.select_related(self.page_field, self.image_field)

    def is_enabled(self, product: Any) -> bool:
        """Return whether the item's page is published."""
        return super().is_enabled(getattr(product, self.page_field))

    def get_url(self, product: Any) -> str:
        """Return the URL of the item's page."""
        return super().get_url(getattr(product, self.page_field))
