"""How much of today's and of this month's budget is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import Q

from ..conf import MICROS, config
from ..gateway.engines import engines, price
from ..models import BudgetPeriod
from ..utils.periods import today

NEAR = Decimal("0.8")
"""The share of a budget at which staff are warned."""


@dataclass(frozen=True)
class BudgetStatus:
    """The budget of today, or of this month, in micro-USD."""

    kind: str
    starts_on: date
    cap: int | None
    held: int
    spent: int

    @property
    def used(self) -> int:
        """Spent, or set aside."""
        return self.held + self.spent

    @property
    def left(self) -> int | None:
        """What may still be set aside; None without a cap."""
        return None if self.cap is None else max(0, self.cap - self.used)

    @property
    def is_near(self) -> bool:
        """Whether most of it is used, or all."""
        return self.cap is not None and (self.used >= NEAR * self.cap or self.is_reached)

    @property
    def is_reached(self) -> bool:
        """Whether not even the cheapest render fits."""
        return self.left is not None and self.left < max(1, min(price(name, {}) for name in engines()))


def budget_statuses() -> list[BudgetStatus]:
    """Today's and this month's."""
    kinds = BudgetPeriod.Kind
    day = today()
    caps = {kinds.DAY: config.DAILY_BUDGET, kinds.MONTH: config.MONTHLY_BUDGET}
    starts = {kinds.DAY: day, kinds.MONTH: day.replace(day=1)}
    present = Q(kind=kinds.DAY, starts_on=day) | Q(kind=kinds.MONTH, starts_on=starts[kinds.MONTH])
    rows = {row.kind: row for row in BudgetPeriod.objects.filter(present)}
    found = []
    for kind, cap in caps.items():
        row = rows.get(kind.value) or BudgetPeriod()
        micros = None if cap is None else int(cap * MICROS)
        found.append(BudgetStatus(kind.value, starts[kind], micros, row.held, row.spent))
    return found
