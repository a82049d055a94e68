"""The admin of the pause switch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import health
from ..models import PauseSwitch
from ..utils import database
from ..web import button_visibility
from . import display
from .base import ReadOnlyAdmin, can_operate


def availability_text(facts: Iterable[health.Fact]) -> str:
    """Return whether shoppers can try on and, if not, the reason among the facts."""
    refusing = [fact for fact in facts if fact.refusal]
    for fact in refusing:
        if not fact.engine:
            return _("No: %(reason)s.") % {"reason": health.notice(fact.cause).title}
    if refusing:
        return _("Shoppers can try on, but not with %(engines)s.") % {
            "engines": ", ".join(fact.engine for fact in refusing)
        }
    return _("Shoppers can try on.")


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
        database.on_commit(button_visibility.clear_cache)

    @admin.display(description=gettext_lazy("available now"))
    def availability(self, switch: PauseSwitch) -> str:
        """Whether shoppers can try on and, if not, the reason."""
        return availability_text(health.find_stops())

    @admin.display(description=gettext_lazy("last change"))
    def last_change(self, switch: PauseSwitch) -> SafeString:
        """The time since the last change, and the user who made it."""
        if switch.changed_by is None:
            return display.age(switch.changed_at)
        return format_html("{}, {}", display.age(switch.changed_at), switch.changed_by)
