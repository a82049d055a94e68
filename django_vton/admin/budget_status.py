"""The budgets of today and of this month, formatted for `admin/vton/budgets.html`."""

from __future__ import annotations

from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ..billing.budget import WARNING_SHARE, BudgetStatus, budget_statuses
from ..models import BudgetPeriod
from ..utils.money import format_usd


def budget_context() -> list[dict[str, Any]]:
    """Return the template context of each budget."""
    return [_budget(budget) for budget in budget_statuses()]


def period_name(budget: BudgetStatus) -> str:
    """Return "Today" or "This month"."""
    return _("Today") if budget.kind == BudgetPeriod.Kind.DAY else _("This month")


def _budget(budget: BudgetStatus) -> dict[str, Any]:
    is_day = budget.kind == BudgetPeriod.Kind.DAY
    context: dict[str, Any] = {
        "kind": budget.kind,
        "name": period_name(budget),
        "period": date_format(budget.starts_on, "DATE_FORMAT" if is_day else "YEAR_MONTH_FORMAT"),
        "spent": format_usd(budget.spent),
        "held": format_usd(budget.held),
    }
    if budget.cap is not None:
        context |= {
            "cap": format_usd(budget.cap),
            "left": format_usd(budget.left or 0),
            "percent": 100 * budget.used // budget.cap if budget.cap else 100,
            "near_percent": int(100 * WARNING_SHARE),
        }
    return context
