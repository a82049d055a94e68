"""The pause switch, the money by day and month, and what the vendor lately said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db import transaction
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import queue
from ..intake import availability
from ..models import BudgetPeriod, GatewayState, PauseSwitch
from ..monitoring.mail import BREAKER_WORDS
from ..utils.money import usd
from ..web import button
from . import display
from .base import ReadOnlyAdmin, StyledAdmin, may_operate

if TYPE_CHECKING:
    from django.forms import ModelForm
    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import _StrPromise
    from django.utils.safestring import SafeString

REASONS: dict[str | None, _StrPromise] = {
    None: gettext_lazy("Shoppers can try on."),
    "product_not_enabled": gettext_lazy("No: VTON['ENABLED'] is off in the settings."),
    "not_configured": gettext_lazy("No: the API key or the public address is missing in the settings."),
    "paused": gettext_lazy("No: it is paused here."),
    "budget_exhausted": gettext_lazy("No: the budget of today or of this month is used up."),
    "unavailable": gettext_lazy("No: no worker was seen for five minutes. Does %(process)s run?"),
}
"""Whether try-on is on offer now, for staff."""


def in_words(reason: str | None) -> str:
    """The sentence for a reason of `availability`."""
    return str(REASONS.get(reason, reason)) % {"process": queue.in_use()[1]}


@admin.register(PauseSwitch)
class PauseSwitchAdmin(StyledAdmin):
    """One switch: its list and its add page lead to it."""

    fields = ["at_present", "is_paused", "last_change"]
    readonly_fields = ["at_present", "last_change"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one already, or it is made at the first look."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For operators."""
        return may_operate(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """To the one switch."""
        return self._the_switch()

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """To the one switch."""
        return self._the_switch()

    def _the_switch(self) -> HttpResponse:
        PauseSwitch.objects.get_or_create(pk=1)
        return HttpResponseRedirect(reverse("admin:vton_pauseswitch_change", args=[1]))

    def save_model(self, request: HttpRequest, obj: PauseSwitch, form: ModelForm[Any], change: bool) -> None:
        """Note who it was, and let the pages look anew."""
        obj.changed_by_id = request.user.pk
        super().save_model(request, obj, form, change)
        transaction.on_commit(button.clear_cache)

    @admin.display(description=gettext_lazy("on offer now"))
    def at_present(self, switch: PauseSwitch) -> str:
        """Whether shoppers can try on, and if not, why."""
        reason = availability.reason()
        return in_words(reason)

    @admin.display(description=gettext_lazy("last change"))
    def last_change(self, switch: PauseSwitch) -> SafeString:
        """When, and by whom."""
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
        """The day, or the month by its name."""
        is_day = period.kind == BudgetPeriod.Kind.DAY
        return date_format(period.starts_on, "DATE_FORMAT" if is_day else "YEAR_MONTH_FORMAT")

    @admin.display(description=gettext_lazy("set aside for running renders"), ordering="held")
    def held_usd(self, period: BudgetPeriod) -> str:
        """In USD."""
        return usd(period.held)

    @admin.display(description=gettext_lazy("spent"), ordering="spent")
    def spent_usd(self, period: BudgetPeriod) -> str:
        """In USD."""
        return usd(period.spent)


@admin.register(GatewayState)
class GatewayStateAdmin(ReadOnlyAdmin):
    """Whether the vendor takes renders of each engine."""

    list_display = ["engine", "condition", "wait_until", "failures"]
    list_display_links = None
    fields = ["engine", "condition", "wait_until", "failures"]
    ordering = ["engine"]

    @admin.display(description=gettext_lazy("state"))
    def condition(self, state: GatewayState) -> str:
        """In words."""
        return condition(state)


def condition(state: GatewayState) -> str:
    """Whether the vendor takes renders of an engine, and if not, why."""
    if not state.breaker:
        return _("Takes renders") if not state.failures else _("Asks us to slow down")
    return _("Stopped: %(reason)s") % {"reason": BREAKER_WORDS.get(state.breaker, state.breaker)}
