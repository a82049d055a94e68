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
"""The maximum number of months with a budget row in the choices."""


@dataclass(frozen=True)
class Period:
    """A number of days up to today, or a month."""

    value: str
    """A number of days such as "30", or a month such as "2026-11"."""
    first: date
    last: date

    @property
    def label(self) -> str:
        """The name of the period in the user's language."""
        if self.value.isdecimal():
            n = int(self.value)
            return ngettext("the last %(n)d day", "the last %(n)d days", n) % {"n": n}
        return date_format(self.first, "YEAR_MONTH_FORMAT")


def parse(value: str) -> Period:
    """Return the period with this value, or the default period if the value is invalid."""
    if value in map(str, DAY_COUNTS):
        day = today()
        return Period(value, day - timedelta(days=int(value) - 1), day)
    return parse_month(value) or parse(DEFAULT)


def parse_month(value: str) -> Period | None:
    """Return the month of a value such as "2026-11", or None if the value is invalid."""
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
    """Return the present month and the months with a budget row, the newest first."""
    rows = BudgetPeriod.objects.filter(kind=BudgetPeriod.Kind.MONTH).order_by("-starts_on")
    firsts = {*rows.values_list("starts_on", flat=True)[:MAX_MONTHS], this_month().first}
    return [_month(first) for first in sorted(firsts, reverse=True)]


def choices() -> list[Period]:
    """Return the periods that staff can select in a report."""
    return [*(parse(str(count)) for count in DAY_COUNTS), *months()]
