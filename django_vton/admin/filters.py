"""The filters of the lists. None of them reads the whole table to find its choices."""

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

from ..batches.review import IS_PUBLISHED, OUTDATED
from ..gateway.engines import engines
from ..health.facts import RELEASE_WARNING
from ..health.outcomes import OUTCOME_UNKNOWN
from ..models import Attempt, BatchRender, HouseModel, Shopper, TryOnImage
from ..models.photos import release_today
from ..models.states import State
from ..utils.periods import start_of_day, today
from . import periods

NEEDS_ATTENTION = Q(state=State.UNKNOWN) | OUTCOME_UNKNOWN
"""Selects try-ons with an unknown outcome, which the vendor may have charged."""


class ConditionFilter(admin.SimpleListFilter):
    """A filter with a fixed condition for each choice."""

    conditions: ClassVar[dict[str, tuple[Any, Q]]]
    """The label and the condition of each choice, by the value in the URL."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [(value, label) for value, (label, _condition) in self.conditions.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply the condition of the selected choice. Ignore an unknown value."""
        value = self.value()
        return queryset.filter(self.conditions[value][1]) if value in self.conditions else queryset


class AttentionFilter(ConditionFilter):
    """Filter by whether an operator should resolve the try-on."""

    title = _("needs attention")
    parameter_name = "attention"
    conditions = {"yes": (_("Outcome unknown"), NEEDS_ATTENTION)}


# A subquery, since SQLite would start a join at the shoppers and then sort all their try-ons.
_BY_USER = Q(Exists(Shopper.objects.filter(pk=OuterRef("shopper"), user__isnull=False)))


class RequesterFilter(ConditionFilter):
    """Filter by who requested the try-on. Renders on house models are shared and belong to no shopper."""

    title = _("requested by")
    parameter_name = "by"
    conditions = {
        "guest": (_("Guests"), Q(~_BY_USER, shopper__isnull=False)),
        "user": (_("Users"), _BY_USER),
        "shop": (_("Shop (shared render)"), Q(shopper__isnull=True, erased_at__isnull=True)),
        "erased": (_("Erased"), Q(erased_at__isnull=False)),
    }


class OutdatedFilter(ConditionFilter):
    """Filter by whether the product has another image since the render."""

    title = _("product picture")
    parameter_name = "picture"
    conditions = {
        "outdated": (
            _("Changed since the render"),
            Q(pk__in=BatchRender.objects.filter(OUTDATED).order_by().values("request")),
        ),
        "published": (
            _("Changed, and the render is in the shop"),
            Q(pk__in=BatchRender.objects.filter(OUTDATED & Q(IS_PUBLISHED)).order_by().values("request")),
        ),
    }


class FlawFilter(admin.SimpleListFilter):
    """Filter by what the comparison of the images with the photo found."""

    title = _("suspected flaw")
    parameter_name = "flaw"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the flaws."""
        return list(TryOnImage.Flaw.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the try-ons with such a render, even if its images are deleted by now."""
        flaw = self.value()
        if flaw not in TryOnImage.Flaw.values:
            return queryset
        return queryset.filter(pk__in=Attempt.objects.filter(flaw=flaw).order_by().values("request"))


class ReleaseFilter(admin.SimpleListFilter):
    """Filter house models by the end of their release."""

    title = _("release")
    parameter_name = "release"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the choices."""
        return [("ended", _("Ended")), ("soon", _("Ends within two weeks")), ("none", _("Without an end"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Apply the selected choice."""
        day = release_today()
        conditions = {
            "ended": Q(release_ends__lt=day),
            "soon": Q(release_ends__range=(day, day + RELEASE_WARNING)),
            "none": Q(release_ends__isnull=True),
        }
        return queryset.filter(conditions.get(self.value() or "", Q()))


class EngineFilter(admin.SimpleListFilter):
    """Filter by engine. The choices come from the settings, since the table is too large to search."""

    title = _("engine")
    parameter_name = "engine"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the names of the engines."""
        return [(name, name) for name in engines()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the selected engine."""
        return queryset.filter(engine=self.value()) if self.value() else queryset


class ProductFilter(admin.SimpleListFilter):
    """Filter by a product that a link selected. There are too many products to list them all."""

    title = _("product")
    parameter_name = "product"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return only the selected product."""
        ref = request.GET.get(self.parameter_name)
        return [(ref, ref)] if ref else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the selected product."""
        return queryset.filter(product=self.value()) if self.value() else queryset


class HouseModelFilter(admin.SimpleListFilter):
    """Filter by the house model of the render."""

    title = _("house model")
    parameter_name = "house"

    MAX_CHOICES = 50

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the first house models in the merchant's order."""
        models = HouseModel.objects.order_by("position", "created_at").values_list("pk", "name")
        return [(str(pk), name) for pk, name in models[: self.MAX_CHOICES]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter by the selected house model."""
        try:
            return queryset.filter(photo=UUID(self.value() or ""))
        except ValueError:
            return queryset


class DayFilter(admin.SimpleListFilter):
    """Filter by the shop's day: today, yesterday, the last 7 or 30 days, or a date from the date field."""

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
        present = today()
        yesterday = present - timedelta(days=1)
        self.spans: dict[str, tuple[Any, date, date]] = {
            "today": (_("Today"), present, present),
            "yesterday": (_("Yesterday"), yesterday, yesterday),
        }
        for period in (periods.parse("7"), periods.parse("30")):
            self.spans[period.value] = (period.label, period.first, period.last)
        selected = request.GET.get(self.parameter_name, "")
        self.day = _parse_day(selected)
        if self.day is not None:
            self.spans[selected] = (date_format(self.day), self.day, self.day)
        super().__init__(request, params, model, model_admin)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the fixed choices and the selected date, if any."""
        return [(value, label) for value, (label, _first, _last) in self.spans.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter from midnight to midnight. Ignore an invalid date."""
        value = self.value()
        if value not in self.spans:
            return queryset
        _label, first, last = self.spans[value]
        end = start_of_day(last + timedelta(days=1))
        return queryset.filter(created_at__gte=start_of_day(first), created_at__lt=end)


def _parse_day(value: str) -> date | None:
    try:
        day = parse_date(value)
    except ValueError:
        return None
    return day if day is not None and date(1970, 1, 2) < day < date(9999, 1, 1) else None
