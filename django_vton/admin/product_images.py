"""The list of product images, with the reason if an image cannot be tried on."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import products
from ..models import ProductImage
from . import display
from .base import ReadOnlyAdmin
from .filters import ProblemFilter


@admin.register(ProductImage)
class ProductImageAdmin(ReadOnlyAdmin):
    """The product images, with the unusable ones first."""

    list_display = ["product_link", "problem_text", "size", "last_used"]
    list_display_links = None
    list_filter = [ProblemFilter]
    search_fields = ["product", "problem"]
    # In descending order, problems come before the empty string, which means that there is no problem.
    ordering = ["-problem", "-used_at"]
    fields = ["product_link", "problem_text", "size", "last_used"]
    show_full_result_count = False

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Add the products' titles, with one query for each registered model."""
        changelist = super().get_changelist_instance(request)
        titles = _titles(changelist.result_list)
        for image in changelist.result_list:
            image.title = titles.get(image.product, "")
        return changelist

    @admin.display(description=gettext_lazy("product"), ordering="product")
    def product_link(self, image: ProductImage) -> SafeString:
        """A link to the first product that used the image."""
        return display.product_link(image.product, getattr(image, "title", ""))

    @admin.display(description=gettext_lazy("can be tried on"), ordering="problem")
    def problem_text(self, image: ProductImage) -> SafeString:
        """Yes, or the problem and how to solve it."""
        if image.problem:
            return format_html('<span class="vton-problem">{}</span>', image.problem)
        return format_html('<span aria-hidden="true">✓</span> {}', _("yes"))

    @admin.display(description=gettext_lazy("size"))
    def size(self, image: ProductImage) -> str:
        """The size in pixels of the image that the vendor gets."""
        return f"{image.width} × {image.height}" if image.width else "-"  # noqa: RUF001 - the sign that people read

    @admin.display(description=gettext_lazy("last used"), ordering="used_at")
    def last_used(self, image: ProductImage) -> SafeString:
        """The time since the last use."""
        return display.age(image.used_at)


def _titles(images: Iterable[ProductImage]) -> dict[str, str]:
    """Return the titles of the existing products of these images, by reference."""
    refs = [image.product.partition(":") for image in images]
    titles = {}
    for model, tryon in products.registered().items():
        pks = [pk for label, _colon, pk in refs if label == model._meta.label_lower]
        for product in model._default_manager.filter(pk__in=pks) if pks else ():
            titles[products.reference(product)] = tryon.get_title(product)
    return titles
