"""The page to select the products of a draft. Adding the first products creates the draft."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ... import batches
from ...batches.search import ProductSearch
from ...models import Batch
from ...utils import database
from ..base import can_spend
from ..house_models import kind_choices
from .base import BatchPages
from .product_search import checked_refs, model_choices, product_cards

PER_PAGE = 48


class SelectProductsViews(BatchPages):
    """The page to select products, before and after the draft is created."""

    def add_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the page without a draft. Adding products creates the draft."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._products_page(request, None)

    def products_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the page of a draft. If the batch was started, redirect to its progress."""
        batch = self.get_batch(request, pk, can_spend)
        if batch.has_given_renders:
            return self.redirect("change", pk)
        if batch.status != Batch.Status.DRAFT:
            return self.refuse_outdated(request, batch)
        return self._products_page(request, batch)

    def _products_page(self, request: HttpRequest, batch: Batch | None) -> HttpResponse:
        search = ProductSearch.from_query(request.GET)
        if request.method == "POST":
            return self._update_selection(request, batch, search)
        refs = search.refs()
        page = Paginator(refs, PER_PAGE).get_page(request.GET.get("page"))
        selected = set(batch.products) if batch else set()
        query = request.GET.copy()
        query.pop("page", None)
        return self.render_page(
            request,
            "batch/select_products",
            title=_("Select products"),
            batch=batch,
            search=search,
            models=model_choices(),
            kinds=kind_choices(),
            page=page,
            page_numbers=page.paginator.get_elided_page_range(page.number),
            cards=[(card, card.ref in selected) for card in product_cards(list(page.object_list))],
            found=len(refs),
            selected=len(selected),
            query=query.urlencode(),
            form_url=request.get_full_path(),
        )

    def _update_selection(
        self, request: HttpRequest, batch: Batch | None, search: ProductSearch
    ) -> HttpResponse:
        """Add or remove the checked products, or all products that match the search."""
        do = request.POST.get("do", "")
        is_removal = do.startswith("remove")
        refs = search.refs() if do.endswith("_all") else checked_refs(request)
        if not refs:
            messages.warning(request, _("No product was selected."))
            return HttpResponseRedirect(request.get_full_path())
        if batch is None:
            if is_removal:
                return HttpResponseRedirect(request.get_full_path())
            batch = batches.draft([], user=request.user)
        changed = _save_selection(batch, refs, is_removal=is_removal)
        if changed is None:
            return self.refuse_outdated(request, batch)
        if is_removal:
            text = ngettext("%(n)d product was removed.", "%(n)d products were removed.", changed)
        else:
            text = ngettext("%(n)d product was added.", "%(n)d products were added.", changed)
        messages.success(request, text % {"n": changed})
        return HttpResponseRedirect(f"{self.url('products', batch.pk)}?{request.GET.urlencode()}")


@database.retry
def _save_selection(batch: Batch, refs: Collection[str], *, is_removal: bool) -> int | None:
    """Add or remove products, and return how many. Return None if the batch is no longer a draft."""
    with database.atomic():
        row = Batch.objects.select_for_update().filter(pk=batch.pk, status=Batch.Status.DRAFT).first()
        if row is None:
            return None
        before = dict.fromkeys(row.products)
        given = dict.fromkeys(refs)
        after = [ref for ref in before if ref not in given] if is_removal else list(before | given)
        Batch.objects.filter(pk=row.pk).update(products=after)
    return abs(len(after) - len(before))
