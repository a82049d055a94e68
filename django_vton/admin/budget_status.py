"""The budgets of today and of this month, for `admin/vton/budgets.html`."""

from __future__ import annotations

from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ..billing.budget import WARNING_SHARE, BudgetStatus, budget_statuses
from ..models import BudgetPeriod

PERIOD_FORMATS = {BudgetPeriod.Kind.DAY: "DATE_FORMAT", BudgetPeriod.Kind.MONTH: "YEAR_MONTH_FORMAT"}


def period_name(budget: BudgetStatus) -> str:
    """Return "Today" or "This month" in the user's language."""
    return _("Today") if budget.kind == BudgetPeriod.Kind.DAY else _("This month")


def budget_context() -> list[dict[str, Any]]:
    """Return the template context of each budget."""
    return [
        {
            "status": budget,
            "name": period_name(budget),
            "period": date_format(budget.starts_on, PERIOD_FORMATS[BudgetPeriod.Kind(budget.kind)]),
            "percent": 100 * budget.used // budget.cap if budget.cap else 100,
            "near_percent": int(100 * WARNING_SHARE),
        }
        for budget in budget_statuses()
    ]
