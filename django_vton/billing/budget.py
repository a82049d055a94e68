"""The shop's budget: reserve an amount before accepting a render, later spend or free it exactly once.

Amounts are integers in micro-USD (1 USD = 1,000,000), because SQLite stores Decimals as floats. Every change
is one conditional update, so that concurrent requests cannot exceed a cap.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import F

from ..conf import MICROS_PER_USD, config
from ..exceptions import BudgetExhausted
from ..models import Attempt, BudgetPeriod
from ..models.states import Money
from ..utils.periods import period_bounds, seconds_until, today

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

Kind = BudgetPeriod.Kind


def cap(kind: Kind) -> int | None:
    """The cap of a day or a month in micro-USD; None if there is none."""
    amount: Decimal | None = config.DAILY_BUDGET if kind == Kind.DAY else config.MONTHLY_BUDGET
    return None if amount is None else int(amount * MICROS_PER_USD)


def starts_on(kind: Kind, day: date) -> date:
    """The first day of the period that contains `day`."""
    return day if kind == Kind.DAY else day.replace(day=1)


def _period(kind: Kind, day: date) -> QuerySet[BudgetPeriod]:
    return BudgetPeriod.objects.filter(kind=kind, starts_on=starts_on(kind, day))


def reserve(amount: int) -> date:
    """Reserve `amount` in the budgets of today and of this month; return the day in the shop's time zone.

    Raise BudgetExhausted if it would exceed a cap. Call this in the transaction that accepts the render, so
    that both reservations are rolled back together.
    """
    day = today()
    with transaction.atomic(savepoint=False):
        for kind in (Kind.DAY, Kind.MONTH):
            if not _reserve_in(kind, day, amount):
                raise BudgetExhausted(seconds_until(period_bounds(kind)[1]))
    return day


def _reserve_in(kind: Kind, day: date, amount: int) -> bool:
    limit = cap(kind)
    if limit is not None and amount > limit:
        return False
    period = _period(kind, day)
    room = period if limit is None else period.filter(held__lte=limit - amount - F("spent"))
    if room.update(held=F("held") + amount):
        return True
    # Update on conflict instead of ignoring it: if MariaDB ignores a conflict, all transactions keep a shared
    # lock on the row and none of them can update it.
    needs_target = connection.features.supports_update_conflicts_with_target
    BudgetPeriod.objects.bulk_create(
        [BudgetPeriod(kind=kind, starts_on=starts_on(kind, day))],
        update_conflicts=True,
        update_fields=["kind"],
        unique_fields=["kind", "starts_on"] if needs_target else None,
    )
    return bool(room.update(held=F("held") + amount))


def transfer(attempt: Attempt, source: Money, target: Money, **fields: Any) -> bool:
    """Change the state of an attempt's money from `source` to `target`, and set `fields` with it.

    Return False and change nothing if the money is in another state: then there is nothing to book.
    """
    if not Attempt.objects.filter(pk=attempt.pk, money=source).update(money=target, **fields):
        return False
    attempt.money = target
    return True


def update_periods(attempts: Iterable[Attempt], source: Money, target: Money) -> None:
    """Book transferred amounts in the periods of their days. Call it once, in the transaction of `transfer`.

    All days are updated before all months, so that a transaction that locks a month needs no further day.
    """
    amounts: Counter[tuple[Kind, date]] = Counter()
    for attempt in attempts:
        for kind in (Kind.DAY, Kind.MONTH):
            amounts[kind, starts_on(kind, attempt.budget_day)] += attempt.amount
    for (kind, day), amount in sorted(amounts.items()):
        changes = {source.value: -amount, target.value: amount}
        changes.pop(Money.FREE.value, None)
        _period(kind, day).update(**{name: F(name) + change for name, change in changes.items()})


def require_available(amount: int = 1) -> None:
    """Raise BudgetExhausted if less than `amount` micro-USD is left today or this month."""
    for kind in (Kind.MONTH, Kind.DAY):
        left = remaining(kind)
        if left is not None and left < amount:
            raise BudgetExhausted(seconds_until(period_bounds(kind)[1]))


def remaining(kind: Kind) -> int | None:
    """Micro-USD left under a cap; None without one."""
    limit = cap(kind)
    if limit is None:
        return None
    period = _period(kind, today()).first()
    return limit if period is None else limit - period.held - period.spent
