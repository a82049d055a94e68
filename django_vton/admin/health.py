"""The health page: problems, budgets, engines, the queue and the health checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import health
from ..gateway.circuit_breaker import REASONS
from ..gateway.engines import engines, price
from ..health import Fact
from ..models import GatewayState, Incident, ProductCheck, TryOnRequest
from ..models.states import ACTIVE
from ..monitoring.health_checks import run_health_checks
from ..queue import liveness
from ..utils import clock
from ..utils.money import format_usd
from . import display
from .base import ReadOnlyAdmin, can_operate
from .budget_status import budget_context
from .filters import NEEDS_ATTENTION
from .operations import availability_text

MAX_COUNTED = 100
"""The largest count of unknown outcomes that the page shows. Beyond it, the page shows "100+"."""


@admin.register(Incident)
class HealthAdmin(ReadOnlyAdmin):
    """The health page, which replaces the list of incidents."""

    def get_urls(self) -> list[URLPattern]:
        """Return one page with two names. The admin index links to the URL named "changelist"."""
        view = self.admin_site.admin_view(self.health_view)
        return [path("", view, name="vton_health"), path("", view, name="vton_incident_changelist")]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return whether the user is an operator."""
        return can_operate(request)

    def health_view(self, request: HttpRequest) -> HttpResponse:
        """Show the page. A POST also runs the health checks, which write a file to the storage."""
        if not can_operate(request):
            raise PermissionDenied
        facts = list(health.find_facts())
        return self.render_page(
            request,
            "health",
            title=_("System status"),
            availability=availability_text(facts),
            is_available=not any(fact.refusal for fact in facts),
            is_paused=any(fact.cause == "paused" for fact in facts),
            problems=_problems(facts),
            budgets=budget_context(),
            engines=_engines(),
            queue=_queue(facts),
            unknown_outcomes=_unknown_outcomes(),
            unusable_products=ProductCheck.objects.exclude(problem="").count(),
            check_results=run_health_checks() if request.method == "POST" else None,
        )


def _problems(facts: Sequence[Fact]) -> list[dict[str, Any]]:
    """Return the text about each problem, and its age: the incident's if the fact does not tell it."""
    opened = dict(Incident.objects.values_list("name", "opened_at"))
    found = []
    for fact in facts:
        since = fact.since or opened.get(fact.cause)
        found.append({"notice": health.notice(fact.cause), "since": display.age(since) if since else ""})
    return found


def _engines() -> list[dict[str, Any]]:
    """Return the state of each engine in the settings, even if it was never called."""
    states = GatewayState.objects.in_bulk()
    now = clock.now()
    found = []
    for name, engine in sorted(engines().items()):
        state = states.get(name) or GatewayState(engine=name)
        wait_until = state.wait_until if state.wait_until and state.wait_until > now else None
        found.append(
            {
                "name": name,
                "is_verified": engine.is_verified,
                "status": _engine_status(state),
                "is_stopped": bool(state.breaker),
                "wait_until": timezone.localtime(wait_until) if wait_until else None,
                "refused": display.age(state.refused_at) if state.refused_at else None,
                "price": format_usd(price(name, {})),
            }
        )
    return found


def _engine_status(state: GatewayState) -> str:
    """Return whether the vendor accepts the engine's renders and, if not, the reason."""
    if not state.breaker:
        return _("Accepts renders") if not state.failures else _("Limits our rate")
    return _("Stopped: %(reason)s") % {"reason": REASONS.get(state.breaker, state.breaker)}


def _queue(facts: Sequence[Fact]) -> dict[str, Any]:
    """Return the template context of the queue: counts by state, due times, and the last sign of a worker."""
    failed = {fact.check for fact in facts}
    rows = TryOnRequest.objects.active().order_by().values("state").annotate(n=Count("pk"), due=Min("due_at"))
    by_state = {row["state"]: row for row in rows}
    first_due = min((row["due"] for row in by_state.values() if row["due"] is not None), default=None)
    seen = liveness.last_seen()
    now = clock.now()
    overdue = first_due if first_due is not None and first_due <= now else None
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
        "oldest": display.age(overdue) if overdue else None,
        "is_overdue": "overdue" in failed,
        "next": timezone.localtime(first_due) if first_due is not None and overdue is None else None,
        "seen": display.age(seen) if seen else None,
        "is_gone": "workers" in failed,
    }


def _unknown_outcomes() -> str:
    """Return the number of try-ons that need attention, such as "3" or "100+", or "" if there are none."""
    found = TryOnRequest.objects.filter(NEEDS_ATTENTION).order_by()[: MAX_COUNTED + 1].count()
    return f"{MAX_COUNTED}+" if found > MAX_COUNTED else str(found or "")
