"""The filters of the try-ons' list. None of them looks through the whole table to offer its choices."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q
from django.utils.dateparse import parse_date
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from ..gateway.engines import engines
from ..models import HouseModel, Shopper
from ..models.states import State
from ..monitoring.incidents import OUTCOME_UNKNOWN
from ..utils.periods import midnight, today
from . import periods

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

NEEDS_ATTENTION = Q(state=State.UNKNOWN) | OUTCOME_UNKNOWN
"""Money may have been spent and nobody knows."""


class AttentionFilter(admin.SimpleListFilter):
    """What an operator should look at."""

    title = _("needs attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """One choice beside "all"."""
        return [("yes", _("Outcome unknown"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Only those, where chosen."""
        return queryset.filter(NEEDS_ATTENTION) if self.value() == "yes" else queryset


class EngineFilter(admin.SimpleListFilter):
    """By engine: those of the settings, not those in the table."""

    title = _("engine")
    parameter_name = "engine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The engines by their names."""
        return [(name, name) for name in engines()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Only that engine's, where chosen."""
        return queryset.filter(engine=self.value()) if self.value() else queryset


class DayFilter(admin.SimpleListFilter):
    """By the shop's days: today, yesterday, the last ones, or any that is put into the field."""

    title = _("day")
    parameter_name = "day"
    template = "admin/vton/day_filter.html"

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        self.others = [
            (name, value)
            for name, values in request.GET.lists()
            if name not in {self.parameter_name, "p", "e"}
            for value in values
        ]
        self.day = _day(request.GET.get(self.parameter_name, ""))
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """With the day that is chosen, if it is another one."""
        spans = [(str(length), periods.of(str(length)).label) for length in (7, 30)]
        chosen = [] if self.day is None else [(self.day.isoformat(), date_format(self.day))]
        return [("today", _("Today")), ("yesterday", _("Yesterday")), *spans, *chosen]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """From midnight to midnight; everything where that is no day."""
        present = today()
        spans = {
            "today": (present, present),
            "yesterday": (present - timedelta(days=1), present - timedelta(days=1)),
            **{str(n): (present - timedelta(days=n - 1), present) for n in (7, 30)},
        }
        span = spans.get(self.value() or "", None if self.day is None else (self.day, self.day))
        if span is None:
            return queryset
        first, last = span
        ends = midnight(last + timedelta(days=1))
        return queryset.filter(created_at__gte=midnight(first), created_at__lt=ends)


def _day(value: str) -> date | None:
    try:
        day = parse_date(value)
    except ValueError:
        return None
    return day if day is not None and date(1970, 1, 2) < day < date(9999, 1, 1) else None


class AskerFilter(admin.SimpleListFilter):
    """By who asked."""

    title = _("asked by")
    parameter_name = "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """What belongs to nobody is a render of a house model: ordered by the merchant, or to be shared."""
        return [
            ("guest", _("Guests")),
            ("user", _("Users")),
            ("shop", _("The shop: house models' renders")),
            ("erased", _("Erased")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Only theirs, where chosen."""
        users = Q(Exists(Shopper.objects.filter(pk=OuterRef("shopper"), user__isnull=False)))
        chosen = {
            # Not by a join: SQLite would begin with the shoppers, and sort all that is theirs.
            "guest": Q(~users, shopper__isnull=False),
            "user": users,
            "shop": Q(shopper__isnull=True, erased_at__isnull=True),
            "erased": Q(erased_at__isnull=False),
        }
        value = self.value()
        return queryset.filter(chosen[value]) if value in chosen else queryset


class HouseModelFilter(admin.SimpleListFilter):
    """By house model, the first of them."""

    title = _("house model")
    parameter_name = "house"

    MOST = 50

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """In the merchant's order."""
        models = HouseModel.objects.order_by("position", "created_at").values_list("pk", "name")
        return [(str(pk), name) for pk, name in models[: self.MOST]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Only that one's, where chosen."""
        try:
            return queryset.filter(photo=UUID(self.value() or ""))
        except ValueError:
            return queryset


class ProductFilter(admin.SimpleListFilter):
    """By a product that a link named: there are too many to offer."""

    title = _("product")
    parameter_name = "product"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Only the chosen one."""
        ref = request.GET.get(self.parameter_name)
        return [(ref, ref)] if ref else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Only that one's, where chosen."""
        return queryset.filter(product=self.value()) if self.value() else queryset


class ProblemFilter(admin.SimpleListFilter):
    """Product pictures that cannot be tried on."""

    title = _("problem")
    parameter_name = "problem"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """With, or without."""
        return [("yes", _("With a problem")), ("no", _("Can be tried on"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Only those, where chosen."""
        if self.value() == "yes":
            return queryset.exclude(problem="")
        return queryset.filter(problem="") if self.value() == "no" else queryset
