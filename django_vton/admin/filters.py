"""The filters of the try-ons' list. None of them looks through the whole table to offer its choices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ..engines import engines
from ..incidents import IN_DOUBT
from ..states import State

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

NEEDS_ATTENTION = Q(state=State.UNKNOWN) | IN_DOUBT
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
