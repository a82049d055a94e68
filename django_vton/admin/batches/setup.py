"""The setup page of a draft: house models, options, price and budget, and the button that starts it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ... import batches
from ...batches import Preview
from ...exceptions import Refused
from ...gateway.engines import engines
from ...models import Batch, PersonPhoto
from ...utils.money import format_usd
from .. import display
from ..base import can_spend
from ..budget_status import period_name
from ..house_models import suited_kinds
from .base import BatchPages, confirmed_price
from .forms import BatchSetupForm
from .product_search import product_cards

MAX_LISTED = 20
"""How many products that cannot be tried on are listed with their reasons."""


class SetupViews(BatchPages):
    """The page of a draft."""

    def get_urls(self) -> list[URLPattern]:
        """Add ours first, since Django's last pattern matches every URL."""
        view = self.admin_site.admin_view(require_POST(self.discard_view))
        return [path("<int:pk>/discard/", view, name="vton_batch_discard"), *super().get_urls()]

    def setup_page(self, request: HttpRequest, batch: Batch) -> HttpResponse:
        """Show the setup, also to staff who may only view. A POST saves the form, or starts the batch."""
        if request.method == "POST" and not can_spend(request):
            raise PermissionDenied
        preview = batches.preview(batch)
        form = BatchSetupForm(request.POST if request.method == "POST" else None, batch, preview.engines)
        if form.is_bound and form.is_valid():
            if request.POST.get("do") == "start":
                return self._start(request, batch, form, preview)
            _save(batch, form)
            return self.redirect("change", batch.pk)
        return self.render_page(
            request,
            "set_up",
            title=_("Render on models"),
            batch=batch,
            form=form,
            can_spend=can_spend(request),
            house_models=_house_models(form, preview),
            products=len(batch.products),
            preview=_preview_context(preview),
        )

    def _start(
        self, request: HttpRequest, batch: Batch, form: BatchSetupForm, preview: Preview
    ) -> HttpResponse:
        """Start what the user saw. Show the page again if the selection changed or the price increased."""
        if _save(batch, form) or preview.max_price > confirmed_price(request):
            messages.warning(
                request, _("The selection or the price has changed. Please check again, then start.")
            )
            return self.redirect("change", batch.pk)
        try:
            is_started = batches.confirm(batch)
        except Refused as refusal:
            messages.error(request, str(refusal.detail))
            return self.redirect("change", batch.pk)
        if is_started:
            text = _("Started, for at most %(price)s.") % {"price": format_usd(preview.max_price)}
            self.log_change(request, batch, text)
            messages.success(request, text)
        return self.redirect("change", batch.pk)

    def discard_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Delete a draft; a batch that was started stays."""
        self.get_batch(request, pk, can_spend)
        if Batch.objects.filter(pk=pk, status=Batch.Status.DRAFT).delete()[0]:
            messages.success(request, _("The draft was discarded."))
            return self.redirect("changelist")
        return self.redirect("change", pk)


def _save(batch: Batch, form: BatchSetupForm) -> bool:
    """Save the form in the draft. Return whether that changed what will be rendered."""
    cleaned = form.cleaned_data
    selected = {photo.pk for photo in cleaned["house_models"]}
    before = set(batch.house_models.active_house_models().values_list("pk", flat=True))
    with transaction.atomic():
        drafts = Batch.objects.filter(pk=batch.pk, status=Batch.Status.DRAFT)
        if not drafts.update(name=cleaned["name"], options=cleaned["options"]):
            return False
        batch.house_models.set(cleaned["house_models"])
    return selected != before or cleaned["options"] != batch.options


def _house_models(form: BatchSetupForm, preview: Preview) -> list[dict[str, Any]]:
    """Return the house models that suit at least one of the products."""
    kinds = {engines()[name].kind for name in preview.engines}
    selected = {str(pk) for pk in form["house_models"].value() or ()}
    return [
        {
            "photo": photo,
            "url": display.photo_url(photo),
            "suits": suited_kinds(photo),
            "labels": ", ".join(photo.labels),
            "is_selected": str(photo.pk) in selected,
        }
        for photo in PersonPhoto.objects.active_house_models()
        if any(photo.suits_kind(kind) for kind in kinds)
    ]


def _preview_context(preview: Preview) -> dict[str, Any]:
    left = preview.budget_left
    return {
        "renders": preview.renders,
        "existing": preview.existing,
        "price": format_usd(preview.price),
        "max_price": format_usd(preview.max_price),
        "max_price_micros": str(preview.max_price),
        "is_lower": preview.price < preview.max_price,
        "budget_left": None if left is None else format_usd(left),
        "fits_budget": preview.fits_budget,
        "budgets": [
            {
                "name": period_name(budget),
                "left": _("no cap") if budget.left is None else format_usd(budget.left),
            }
            for budget in preview.budgets
        ],
        "unavailable": len(preview.unavailable),
        "listed": product_cards(preview.unavailable[:MAX_LISTED]),
        "unlisted": max(0, len(preview.unavailable) - MAX_LISTED),
    }
