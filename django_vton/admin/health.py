"""The state of try-on on one page: what is wrong, the money, the engines, the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, Min
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import health
from ..gateway.engines import engines, price
from ..intake import availability
from ..models import DispatcherLease, GatewayState, Incident, PauseSwitch, TryOnRequest
from ..models.states import ACTIVE
from ..monitoring import incidents
from ..monitoring.mail import notice
from ..queue import liveness
from ..utils.money import usd
from . import budget_status, display
from .base import ReadOnlyAdmin, may_operate
from .filters import NEEDS_ATTENTION
from .operations import condition, in_words

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

MANY = 100
"""Nobody needs to know exactly how many more are in doubt, nor shall every one of them be counted."""


@admin.register(Incident)
class StateAdmin(ReadOnlyAdmin):
    """In place of a list of incidents, all that an operator wants to know at a glance."""

    def get_urls(self) -> list[URLPattern]:
        """One page; Django's index finds it as the list of the incidents."""
        view = self.admin_site.admin_view(self.state_view)
        return [path("", view, name="vton_state"), path("", view, name="vton_incident_changelist")]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For operators."""
        return may_operate(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """For operators."""
        return may_operate(request)

    def state_view(self, request: HttpRequest) -> HttpResponse:
        """A look; a POST examines the install as well, which writes a file into the storage."""
        if not may_operate(request):
            raise PermissionDenied
        reason = availability.reason()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": _("State of try-on"),
            "on_offer": in_words(reason),
            "is_on_offer": reason is None,
            "is_paused": PauseSwitch.objects.filter(is_paused=True).exists(),
            "incidents": _incidents(),
            "budgets": budget_status.shown(),
            "engines": _engines(),
            "queue": _queue(),
            "in_doubt": _in_doubt(),
            "findings": health.examine() if request.method == "POST" else None,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/vton/state.html", context)


def _incidents() -> list[dict[str, Any]]:
    return [
        {"words": notice(name), "since": display.age(since) if since else _("just now")}
        for name, since in incidents.open_now()
    ]


def _engines() -> list[dict[str, Any]]:
    """Also those that were never asked for anything."""
    states = GatewayState.objects.in_bulk()
    now = timezone.now()
    found = []
    for name in sorted(engines()):
        state = states.get(name) or GatewayState(engine=name)
        waits = state.wait_until if state.wait_until and state.wait_until > now else None
        found.append(
            {
                "name": name,
                "condition": condition(state),
                "is_stopped": bool(state.breaker),
                "wait_until": timezone.localtime(waits) if waits else None,
                "failures": state.failures,
                "refused": display.age(state.refused_at) if state.refused_at else None,
                "price": usd(price(name, {})),
            }
        )
    return found


def _queue() -> dict[str, Any]:
    """What runs, by state; one query over what is active, which is indexed by state."""
    rows = TryOnRequest.objects.active().order_by().values("state").annotate(n=Count("pk"), due=Min("due_at"))
    by_state = {row["state"]: row for row in rows}
    due = [row["due"] for row in by_state.values() if row["due"] is not None]
    seen = DispatcherLease.objects.aggregate(last=Max("seen_at"))["last"]
    now = timezone.now()
    return {
        "states": [
            {
                "value": state.value,
                "label": state.label,
                "icon": display.ICONS.get(state, "…"),
                "count": by_state.get(state.value, {"n": 0})["n"],
            }
            for state in ACTIVE
        ],
        "oldest": display.age(min(due)) if due and min(due) <= now else None,
        "is_late": bool(due) and now - min(due) > health.LATE,
        "next": timezone.localtime(min(due)) if due and min(due) > now else None,
        "seen": display.age(seen) if seen else None,
        "is_gone": liveness.workers_are_gone(),
    }


def _in_doubt() -> dict[str, Any]:
    """How many wait for an operator's word, up to MANY, and where they are."""
    found = TryOnRequest.objects.filter(NEEDS_ATTENTION).order_by()[: MANY + 1].count()
    return {
        "count": f"{MANY}+" if found > MANY else str(found),
        "any": bool(found),
        "url": reverse("admin:vton_tryonrequest_changelist") + "?attention=yes",
    }
