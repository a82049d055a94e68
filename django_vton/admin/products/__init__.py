"""The products page: which products can be tried on, and what their try-ons and renders cost and achieve."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ... import batches
from ...batches.review import IS_PUBLISHED, OUTDATED
from ...intake import product_checks
from ...models import BatchRender, ProductCheck
from ..base import ReadOnlyAdmin, can_operate, can_publish, can_spend
from ..batches.product_search import checked_refs, model_choices
from ..outdated import unpublish_renders
from .listing import STATUSES, ProductListing, columns, product_rows

PER_PAGE = 50


def can_check(request: HttpRequest) -> bool:
    """Return whether the user may have products checked again."""
    return can_operate(request) or can_spend(request)


ACTIONS: dict[str, tuple[Any, Callable[[HttpRequest], bool]]] = {
    "render": (gettext_lazy("Render on models…"), can_spend),
    "remove_outdated": (gettext_lazy("Remove outdated renders from the shop…"), can_publish),
    "remove": (gettext_lazy("Remove all renders from the shop…"), can_publish),
    "check": (gettext_lazy("Check the pictures again"), can_check),
}
"""The labels of the actions, and who may use them."""

QUESTIONS = {
    "remove_outdated": gettext_lazy("Remove the outdated renders of these products from the shop?"),
    "remove": gettext_lazy("Remove all renders of these products from the shop?"),
}


@admin.register(ProductCheck)
class ProductsAdmin(ReadOnlyAdmin):
    """The page of all registered products. Viewing needs `view_productcheck`."""

    class Media:
        css = {"all": ["vton/batches.css"]}

    def get_urls(self) -> list[URLPattern]:
        """Return the URL of the only page. The products are the shop's and have their own pages."""
        view = self.admin_site.admin_view(self.products_view)
        return [path("", view, name="vton_productcheck_changelist")]

    def products_view(self, request: HttpRequest) -> HttpResponse:
        """Show the page. A POST applies an action to the checked products, or to all products found."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        listing = ProductListing.from_query(request.GET.dict())
        if request.method == "POST":
            return self._apply(request, listing)
        refs = listing.refs()
        page = Paginator(refs, PER_PAGE).get_page(request.GET.get("page"))
        query = request.GET.copy()
        query.pop("page", None)
        return self.render_page(
            request,
            "products/list",
            title=_("Products"),
            listing=listing,
            models=model_choices(),
            statuses=STATUSES,
            reasons=ProductCheck.Reason.choices,
            actions=[(name, label) for name, (label, is_allowed) in ACTIONS.items() if is_allowed(request)],
            columns=columns(listing, request.GET.dict()),
            rows=product_rows(list(page.object_list)),
            found=len(refs),
            page=page,
            page_numbers=page.paginator.get_elided_page_range(page.number),
            query=query.urlencode(),
            form_url=request.get_full_path(),
        )

    def _apply(self, request: HttpRequest, listing: ProductListing) -> HttpResponse:
        name = request.POST.get("action", "")
        if name not in ACTIONS:
            return self._redirect(request, _("No action was selected."))
        if not ACTIONS[name][1](request):
            raise PermissionDenied
        refs = listing.refs() if request.POST.get("all") == "on" else checked_refs(request)
        if not refs:
            return self._redirect(request, _("No product was selected."))
        if name == "render":
            batch = batches.draft(refs, user=request.user)
            url = reverse("admin:vton_batch_change", args=[batch.pk], current_app=self.admin_site.name)
            return HttpResponseRedirect(url)
        if name == "check":
            product_checks.mark_references(refs)
            text = ngettext(
                "%(n)d product is checked within a minute.",
                "%(n)d products are checked, beginning within a minute.",
                len(refs),
            )
            messages.success(request, text % {"n": len(refs)})
            return HttpResponseRedirect(request.get_full_path())
        return self._remove(request, name, refs)

    def _remove(self, request: HttpRequest, name: str, refs: list[str]) -> HttpResponse:
        """Unpublish the products' renders after a confirmation, for a few seconds in each request."""
        if "confirmed" in request.POST:
            selected = set(refs)
            rows = BatchRender.objects.filter(
                IS_PUBLISHED, *([OUTDATED] if name == "remove_outdated" else [])
            )
            found = [pk for pk, product in rows.values_list("pk", "product") if product in selected]
            unpublish_renders(self, request, found)
            return HttpResponseRedirect(request.get_full_path())
        return self.render_page(
            request,
            "products/confirm",
            title=QUESTIONS[name],
            action=name,
            number=len(refs),
            is_all=request.POST.get("all") == "on",
            refs=refs,
            form_url=request.get_full_path(),
        )

    def _redirect(self, request: HttpRequest, text: str) -> HttpResponse:
        messages.warning(request, text)
        return HttpResponseRedirect(request.get_full_path())
