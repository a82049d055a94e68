"""The budgets of today and of this month, for the pages that show them."""

from __future__ import annotations

from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ..billing.budget_status import NEAR, BudgetStatus, budget_statuses
from ..models import BudgetPeriod
from ..utils.money import usd


def shown() -> list[dict[str, Any]]:
    """What `budgets.html` takes."""
    return [_facts(budget) for budget in budget_statuses()]


def _facts(budget: BudgetStatus) -> dict[str, Any]:
    is_day = budget.kind == BudgetPeriod.Kind.DAY
    found: dict[str, Any] = {
        "kind": budget.kind,
        "name": _("Today") if is_day else _("This month"),
        "period": date_format(budget.starts_on, "DATE_FORMAT" if is_day else "YEAR_MONTH_FORMAT"),
        "spent": usd(budget.spent),
        "held": usd(budget.held),
    }
    if budget.cap is not None:
        share = 100 * budget.used // budget.cap if budget.cap else 100
        found |= {
            "cap": usd(budget.cap),
            "left": usd(budget.left or 0),
            "share": share,
            "near": int(100 * NEAR),
        }
    return found
