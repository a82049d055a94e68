"""On a product's page in the shop's admin: one render on a house model, to see how it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseRedirect
from django.urls import NoReverseMatch, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from .. import batches, products
from ..batches.catalogue import terms, title
from ..exceptions import ProductNotRegistered, Refused
from ..models import Batch, PersonPhoto, TryOnRequest
from ..utils.money import usd
from .base import Admin, may_spend

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

ACTION = "render_on_models"


class RenderAdmin(Admin):
    """The action "Render on models…" and the button "Test this product", for those who may spend."""

    change_form_template = "admin/vton/product_change_form.html"

    def get_urls(self) -> list[URLPattern]:
        """Before Django's own, the last of which takes every address."""
        view = self.admin_site.admin_view(require_POST(self.try_on_test_view))
        return [path("<path:object_id>/try-on-test/", view, name=self._test_name), *super().get_urls()]

    @property
    def _test_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_vton_test"

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> Any:
        """The shop's own, whatever it lists, and ours: for many, so not on one product's page.

        `action_location` is Django 6.1's, which has actions there as well.
        """
        where = {} if action_location is None else {"action_location": action_location}
        actions = super().get_actions(request, **where)
        is_list = action_location is None or action_location.name == "CHANGE_LIST"
        is_offered = self.actions is not None and "_popup" not in request.GET and may_spend(request)
        if is_list and is_offered and self._batches("changelist"):
            actions[ACTION] = self.get_action(ACTION, **where)
        return actions

    @admin.action(description=gettext_lazy("Render on models…"))
    def render_on_models(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """All that are selected become a draft, also where they are thousands."""
        if not may_spend(request):
            raise PermissionDenied
        refs = [products.reference(product) for product in queryset.iterator(chunk_size=500)]
        batch = batches.draft(refs, user=request.user)
        return HttpResponseRedirect(self._batches("change", batch.pk))

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        """With the button, where this product can be tested."""
        if change and obj is not None and may_spend(request) and self._batches("changelist"):
            context["vton_test"] = self._test(obj)
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _test(self, product: Any) -> dict[str, Any] | None:
        described = _described(product)
        offer = terms(described, {}) if described else None
        if described is None or offer is None:
            return None
        newest = TryOnRequest.objects.filter(shared_key__isnull=False, product=described.ref)
        name = f"{self.admin_site.name}:{self._test_name}"
        return {
            "address": reverse(name, args=[product.pk]),
            "price": usd(offer.price),
            "house_models": [it for it in PersonPhoto.objects.house() if it.suits_kind(offer.kind)],
            "newest": newest.prefetch_related("images").order_by("-created_at").first(),
        }

    def try_on_test_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A batch of one, to be watched like any other. A render that is there already costs nothing."""
        product = self.get_object(request, object_id)
        if not may_spend(request) or not self.has_view_permission(request, product):
            raise PermissionDenied
        described = _described(product)
        if described is None:
            raise Http404
        photos = PersonPhoto.objects.house()
        chosen = [it for it in photos if str(it.pk) == request.POST.get("house_model")]
        name = _("Test: %(product)s") % {"product": title(described)}
        try:
            batch: Batch = batches.start([described.ref], chosen, name=name[:200], user=request.user)
        except Refused as refusal:
            messages.error(request, str(refusal.detail))
            address = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
            return HttpResponseRedirect(reverse(address, args=[object_id]))
        return HttpResponseRedirect(self._batches("change", batch.pk))

    def _batches(self, name: str, *args: Any) -> str:
        """A page of the batches, in this admin or in Django's own; "" where neither has them."""
        sites = (self.admin_site, admin.site)
        site = next((site for site in sites if site.is_registered(Batch)), None)
        try:
            return reverse(f"{site.name}:vton_batch_{name}", args=args) if site else ""
        except NoReverseMatch:
            return ""


def _described(product: Any) -> products.Described | None:
    """None where nobody registered it."""
    if product is None:
        return None
    try:
        return products.Described(products.tryon_for(type(product)), product)
    except ProductNotRegistered:
        return None
