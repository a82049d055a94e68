"""Budget caps hold under concurrent requests; days and months begin in the shop's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from django_vton.billing import budget
from django_vton.exceptions import BudgetExhausted
from django_vton.models import BudgetPeriod
from django_vton.utils import periods

from ..intake_helpers import run_concurrently

if TYPE_CHECKING:
    from ..conftest import Vton

CENT = 10_000


def reserve(amount: int) -> date:
    with transaction.atomic():
        return budget.reserve(amount)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("cap", ["DAILY_BUDGET", "MONTHLY_BUDGET"])
def test_concurrent_reservations_never_exceed_a_cap(vton: Vton, cap: str) -> None:
    vton(**{cap: Decimal("0.31")})
    results = run_concurrently(*[lambda: reserve(3 * CENT)] * 12)
    assert sum(isinstance(result, date) for result in results) == 10
    assert sum(isinstance(result, BudgetExhausted) for result in results) == 2
    held = BudgetPeriod.objects.values_list("held", flat=True)
    assert list(held) == [30 * CENT, 30 * CENT]
    with pytest.raises(BudgetExhausted):
        budget.reserve(3 * CENT)
    budget.reserve(CENT)
    with pytest.raises(BudgetExhausted):
        budget.require_available(CENT)


@pytest.mark.django_db
def test_spent_and_reserved_amounts_both_count_towards_a_cap(vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal("0.30"))
    budget.reserve(10 * CENT)
    BudgetPeriod.objects.update(held=0, spent=10 * CENT)
    budget.reserve(20 * CENT)
    with pytest.raises(BudgetExhausted):
        budget.reserve(1)


@pytest.mark.django_db
def test_a_reservation_that_one_period_refuses_changes_neither_period(vton: Vton) -> None:
    vton(MONTHLY_BUDGET=Decimal("0.10"))
    budget.reserve(9 * CENT)
    with pytest.raises(BudgetExhausted) as refused, transaction.atomic():
        budget.reserve(2 * CENT)
    assert set(BudgetPeriod.objects.values_list("held", flat=True)) == {9 * CENT}
    assert refused.value.status == 429
    assert refused.value.retry_after is not None


@pytest.mark.django_db
def test_reservations_are_counted_without_caps_too() -> None:
    budget.reserve(5)
    budget.reserve(6)
    assert set(BudgetPeriod.objects.values_list("held", flat=True)) == {11}
    assert [status.left for status in budget.budget_statuses()] == [None, None]


@pytest.mark.django_db
def test_a_cap_of_zero_allows_no_reservation(vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal(0))
    with pytest.raises(BudgetExhausted), transaction.atomic():
        budget.reserve(1)
    with pytest.raises(BudgetExhausted):
        budget.require_available(CENT)


@pytest.mark.parametrize(
    ("now", "day", "tomorrow", "next_month"),
    [
        # Around midnight in Berlin, in winter and summer.
        ("2026-01-31T22:59", date(2026, 1, 31), "2026-01-31T23:00", "2026-01-31T23:00"),
        ("2026-01-31T23:00", date(2026, 2, 1), "2026-02-01T23:00", "2026-02-28T23:00"),
        ("2026-06-30T22:00", date(2026, 7, 1), "2026-07-01T22:00", "2026-07-31T22:00"),
        # The days on which the clocks change have 23 and 25 hours.
        ("2026-03-28T23:00", date(2026, 3, 29), "2026-03-29T22:00", "2026-03-31T22:00"),
        ("2026-10-24T22:00", date(2026, 10, 25), "2026-10-25T23:00", "2026-10-31T23:00"),
    ],
)
def test_days_and_months_begin_in_the_shops_time_zone(
    vton: Vton, now: str, day: date, tomorrow: str, next_month: str
) -> None:
    vton(BUDGET_TIME_ZONE="Europe/Berlin")
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert periods.today(moment) == day
    assert periods.period_bounds("day", moment)[1] == datetime.fromisoformat(tomorrow).replace(tzinfo=UTC)
    assert periods.period_bounds("month", moment)[1] == datetime.fromisoformat(next_month).replace(tzinfo=UTC)
    assert periods.period_bounds("day", moment)[0] <= moment < periods.period_bounds("day", moment)[1]
