"""The shop's budget. The price of a render is reserved when it is accepted, and later spent or freed once.

Amounts are integers in micro-USD (1 USD = 1,000,000), because SQLite stores Decimals as floats. Every change
is one conditional update, so that concurrent requests cannot exceed a cap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db.models import F, Q, QuerySet

from ..conf import MICROS_PER_USD, config
from ..exceptions import BudgetExhausted
from ..gateway.engines import engines, price
from ..models import Attempt, BudgetPeriod
from ..models.states import Money
from ..utils import clock, database
from ..utils.periods import period_bounds, seconds_until, today

Kind = BudgetPeriod.Kind

WARNING_SHARE = Decimal("0.8")
"""The used share of a budget at which staff are warned."""


def _cap(kind: Kind) -> int | None:
    """Return the cap of a day or a month in micro-USD, or None if there is none."""
    amount: Decimal | None = config.DAILY_BUDGET if kind == Kind.DAY else config.MONTHLY_BUDGET
    return None if amount is None else int(amount * MICROS_PER_USD)


def _starts_on(kind: Kind, day: date) -> date:
    """Return the first day of the period that contains `day`."""
    return day if kind == Kind.DAY else day.replace(day=1)


def _period(kind: Kind, day: date) -> QuerySet[BudgetPeriod]:
    return BudgetPeriod.objects.filter(kind=kind, starts_on=_starts_on(kind, day))


def reserve(amount: int) -> date:
    """Reserve `amount` in the budgets of today and this month. Return the day in the shop's time zone.

    Call this in the transaction that accepts the render, so that it is rolled back with the render. Raise
    `BudgetExhausted` if `amount` would exceed a cap.
    """
    now = clock.now()
    day = today(now)
    with database.atomic(savepoint=False):
        for kind in (Kind.DAY, Kind.MONTH):
            if not _reserve_in(kind, day, amount):
                raise BudgetExhausted(seconds_until(period_bounds(kind, now)[1], now))
    return day


def _reserve_in(kind: Kind, day: date, amount: int) -> bool:
    limit = _cap(kind)
    if limit is not None and amount > limit:
        return False
    period = _period(kind, day)
    room = period if limit is None else period.filter(held__lte=limit - amount - F("spent"))
    if room.update(held=F("held") + amount):
        return True
    # Do not ignore conflicts. On MariaDB, all transactions would keep a shared lock on the row, so that none
    # could update it.
    needs_target = database.connection().features.supports_update_conflicts_with_target
    BudgetPeriod.objects.bulk_create(
        [BudgetPeriod(kind=kind, starts_on=_starts_on(kind, day))],
        update_conflicts=True,
        update_fields=["kind"],
        unique_fields=["kind", "starts_on"] if needs_target else None,
    )
    return bool(room.update(held=F("held") + amount))


def change_reservation(day: date, before: int, after: int) -> bool:
    """Change an amount that is reserved in the budgets of `day` and its month.

    Return False, and change nothing, if the difference would exceed a cap. Call this in the transaction that
    changes the attempt.
    """
    difference = after - before
    if difference <= 0:
        # A cap that was lowered below what is reserved does not prevent this.
        _add_held(day, difference, (Kind.DAY, Kind.MONTH))
    elif not _reserve_in(Kind.DAY, day, difference):
        return False
    elif not _reserve_in(Kind.MONTH, day, difference):
        _add_held(day, -difference, (Kind.DAY,))
        return False
    return True


def _add_held(day: date, amount: int, kinds: Iterable[Kind]) -> None:
    for kind in kinds:
        _period(kind, day).update(held=F("held") + amount)


def update_periods(attempts: Iterable[Attempt], source: Money, target: Money) -> None:
    """Move the amounts of these attempts from `source` to `target` in their days and months.

    Call this once, in the transaction that changes the attempts. All days are updated before all months, so
    that two transactions cannot wait for each other.
    """
    amounts: Counter[tuple[Kind, date]] = Counter()
    for attempt in attempts:
        for kind in (Kind.DAY, Kind.MONTH):
            amounts[kind, _starts_on(kind, attempt.budget_day)] += attempt.amount
    for (kind, day), amount in sorted(amounts.items()):
        changes = {source.value: -amount, target.value: amount}
        changes.pop(Money.FREE.value, None)
        _period(kind, day).update(**{name: F(name) + change for name, change in changes.items()})


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
        """The amount that is spent or reserved."""
        return self.held + self.spent

    @property
    def left(self) -> int | None:
        """The amount that can still be reserved, or None if there is no cap."""
        return None if self.cap is None else max(0, self.cap - self.used)

    @property
    def is_near(self) -> bool:
        """Whether at least `WARNING_SHARE` of the cap is used, or too little is left for a render."""
        return self.cap is not None and (self.used >= WARNING_SHARE * self.cap or self.is_reached)

    @property
    def is_reached(self) -> bool:
        """Whether too little is left even for the cheapest render."""
        return self.left is not None and self.left < max(1, min(price(name, {}) for name in engines()))


def budget_statuses(now: datetime | None = None) -> list[BudgetStatus]:
    """Return the budget of today and the budget of this month, in this order."""
    day = today(now)
    starts = {kind: _starts_on(kind, day) for kind in (Kind.DAY, Kind.MONTH)}
    is_current = Q(*(Q(kind=kind, starts_on=start) for kind, start in starts.items()), _connector=Q.OR)
    periods = {period.kind: period for period in BudgetPeriod.objects.filter(is_current)}
    statuses = []
    for kind, start in starts.items():
        period = periods.get(kind.value) or BudgetPeriod()
        statuses.append(BudgetStatus(kind.value, start, _cap(kind), period.held, period.spent))
    return statuses


def require_available(amount: int) -> None:
    """Raise `BudgetExhausted` if less than `amount` micro-USD is left today or this month."""
    now = clock.now()
    for status in reversed(budget_statuses(now)):
        if status.left is not None and status.left < amount:
            raise BudgetExhausted(seconds_until(period_bounds(status.kind, now)[1], now))
