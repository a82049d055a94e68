"""Set up a draft: house models and options, what it costs, what is there, what the budget has; then begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from ... import batches
from ...exceptions import Refused
from ...gateway.engines import engines
from ...models import Batch, BudgetPeriod, PersonPhoto
from ...utils.money import usd
from .. import display
from ..base import may_spend
from ..house_models import SUITS
from .base import BatchPages, seen_price
from .forms import SetUpForm
from .product_search import cards

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from ...batches import Preview
    from ...billing.budget_status import BudgetStatus

FEW = 20
"""So many products that cannot be tried on are told with their reasons."""


class SetUpViews(BatchPages):
    """The page of a draft."""

    def get_urls(self) -> list[URLPattern]:
        """Before Django's own, the last of which takes every address."""
        view = self.admin_site.admin_view(require_POST(self.discard_view))
        return [path("<int:pk>/discard/", view, name="vton_batch_discard"), *super().get_urls()]

    def set_up(self, request: HttpRequest, batch: Batch) -> HttpResponse:
        """A viewer sees it as well; a POST stores the choice, or begins where nothing was changed by it."""
        if request.method == "POST" and not may_spend(request):
            raise PermissionDenied
        offer = batches.preview(batch)
        form = SetUpForm(request.POST if request.method == "POST" else None, batch, offer.engines)
        if form.is_bound and form.is_valid():
            if request.POST.get("do") == "start":
                return self._start(request, batch, form, offer)
            _store(batch, form)
            return self.to("change", batch.pk)
        return self.page(
            request,
            "set_up",
            title=_("Render on models"),
            batch=batch,
            form=form,
            may_spend=may_spend(request),
            house_models=_house_models(form, offer),
            products=len(batch.products),
            offer=_offer(offer),
        )

    def _start(self, request: HttpRequest, batch: Batch, form: SetUpForm, offer: Preview) -> HttpResponse:
        """Only what was seen is begun: at another choice, or a higher price, the page asks once more."""
        if _store(batch, form) or offer.price_at_most > seen_price(request):
            messages.warning(
                request, _("The choice or the price has changed. Please look again, then start.")
            )
            return self.to("change", batch.pk)
        try:
            begun = batches.confirm(batch)
        except Refused as refusal:
            messages.error(request, str(refusal.detail))
            return self.to("change", batch.pk)
        if begun:
            words = _("Started, for at most %(price)s.") % {"price": usd(offer.price_at_most)}
            self.log_change(request, batch, words)
            messages.success(request, words)
        return self.to("change", batch.pk)

    def discard_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Throw a draft away; what has begun stays."""
        self.batch(request, pk, may_spend)
        if Batch.objects.filter(pk=pk, status=Batch.Status.DRAFT).delete()[0]:
            messages.success(request, _("The draft was discarded."))
            return self.to("changelist")
        return self.to("change", pk)


def _store(batch: Batch, form: SetUpForm) -> bool:
    """Keep the choice in the draft; whether that changed what will be rendered."""
    cleaned = form.cleaned_data
    chosen = {photo.pk for photo in cleaned["house_models"]}
    before = set(batch.house_models.house().values_list("pk", flat=True))
    with transaction.atomic():
        mine = Batch.objects.filter(pk=batch.pk, status=Batch.Status.DRAFT)
        if not mine.update(name=cleaned["name"], options=cleaned["options"]):
            return False
        batch.house_models.set(cleaned["house_models"])
    return chosen != before or cleaned["options"] != batch.options


def _house_models(form: SetUpForm, offer: Preview) -> list[dict[str, Any]]:
    """Those that suit one of the products."""
    kinds = {engines()[name].kind for name in offer.engines}
    chosen = {str(pk) for pk in form["house_models"].value() or ()}
    return [
        {
            "photo": photo,
            "url": display.photo_url(photo),
            "suits": ", ".join(str(words) for kind, words in SUITS if photo.suits_kind(kind)),
            "labels": ", ".join(photo.labels),
            "is_chosen": str(photo.pk) in chosen,
        }
        for photo in PersonPhoto.objects.house()
        if any(photo.suits_kind(kind) for kind in kinds)
    ]


def _offer(offer: Preview) -> dict[str, Any]:
    return {
        "renders": offer.renders,
        "present": offer.present,
        "price": usd(offer.price),
        "at_most": usd(offer.price_at_most),
        "at_most_micros": str(offer.price_at_most),
        "is_lower": offer.price < offer.price_at_most,
        "left": None if offer.left is None else usd(offer.left),
        "fits": offer.fits,
        "budgets": [_budget(budget) for budget in offer.budgets],
        "impossible": len(offer.impossible),
        "reasons": cards(offer.impossible[:FEW]),
        "more": max(0, len(offer.impossible) - FEW),
    }


def _budget(budget: BudgetStatus) -> dict[str, str]:
    is_day = budget.kind == BudgetPeriod.Kind.DAY
    return {
        "name": _("Today") if is_day else _("This month"),
        "left": _("no cap") if budget.left is None else usd(budget.left),
    }
