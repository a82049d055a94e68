"""How much of the budgets of today and of this month is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q

from ..gateway.engines import engines, price
from ..models import BudgetPeriod
from ..utils.periods import today
from .budget import Kind, cap, starts_on

WARNING_SHARE = Decimal("0.8")
"""The share of a budget at which staff are warned."""


@dataclass(frozen=True)
class BudgetStatus:
    """The budget of today or of this month, in micro-USD."""

    kind: str
    starts_on: date
    cap: int | None
    held: int
    spent: int

    @property
    def used(self) -> int:
        """Spent or reserved."""
        return self.held + self.spent

    @property
    def left(self) -> int | None:
        """What can still be reserved; None without a cap."""
        return None if self.cap is None else max(0, self.cap - self.used)

    @property
    def is_near(self) -> bool:
        """Whether at least `WARNING_SHARE` of the cap is used."""
        return self.cap is not None and (self.used >= WARNING_SHARE * self.cap or self.is_reached)

    @property
    def is_reached(self) -> bool:
        """Whether the rest is too little even for the cheapest render."""
        return self.left is not None and self.left < max(1, min(price(name, {}) for name in engines()))


def budget_statuses() -> list[BudgetStatus]:
    """The status of today, then of this month."""
    day = today()
    starts = {kind: starts_on(kind, day) for kind in (Kind.DAY, Kind.MONTH)}
    is_current = Q(*(Q(kind=kind, starts_on=start) for kind, start in starts.items()), _connector=Q.OR)
    periods = {period.kind: period for period in BudgetPeriod.objects.filter(is_current)}
    statuses = []
    for kind, start in starts.items():
        period = periods.get(kind.value) or BudgetPeriod()
        statuses.append(BudgetStatus(kind.value, start, cap(kind), period.held, period.spent))
    return statuses
