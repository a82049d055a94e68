"""The setup page of a draft: house models, options, price and budget, and the button that starts it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from ... import batches
from ...batches import Preview
from ...exceptions import Refused
from ...gateway.engines import engines
from ...models import Batch, PersonPhoto
from ...utils import database
from ...utils.money import format_usd
from ..base import can_spend
from ..budget_status import period_name
from ..house_models import suited_kinds
from .base import BatchPages, confirmed_price
from .forms import BatchSetupForm
from .product_search import product_cards

MAX_LISTED = 20
"""The maximum number of unavailable products that the page lists."""


class SetupViews(BatchPages):
    """The setup page, and the view that discards a draft."""

    def setup_page(self, request: HttpRequest, batch: Batch) -> HttpResponse:
        """Show the setup to all who may view the batch. A POST saves the form or starts the batch."""
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
            "batch/set_up",
            title=_("Re-render the rejected") if batch.has_given_renders else _("Render on models"),
            batch=batch,
            form=form,
            can_spend=can_spend(request),
            house_models=[] if batch.has_given_renders else _house_models(form, preview),
            products=len(batch.products),
            preview=preview,
            budgets=[(period_name(budget), budget.left) for budget in preview.budgets],
            listed=product_cards(preview.unavailable[:MAX_LISTED]),
            unlisted=max(0, len(preview.unavailable) - MAX_LISTED),
        )

    def _start(
        self, request: HttpRequest, batch: Batch, form: BatchSetupForm, preview: Preview
    ) -> HttpResponse:
        """Start the batch. If the selection changed or the price increased, only show the page again."""
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
        if not is_started:
            return self.refuse_outdated(request, batch)
        text = _("Started, for at most %(price)s.") % {"price": format_usd(preview.max_price)}
        self.log_and_notify(request, batch, text)
        return self.redirect("change", batch.pk)

    def discard_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Delete the batch if it is still a draft."""
        batch = self.get_batch(request, pk, can_spend)
        if database.retry(Batch.objects.filter(pk=pk, status=Batch.Status.DRAFT).delete)()[0]:
            messages.success(request, _("The draft was discarded."))
            return self.redirect("changelist")
        return self.refuse_outdated(request, batch)


@database.retry
def _save(batch: Batch, form: BatchSetupForm) -> bool:
    """Save the form in the draft. Return whether this changed what will be rendered."""
    cleaned = form.cleaned_data
    before = set(batch.house_models.active_house_models())
    selected = set(cleaned.get("house_models", before))  # Without the field, they are given.
    with database.atomic():
        drafts = Batch.objects.filter(pk=batch.pk, status=Batch.Status.DRAFT)
        if not drafts.update(name=cleaned["name"], options=cleaned["options"]):
            return False
        if "house_models" in cleaned:
            batch.house_models.set(selected)
    return selected != before or cleaned["options"] != batch.options


def _house_models(form: BatchSetupForm, preview: Preview) -> list[dict[str, Any]]:
    """Return the house models that suit at least one of the products."""
    kinds = {engines()[name].kind for name in preview.engines}
    selected = {str(pk) for pk in form["house_models"].value() or ()}
    return [
        {
            "photo": photo,
            "suits": suited_kinds(photo),
            "labels": ", ".join(photo.labels),
            "is_selected": str(photo.pk) in selected,
        }
        for photo in PersonPhoto.objects.active_house_models()
        if any(photo.suits_kind(kind) for kind in kinds)
    ]
