"""The list of products whose image cannot be used, with the reason and what to do."""

from __future__ import annotations

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ..batches.catalogue import find_products, product_title
from ..models import ProductCheck
from . import display
from .base import ReadOnlyAdmin, can_operate, can_spend


@admin.register(ProductCheck)
class ProductCheckAdmin(ReadOnlyAdmin):
    """The products without a usable image, the newest first. The worker removes them once they are usable."""

    list_display = ["product_link", "problem", "reason", "age"]
    list_display_links = None
    list_filter = ["reason"]
    search_fields = ["product", "problem"]
    ordering = ["-checked_at"]
    fields = ["product_link", "problem", "reason", "age"]
    actions = ["check_again"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProductCheck]:
        """Return the checks that found a problem."""
        rows: QuerySet[ProductCheck] = super().get_queryset(request)
        return rows.exclude(problem="")

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Add the products' titles, with one query for each registered model."""
        changelist = super().get_changelist_instance(request)
        found = find_products(check.product for check in changelist.result_list)
        for check in changelist.result_list:
            if check.product in found:
                check.title = product_title(found[check.product])
        return changelist

    def has_check_permission(self, request: HttpRequest) -> bool:
        """Return whether the user gets the action: operators and merchandisers."""
        return can_operate(request) or can_spend(request)

    @admin.action(description=gettext_lazy("Check selected products again"), permissions=["check"])
    def check_again(self, request: HttpRequest, queryset: QuerySet[ProductCheck]) -> None:
        """Have the worker check the products, since a storage or a URL can be slow."""
        count = ProductCheck.objects.filter(pk__in=queryset.order_by().values("pk")).update(checked_at=None)
        text = ngettext(
            "%(n)d product is checked within a minute.",
            "%(n)d products are checked, beginning within a minute.",
            count,
        )
        self.message_user(request, text % {"n": count}, messages.SUCCESS)

    @admin.display(description=gettext_lazy("product"), ordering="product")
    def product_link(self, check: ProductCheck) -> SafeString:
        """The title with a link, or the reference of a product that no longer exists."""
        return display.product_link(check.product, getattr(check, "title", ""))

    @admin.display(description=gettext_lazy("checked"), ordering="checked_at")
    def age(self, check: ProductCheck) -> SafeString | str:
        """The time since the check, or that a new check is due."""
        return display.age(check.checked_at) if check.checked_at else _("again soon")
