"""The admins of the pause switch, the budget periods and the state of each engine."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import queue
from ..gateway.circuit_breaker import BREAKER_REASONS
from ..intake import availability
from ..models import BudgetPeriod, GatewayState, PauseSwitch
from ..utils.money import format_usd
from ..web import button_visibility
from . import display
from .base import ReadOnlyAdmin, can_operate
from .budget_status import PERIOD_FORMATS

AVAILABILITY_TEXTS = {
    None: gettext_lazy("Shoppers can try on."),
    "product_not_enabled": gettext_lazy("No: VTON['ENABLED'] is off in the settings."),
    "not_configured": gettext_lazy("No: the API key or the public URL is missing or wrong in the settings."),
    "paused": gettext_lazy("No: it is paused here."),
    "budget_exhausted": gettext_lazy("No: the budget of today or of this month is used up."),
    "unavailable": gettext_lazy("No: no worker was seen for five minutes. Is %(process)s running?"),
}
"""A sentence for each code that `availability.refusal_code` returns."""


def availability_text(refusal: str | None) -> str:
    """Return the sentence for a refusal code. None means that try-on is available."""
    return str(AVAILABILITY_TEXTS.get(refusal, refusal)) % {"process": queue.describe_queue()[1]}


@admin.register(PauseSwitch)
class PauseSwitchAdmin(ReadOnlyAdmin):
    """The admin of the only pause switch. The list and the add page redirect to its page."""

    fields = ["availability", "is_paused", "last_change"]
    readonly_fields = ["availability", "last_change"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user is an operator."""
        return can_operate(request)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Create the row if it is missing, and redirect to its page."""
        PauseSwitch.objects.get_or_create(pk=1)
        return HttpResponseRedirect(reverse("admin:vton_pauseswitch_change", args=[1]))

    add_view = changelist_view

    def save_model(self, request: HttpRequest, obj: PauseSwitch, form: ModelForm[Any], change: bool) -> None:
        """Store the user, and clear the cache of the shop's buttons."""
        obj.changed_by_id = request.user.pk
        super().save_model(request, obj, form, change)
        transaction.on_commit(button_visibility.clear_cache)

    @admin.display(description=gettext_lazy("available now"))
    def availability(self, switch: PauseSwitch) -> str:
        """Whether shoppers can try on and, if not, the reason."""
        return availability_text(availability.refusal_code())

    @admin.display(description=gettext_lazy("last change"))
    def last_change(self, switch: PauseSwitch) -> SafeString:
        """The time since the last change, and the user who made it."""
        if switch.changed_by is None:
            return display.age(switch.changed_at)
        return format_html("{}, {}", display.age(switch.changed_at), switch.changed_by)


@admin.register(BudgetPeriod)
class BudgetPeriodAdmin(ReadOnlyAdmin):
    """The reserved and the spent amount of each day and each month."""

    list_display = ["period", "kind", "held_usd", "spent_usd"]
    list_display_links = None
    list_filter = ["kind"]
    ordering = ["-starts_on", "kind"]
    fields = ["period", "kind", "held_usd", "spent_usd"]

    @admin.display(description=gettext_lazy("period"), ordering="starts_on")
    def period(self, period: BudgetPeriod) -> str:
        """The day, or the month and year."""
        return date_format(period.starts_on, PERIOD_FORMATS[BudgetPeriod.Kind(period.kind)])

    @admin.display(description=gettext_lazy("reserved for running renders"), ordering="held")
    def held_usd(self, period: BudgetPeriod) -> str:
        """The reserved amount in USD."""
        return format_usd(period.held)

    @admin.display(description=gettext_lazy("spent"), ordering="spent")
    def spent_usd(self, period: BudgetPeriod) -> str:
        """The spent amount in USD."""
        return format_usd(period.spent)


@admin.register(GatewayState)
class GatewayStateAdmin(ReadOnlyAdmin):
    """The list of engines, with whether the vendor accepts their renders."""

    list_display = ["engine", "status", "wait_until", "failures"]
    list_display_links = None
    fields = ["engine", "status", "wait_until", "failures"]
    ordering = ["engine"]

    @admin.display(description=gettext_lazy("status"))
    def status(self, state: GatewayState) -> str:
        """Whether the vendor accepts renders and, if not, the reason."""
        return gateway_status(state)


def gateway_status(state: GatewayState) -> str:
    """Return whether the vendor accepts the engine's renders and, if not, the reason."""
    if not state.breaker:
        return _("Accepts renders") if not state.failures else _("Limits our rate")
    return _("Stopped: %(reason)s") % {"reason": BREAKER_REASONS.get(state.breaker, state.breaker)}
