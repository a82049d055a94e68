"""The budgets of today and of this month, for the pages that show them."""

from __future__ import annotations

from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from .. import incidents
from ..models import BudgetPeriod
from ..money import usd


def shown() -> list[dict[str, Any]]:
    """What `purses.html` takes."""
    return [_facts(purse) for purse in incidents.purses()]


def _facts(purse: incidents.Purse) -> dict[str, Any]:
    is_day = purse.kind == BudgetPeriod.Kind.DAY
    found: dict[str, Any] = {
        "kind": purse.kind,
        "name": _("Today") if is_day else _("This month"),
        "period": date_format(purse.starts_on, "DATE_FORMAT" if is_day else "YEAR_MONTH_FORMAT"),
        "spent": usd(purse.spent),
        "held": usd(purse.held),
    }
    if purse.cap is not None:
        share = 100 * purse.used // purse.cap if purse.cap else 100
        found |= {
            "cap": usd(purse.cap),
            "left": usd(purse.left or 0),
            "share": share,
            "near": int(100 * incidents.NEAR),
        }
    return found
