"""Product pictures: where a merchant finds those that cannot be tried on, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import products
from ..models import ProductImage
from . import display
from .base import ReadOnlyAdmin
from .filters import ProblemFilter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.contrib.admin.views.main import ChangeList
    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(ProductImage)
class ProductPictureAdmin(ReadOnlyAdmin):
    """The pictures as they were prepared for the vendor, those with a problem first."""

    list_display = ["product_link", "verdict", "size", "used"]
    list_display_links = None
    list_filter = [ProblemFilter]
    search_fields = ["product", "problem"]
    # Descending, any words come before none.
    ordering = ["-problem", "-used_at"]
    fields = ["product_link", "verdict", "size", "used"]
    show_full_result_count = False

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """With the products' titles: one query for each registered model."""
        changelist = super().get_changelist_instance(request)
        titles = _titles(changelist.result_list)
        for picture in changelist.result_list:
            picture.title = titles.get(picture.product, "")
        return changelist

    @admin.display(description=gettext_lazy("product"), ordering="product")
    def product_link(self, picture: ProductImage) -> SafeString:
        """The first product that used it."""
        return display.product_link(picture.product, getattr(picture, "title", ""))

    @admin.display(description=gettext_lazy("can be tried on"), ordering="problem")
    def verdict(self, picture: ProductImage) -> SafeString:
        """Why not, in words that tell what to do."""
        if picture.problem:
            return format_html('<span class="vton-problem">{}</span>', picture.problem)
        return format_html('<span aria-hidden="true">✓</span> {}', _("yes"))

    @admin.display(description=gettext_lazy("size"))
    def size(self, picture: ProductImage) -> str:
        """In pixels, as it is sent."""
        return f"{picture.width} × {picture.height}" if picture.width else "-"  # noqa: RUF001 - as people read

    @admin.display(description=gettext_lazy("last used"), ordering="used_at")
    def used(self, picture: ProductImage) -> SafeString:
        """How long ago."""
        return display.age(picture.used_at)


def _titles(pictures: Iterable[ProductImage]) -> dict[str, str]:
    """What the shop calls the products of these pictures, by reference; the deleted ones are missing."""
    refs = [picture.product.partition(":") for picture in pictures]
    titles = {}
    for model, tryon in products.registered().items():
        pks = [pk for label, _colon, pk in refs if label == model._meta.label_lower]
        for product in model._default_manager.filter(pk__in=pks) if pks else ():
            titles[products.reference(product)] = tryon.get_title(product)
    return titles
