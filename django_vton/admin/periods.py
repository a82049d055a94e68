"""The days that a report covers, parsed from its URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.formats import date_format
from django.utils.translation import ngettext

from ..models import BudgetPeriod
from ..utils.periods import today

DAY_COUNTS = (7, 30, 90)
DEFAULT = "30"
MAX_MONTHS = 24
"""How many months are offered, the newest first."""


@dataclass(frozen=True)
class Period:
    """The last days up to today, or a month. `value` is a number of days or a month such as "2026-11"."""

    value: str
    first: date
    last: date

    @property
    def label(self) -> str:
        """The period's name for people."""
        if self.value.isdecimal():
            n = int(self.value)
            return ngettext("the last %(n)d day", "the last %(n)d days", n) % {"n": n}
        return date_format(self.first, "YEAR_MONTH_FORMAT")


def parse(value: str) -> Period:
    """Return the period of this value, or the default if it is invalid."""
    if value in map(str, DAY_COUNTS):
        day = today()
        return Period(value, day - timedelta(days=int(value) - 1), day)
    return parse_month(value) or parse(DEFAULT)


def parse_month(value: str) -> Period | None:
    """Return the month such as "2026-11", or None if it is invalid."""
    match = re.fullmatch(r"(\d{4})-(\d{2})", value, re.ASCII)
    try:
        return _month(date(int(match[1]), int(match[2]), 1)) if match else None
    except (ValueError, OverflowError):
        return None


def this_month() -> Period:
    """Return the present month in the shop's time zone."""
    return _month(today().replace(day=1))


def _month(first: date) -> Period:
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return Period(f"{first:%Y-%m}", first, last)


def months() -> list[Period]:
    """Return the months with a budget row and the present month, the newest first."""
    rows = BudgetPeriod.objects.filter(kind=BudgetPeriod.Kind.MONTH).order_by("-starts_on")
    firsts = {*rows.values_list("starts_on", flat=True)[:MAX_MONTHS], this_month().first}
    return [_month(first) for first in sorted(firsts, reverse=True)]


def choices() -> list[Period]:
    """Return the periods that a report offers."""
    return [*(parse(str(count)) for count in DAY_COUNTS), *months()]
