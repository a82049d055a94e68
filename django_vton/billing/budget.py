"""The shop's money: set aside before a render is accepted, spent or freed once, never both.

All amounts are integers of micro-USD (1 USD = 1,000,000): a Decimal is a float on SQLite. Every change
is one conditional update, so that 500 requests at the last cent spend no more than the cap.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import F

from ..conf import MICROS, config
from ..exceptions import BudgetExhausted
from ..models import Attempt, BudgetPeriod
from ..models.states import Money
from ..utils.periods import seconds_until, today, window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

Kind = BudgetPeriod.Kind


def _cap(kind: Kind) -> int | None:
    amount: Decimal | None = config.DAILY_BUDGET if kind == Kind.DAY else config.MONTHLY_BUDGET
    return None if amount is None else int(amount * MICROS)


def _starts_on(kind: Kind, day: date) -> date:
    return day if kind == Kind.DAY else day.replace(day=1)


def _period(kind: Kind, day: date) -> QuerySet[BudgetPeriod]:
    return BudgetPeriod.objects.filter(kind=kind, starts_on=_starts_on(kind, day))


def reserve(amount: int) -> date:
    """Set `amount` aside in today's and this month's budget, both or none; returns the shop's day.

    Raises BudgetExhausted where a cap would be passed. Call it in the transaction that accepts: both roll
    back together.
    """
    day = today()
    with transaction.atomic(savepoint=False):
        for kind in (Kind.DAY, Kind.MONTH):
            if not _hold(kind, day, amount):
                raise BudgetExhausted(seconds_until(window(kind)[1]))
    return day


def _hold(kind: Kind, day: date, amount: int) -> bool:
    cap = _cap(kind)
    if cap is not None and amount > cap:
        return False
    period = _period(kind, day)
    room = period if cap is None else period.filter(held__lte=cap - amount - F("spent"))
    if room.update(held=F("held") + amount):
        return True
    # Not ignoring the conflict: MariaDB would then share the lock of the row among all, for none to get more.
    by_target = connection.features.supports_update_conflicts_with_target
    BudgetPeriod.objects.bulk_create(
        [BudgetPeriod(kind=kind, starts_on=_starts_on(kind, day))],
        update_conflicts=True,
        update_fields=["kind"],
        unique_fields=["kind", "starts_on"] if by_target else None,
    )
    return bool(room.update(held=F("held") + amount))


def close(attempt: Attempt, source: Money, target: Money, **told: Any) -> bool:
    """Move an attempt's money from `source`; False where it lies elsewhere, and nothing is to be booked."""
    if not Attempt.objects.filter(pk=attempt.pk, money=source).update(money=target, **told):
        return False
    attempt.money = target
    return True


def book(attempts: Iterable[Attempt], source: Money, target: Money) -> None:
    """Move their amounts in the periods of their days: once, in the transaction that closed them.

    All days before all months: whoever holds a month has the days that it needs.
    """
    amounts: Counter[tuple[Kind, date]] = Counter()
    for attempt in attempts:
        for kind in (Kind.DAY, Kind.MONTH):
            amounts[kind, _starts_on(kind, attempt.budget_day)] += attempt.amount
    for (kind, starts_on), amount in sorted(amounts.items()):
        changes = {source.value: -amount, target.value: amount}
        changes.pop(Money.FREE.value, None)
        _period(kind, starts_on).update(**{name: F(name) + by for name, by in changes.items()})


def require_room(amount: int = 1) -> None:
    """Raise BudgetExhausted where so many micro-USD may not be spent any more today or this month."""
    for kind in (Kind.MONTH, Kind.DAY):
        left = left_in(kind)
        if left is not None and left < amount:
            raise BudgetExhausted(seconds_until(window(kind)[1]))


def left_in(kind: Kind) -> int | None:
    """Micro-USD left under a cap, or None without one."""
    cap = _cap(kind)
    if cap is None:
        return None
    period = _period(kind, today()).first()
    return cap if period is None else cap - period.held - period.spent
