"""Admins for the pause switch, the budget periods and the vendor's availability."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from .base import ReadOnlyAdmin, StyledAdmin, can_operate

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

AVAILABILITY_TEXTS: dict[str | None, _StrPromise] = {
    None: gettext_lazy("Shoppers can try on."),
    "product_not_enabled": gettext_lazy("No: VTON['ENABLED'] is off in the settings."),
    "not_configured": gettext_lazy("No: the API key or the public URL is missing in the settings."),
    "paused": gettext_lazy("No: it is paused here."),
    "budget_exhausted": gettext_lazy("No: the budget of today or of this month is used up."),
    "unavailable": gettext_lazy("No: no worker was seen for five minutes. Is %(process)s running?"),
}
"""Whether try-on is available, by the code of `availability.refusal_code`."""


def availability_text(refusal: str | None) -> str:
    """Return the sentence for a refusal code."""
    return str(AVAILABILITY_TEXTS.get(refusal, refusal)) % {"process": queue.describe_queue()[1]}


@admin.register(PauseSwitch)
class PauseSwitchAdmin(StyledAdmin):
    """A single row: its list and its add page redirect to it."""

    fields = ["availability", "is_paused", "last_change"]
    readonly_fields = ["availability", "last_change"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never allowed: the list creates the row."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only operators."""
        return can_operate(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never allowed."""
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the switch."""
        return self.changelist_view(request)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redirect to the switch."""
        PauseSwitch.objects.get_or_create(pk=1)
        return HttpResponseRedirect(reverse("admin:vton_pauseswitch_change", args=[1]))

    def save_model(self, request: HttpRequest, obj: PauseSwitch, form: ModelForm[Any], change: bool) -> None:
        """Store who changed it, and clear the cache of the shop's buttons."""
        obj.changed_by_id = request.user.pk
        super().save_model(request, obj, form, change)
        transaction.on_commit(button_visibility.clear_cache)

    @admin.display(description=gettext_lazy("available now"))
    def availability(self, switch: PauseSwitch) -> str:
        """Whether shoppers can try on and, if not, the reason."""
        return availability_text(availability.refusal_code())

    @admin.display(description=gettext_lazy("last change"))
    def last_change(self, switch: PauseSwitch) -> SafeString:
        """When it was changed, and by whom."""
        if switch.changed_by is None:
            return display.age(switch.changed_at)
        return format_html("{}, {}", display.age(switch.changed_at), switch.changed_by)


@admin.register(BudgetPeriod)
class BudgetPeriodAdmin(ReadOnlyAdmin):
    """What each day and each month cost."""

    list_display = ["period", "kind", "held_usd", "spent_usd"]
    list_display_links = None
    list_filter = ["kind"]
    ordering = ["-starts_on", "kind"]
    fields = ["period", "kind", "held_usd", "spent_usd"]

    @admin.display(description=gettext_lazy("period"), ordering="starts_on")
    def period(self, period: BudgetPeriod) -> str:
        """The day, or the month and year."""
        is_day = period.kind == BudgetPeriod.Kind.DAY
        return date_format(period.starts_on, "DATE_FORMAT" if is_day else "YEAR_MONTH_FORMAT")

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
    """Whether the vendor accepts renders, for each engine."""

    list_display = ["engine", "status", "wait_until", "failures"]
    list_display_links = None
    fields = ["engine", "status", "wait_until", "failures"]
    ordering = ["engine"]

    @admin.display(description=gettext_lazy("status"))
    def status(self, state: GatewayState) -> str:
        """The status as a sentence."""
        return gateway_status(state)


def gateway_status(state: GatewayState) -> str:
    """Return whether the vendor accepts renders of an engine and, if not, the reason."""
    if not state.breaker:
        return _("Accepts renders") if not state.failures else _("Limits our rate")
    return _("Stopped: %(reason)s") % {"reason": BREAKER_REASONS.get(state.breaker, state.breaker)}
