"""The list filters. None of them scans the table to offer its choices."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from ..gateway.engines import engines
from ..models import HouseModel, Shopper
from ..models.states import State
from ..monitoring.incidents import OUTCOME_UNKNOWN
from ..utils.periods import start_of_day, today
from . import periods

NEEDS_ATTENTION = Q(state=State.UNKNOWN) | OUTCOME_UNKNOWN
"""The vendor may have charged a render whose outcome is unknown."""


class ConditionFilter(admin.SimpleListFilter):
    """A filter with a fixed condition for each choice."""

    conditions: ClassVar[dict[str, tuple[Any, Q]]]
    """Label and condition by value."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the values and their labels."""
        return [(value, label) for value, (label, _condition) in self.conditions.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply the condition of the selected value; ignore an unknown value."""
        value = self.value()
        return queryset.filter(self.conditions[value][1]) if value in self.conditions else queryset


class AttentionFilter(ConditionFilter):
    """Try-ons that an operator should resolve."""

    title = _("needs attention")
    parameter_name = "attention"
    conditions = {"yes": (_("Outcome unknown"), NEEDS_ATTENTION)}


_BY_USER = Q(Exists(Shopper.objects.filter(pk=OuterRef("shopper"), user__isnull=False)))


class RequesterFilter(ConditionFilter):
    """Who requested the try-on. Shared renders on house models belong to no shopper."""

    title = _("requested by")
    parameter_name = "by"
    conditions = {
        # A subquery, since SQLite would start a join with the shoppers and sort all their try-ons.
        "guest": (_("Guests"), Q(~_BY_USER, shopper__isnull=False)),
        "user": (_("Users"), _BY_USER),
        "shop": (_("The shop: renders on house models"), Q(shopper__isnull=True, erased_at__isnull=True)),
        "erased": (_("Erased"), Q(erased_at__isnull=False)),
    }


class ProblemFilter(ConditionFilter):
    """Product images that can or cannot be tried on."""

    title = _("problem")
    parameter_name = "problem"
    conditions = {"yes": (_("With a problem"), ~Q(problem="")), "no": (_("Can be tried on"), Q(problem=""))}


class EngineFilter(admin.SimpleListFilter):
    """The engine: one of the settings, since the table is too large to look for others."""

    title = _("engine")
    parameter_name = "engine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the names of the engines."""
        return [(name, name) for name in engines()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the selected engine."""
        return queryset.filter(engine=self.value()) if self.value() else queryset


class ProductFilter(admin.SimpleListFilter):
    """The product that a link selected, since there are too many to list."""

    title = _("product")
    parameter_name = "product"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the selected product only."""
        ref = request.GET.get(self.parameter_name)
        return [(ref, ref)] if ref else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the selected product."""
        return queryset.filter(product=self.value()) if self.value() else queryset


class HouseModelFilter(admin.SimpleListFilter):
    """The house model of the render."""

    title = _("house model")
    parameter_name = "house"

    MAX_CHOICES = 50

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the first house models, in the merchant's order."""
        models = HouseModel.objects.order_by("position", "created_at").values_list("pk", "name")
        return [(str(pk), name) for pk, name in models[: self.MAX_CHOICES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the selected house model."""
        try:
            return queryset.filter(photo=UUID(self.value() or ""))
        except ValueError:
            return queryset


class DayFilter(admin.SimpleListFilter):
    """The shop's day: today, yesterday, the last days, or a date from the template's date field."""

    title = _("day")
    parameter_name = "day"
    template = "admin/vton/day_filter.html"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        self.other_parameters = [
            (name, value)
            for name, values in request.GET.lists()
            if name not in {self.parameter_name, "p", "e"}
            for value in values
        ]
        self.day = _parse_day(request.GET.get(self.parameter_name, ""))
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the fixed choices and, if one is selected, the date."""
        last_days = [(str(count), periods.parse(str(count)).label) for count in (7, 30)]
        selected = [] if self.day is None else [(self.day.isoformat(), date_format(self.day))]
        return [("today", _("Today")), ("yesterday", _("Yesterday")), *last_days, *selected]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter from midnight to midnight; ignore an invalid date."""
        day = today()
        spans = {
            "today": (day, day),
            "yesterday": (day - timedelta(days=1), day - timedelta(days=1)),
            **{str(count): (day - timedelta(days=count - 1), day) for count in (7, 30)},
        }
        span = spans.get(self.value() or "", None if self.day is None else (self.day, self.day))
        if span is None:
            return queryset
        first, last = span
        end = start_of_day(last + timedelta(days=1))
        return queryset.filter(created_at__gte=start_of_day(first), created_at__lt=end)


def _parse_day(value: str) -> date | None:
    try:
        day = parse_date(value)
    except ValueError:
        return None
    return day if day is not None and date(1970, 1, 2) < day < date(9999, 1, 1) else None
