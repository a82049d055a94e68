"""Choose products: the selection is a draft from the first tick on, however many thousands it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpResponseRedirect
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ... import batches
from ...batches.catalogue import look_up
from ...models import Batch
from ..base import may_spend
from ..house_models import SUITS
from .base import BatchPages
from .product_search import Search, cards, kinds_of_products

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

PER_PAGE = 48


class ChooseViews(BatchPages):
    """The page of the products, of no draft yet or of one."""

    def get_urls(self) -> list[URLPattern]:
        """Before Django's own, the last of which takes every address."""
        view = self.admin_site.admin_view(self.products_view)
        return [path("<int:pk>/products/", view, name="vton_batch_products"), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page without a draft: the first products that are added make one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self._choose(request, None)

    def products_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The page of a draft; what has begun is chosen for good."""
        batch = self.batch(request, pk, may_spend)
        if batch.status != Batch.Status.DRAFT:
            return self.to("change", pk)
        return self._choose(request, batch)

    def _choose(self, request: HttpRequest, batch: Batch | None) -> HttpResponse:
        search = Search.of(request.GET)
        if request.method == "POST":
            return self._change(request, batch, search)
        refs = search.refs()
        page = Paginator(refs, PER_PAGE).get_page(request.GET.get("page"))
        chosen = set(batch.products) if batch else set()
        query = request.GET.copy()
        query.pop("page", None)
        return self.page(
            request,
            "choose",
            title=_("Choose products"),
            batch=batch,
            search=search,
            models=kinds_of_products(),
            kinds=SUITS,
            page=page,
            pages=page.paginator.get_elided_page_range(page.number),
            cards=[(card, card.ref in chosen) for card in cards(list(page.object_list))],
            found=len(refs),
            chosen=len(chosen),
            query=query.urlencode(),
            address=request.get_full_path(),
        )

    def _change(self, request: HttpRequest, batch: Batch | None, search: Search) -> HttpResponse:
        """Add or remove the ticked ones, or all that match."""
        do = request.POST.get("do", "")
        refs = search.refs() if do.endswith("_all") else _ticked(request)
        if not refs:
            messages.warning(request, _("No product was ticked."))
            return HttpResponseRedirect(request.get_full_path())
        if batch is None:
            if do.startswith("remove"):
                return HttpResponseRedirect(request.get_full_path())
            batch = batches.draft([], user=request.user)
        changed = _select(batch, refs, is_removal=do.startswith("remove"))
        if do.startswith("remove"):
            words = ngettext("%(n)d product was removed.", "%(n)d products were removed.", changed)
        else:
            words = ngettext("%(n)d product was added.", "%(n)d products were added.", changed)
        messages.success(request, words % {"n": changed})
        return HttpResponseRedirect(f"{self.address('products', batch.pk)}?{request.GET.urlencode()}")


def _ticked(request: HttpRequest) -> list[str]:
    """What the shop has of what was sent."""
    refs = request.POST.getlist("product")
    found = look_up(refs)
    return [ref for ref in refs if ref in found]


def _select(batch: Batch, refs: Iterable[str], *, is_removal: bool) -> int:
    """Change a draft's selection, and no batch that has begun meanwhile; how many changed."""
    with transaction.atomic():
        row = Batch.objects.select_for_update().filter(pk=batch.pk, status=Batch.Status.DRAFT).first()
        if row is None:
            return 0
        before = dict.fromkeys(row.products)
        named = dict.fromkeys(refs)
        after = [ref for ref in before if ref not in named] if is_removal else list(before | named)
        Batch.objects.filter(pk=row.pk).update(products=after)
    return abs(len(after) - len(before))
