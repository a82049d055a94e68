"""Which days a page of figures is about, as its address says."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.formats import date_format
from django.utils.translation import ngettext

from ..models import BudgetPeriod
from ..utils.periods import today

LENGTHS = (7, 30, 90)
DEFAULT = "30"
MONTHS = 24
"""So many are offered, the newest first."""


@dataclass(frozen=True)
class Period:
    """Some days up to today, or a month; `value` is its name in an address."""

    value: str
    first: date
    last: date

    @property
    def label(self) -> str:
        """As people call it."""
        if self.value.isdecimal():
            n = int(self.value)
            return ngettext("the last %(n)d day", "the last %(n)d days", n) % {"n": n}
        return date_format(self.first, "YEAR_MONTH_FORMAT")


def of(value: str) -> Period:
    """The period of that name; what is none is the default."""
    if value in map(str, LENGTHS):
        day = today()
        return Period(value, day - timedelta(days=int(value) - 1), day)
    return month(value) or of(DEFAULT)


def month(value: str) -> Period | None:
    """A month such as "2026-11", if it is one."""
    found = re.fullmatch(r"(\d{4})-(\d{2})", value, re.ASCII)
    try:
        first = date(int(found[1]), int(found[2]), 1) if found else None
        return None if first is None else _month(first)
    except (ValueError, OverflowError):
        return None


def this_month() -> Period:
    """The shop's present one."""
    return _month(today().replace(day=1))


def _month(first: date) -> Period:
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return Period(f"{first:%Y-%m}", first, last)


def months() -> list[Period]:
    """Those in which anything was spent, and the present one."""
    rows = BudgetPeriod.objects.filter(kind=BudgetPeriod.Kind.MONTH).order_by("-starts_on")
    firsts = {*rows.values_list("starts_on", flat=True)[:MONTHS], this_month().first}
    return [_month(first) for first in sorted(firsts, reverse=True)]


def choices() -> list[Period]:
    """What a page offers."""
    return [*(of(str(length)) for length in LENGTHS), *months()]
