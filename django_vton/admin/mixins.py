"""The mixin for the shop's own product admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from .. import batches, products
from ..batches.catalogue import product_title, quote
from ..batches.review import OUTDATED
from ..exceptions import ProductNotRegistered, Refused
from ..intake import product_images
from ..models import Batch, BatchRender, PersonPhoto, TryOnRequest
from ..utils import database
from ..utils.money import format_usd
from ..utils.robust import robust
from .base import Admin, can_spend
from .conflicts import answer_conflicts

ACTION = "render_on_models"


class TryOnAdminMixin(Admin):
    """Put this mixin before `ModelAdmin` in the admin of a registered product model.

    After each save, the product's image is prepared for the vendor. If the product cannot be tried on, staff
    see a warning with the reason. Products that are not enabled or have no image are ignored. The product's
    page says how many of its renders are outdated.

    Staff with the permission `vton.spend` get the action "Render on models…" in the list and the button "Test
    this product" with its price on the product's page. If the shop's admin sets its own
    `change_form_template`, that template must extend "admin/vton/product_change_form.html" to keep the
    button.
    """

    change_form_template = "admin/vton/product_change_form.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the test view before Django's URLs, since their last pattern matches every URL."""
        view = answer_conflicts(self, self.admin_site.admin_view(require_POST(self.try_on_test_view)))
        return [path("<path:object_id>/try-on-test/", view, name=self._test_url_name), *super().get_urls()]

    @property
    def _test_url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_vton_test"

    def save_related(self, request: HttpRequest, form: ModelForm[Any], formsets: Any, change: bool) -> None:
        """Check the image after the commit, so that a failing check does not undo the save."""
        super().save_related(request, form, formsets, change)
        database.on_commit(
            lambda: _warn_about_image(request, form.instance), using=form.instance._state.db, robust=True
        )

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> Any:
        """Add the action to the list, even if the shop's admin sets its own `actions`.

        Django 6.1 passes `action_location`, since it also offers actions on the page of one object.
        """
        location = {} if action_location is None else {"action_location": action_location}
        actions = super().get_actions(request, **location)
        is_list = action_location is None or action_location.name == "CHANGE_LIST"
        is_offered = self.actions is not None and "_popup" not in request.GET and can_spend(request)
        if is_list and is_offered and self._batch_url("changelist"):
            actions[ACTION] = self.get_action(ACTION, **location)
        return actions

    @admin.action(description=gettext_lazy("Render on models…"))
    def render_on_models(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Create a draft batch of the selected products. There can be thousands."""
        if not can_spend(request):
            raise PermissionDenied
        refs = [products.reference(product) for product in queryset.iterator(chunk_size=500)]
        batch = batches.draft(refs, user=request.user)
        return HttpResponseRedirect(self._batch_url("change", batch.pk))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the number of outdated renders, and the test button if the product can be tried on."""
        with robust("The page of a product in the shop's admin has no try-on."):
            context |= self._tryon_context(request, context["original"])
        return super().render_change_form(request, context, *args, **kwargs)

    def _tryon_context(self, request: HttpRequest, product: Any) -> dict[str, Any]:
        context: dict[str, Any] = {}
        described = _describe(product)
        url = self._our_url(TryOnRequest, "changelist")
        if described is not None and url and request.user.has_perm("vton.view_tryonrequest"):
            outdated = BatchRender.objects.filter(OUTDATED, product=described.ref)
            query = urlencode({"product": described.ref, "picture": "outdated"})
            context["vton_outdated"] = {"count": outdated.count(), "url": f"{url}?{query}"}
        if product is not None and can_spend(request) and self._batch_url("changelist"):
            context["vton_test"] = self._test_context(product)
        return context

    def _test_context(self, product: Any) -> dict[str, Any] | None:
        described = _describe(product)
        quoted = quote(described, {}) if described else None
        if described is None or quoted is None:
            return None
        renders = TryOnRequest.objects.filter(shared_key__isnull=False, product=described.ref)
        house_models = PersonPhoto.objects.active_house_models()
        return {
            "url": reverse(f"{self.admin_site.name}:{self._test_url_name}", args=[product.pk]),
            "price": format_usd(quoted.price),
            "house_models": [photo for photo in house_models if photo.suits_kind(quoted.kind)],
            "latest": renders.prefetch_related("images").order_by("-created_at").first(),
        }

    def try_on_test_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Start a batch of one render, which costs nothing if the render exists already."""
        product = self.get_object(request, object_id)
        if not can_spend(request) or not self.has_view_permission(request, product):
            raise PermissionDenied
        described = _describe(product)
        if described is None:
            messages.warning(request, _("This product does not exist any more, or cannot be tried on."))
            name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_changelist"
            return HttpResponseRedirect(reverse(name))
        photos = PersonPhoto.objects.active_house_models()
        selected = [photo for photo in photos if str(photo.pk) == request.POST.get("house_model")]
        name = _("Test: %(product)s") % {"product": product_title(described)}
        try:
            batch: Batch = batches.start(
                [described.ref], selected, name=name[:200], user=request.user, notify=False
            )
        except Refused as refusal:
            messages.error(request, str(refusal.detail))
            url_name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
            return HttpResponseRedirect(reverse(url_name, args=[object_id]))
        return HttpResponseRedirect(self._batch_url("change", batch.pk))

    def _batch_url(self, name: str, *args: Any) -> str:
        return self._our_url(Batch, name, *args)

    def _our_url(self, model: type[Model], name: str, *args: Any) -> str:
        """Return the URL of the model's page on this or the default admin site, or "" if neither has one."""
        sites = (self.admin_site, admin.site)
        site = next((site for site in sites if site.is_registered(model)), None)
        try:
            return reverse(f"{site.name}:vton_{model._meta.model_name}_{name}", args=args) if site else ""
        except NoReverseMatch:
            return ""


def _warn_about_image(request: HttpRequest, product: Any) -> None:
    described = products.describe(product)
    if described is not None and (problem := product_images.describe_problem(described)):
        text = _("“%(product)s” is saved, but cannot be tried on: %(problem)s")
        messages.warning(request, text % {"product": described.title, "problem": problem})


def _describe(product: Any) -> products.DescribedProduct | None:
    """Return the described product, or None if there is no product or its model is not registered."""
    if product is None:
        return None
    try:
        return products.DescribedProduct(products.tryon_for(type(product)), product)
    except ProductNotRegistered:
        return None
