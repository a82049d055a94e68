"""Orders, submits and results around the midnight of a day with 23 or 25 hours, in the shop's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from django_vton import lifecycle
from django_vton.billing import budget
from django_vton.exceptions import BudgetExhausted
from django_vton.models import Attempt, BudgetPeriod, TryOnRequest

from ..intake_helpers import run_concurrently
from .invariants import check_books

if TYPE_CHECKING:
    from ..conftest import Vton
    from ..faults.simulation import Clock
    from .harness import Harness

PRICE = 300_000
SECOND = timedelta(seconds=1)
NIGHTS = [
    # The day after midnight has 23 or 25 hours.
    (datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
    (datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
]


@pytest.mark.parametrize(("midnight", "hours"), NIGHTS, ids=lambda value: str(value)[:10])
def test_money_stays_in_the_day_in_which_it_was_reserved(
    harness: Harness, clock: Clock, vton: Vton, midnight: datetime, hours: int
) -> None:
    vton(BUDGET_TIME_ZONE="Europe/Berlin", DAILY_BUDGET=Decimal("1.20"))
    tomorrow = midnight.date() + timedelta(days=1)
    clock.now[0] = midnight - SECOND
    for _ in range(2):
        harness.order()

    def order_after_midnight() -> TryOnRequest:
        clock.now[0] = midnight  # While others are ordering.
        return harness.order()

    results = run_concurrently(*[harness.order] * 2, *[order_after_midnight] * 2)
    assert all(isinstance(it, TryOnRequest) for it in results), results
    while Attempt.objects.filter(budget_day=tomorrow).count() < 4:
        harness.order()
    check_books()
    with pytest.raises(BudgetExhausted) as refused:
        harness.order()
    assert refused.value.retry_after == hours * 3600

    first, *_, last = TryOnRequest.objects.order_by("attempts__budget_day", "pk")
    assert lifecycle.cancel(first)
    assert lifecycle.cancel(last)
    harness.gateway.scenario(submit_status=429)
    harness.gateway.scenario(outcome="ERROR")
    while TryOnRequest.objects.exclude(due_at=None).exists():
        harness.run_cycle()
        clock.now[0] += timedelta(minutes=1)
        assert clock.now[0] < midnight + timedelta(hours=1)
        check_books()
    check_books(harness.gateway)
    days = dict(BudgetPeriod.objects.filter(kind="day").values_list("starts_on", "spent"))
    assert days.keys() == {midnight.date(), tomorrow}
    assert sum(days.values()) == harness.charged()


@pytest.mark.django_db
def test_a_refusal_at_midnight_names_the_end_of_the_full_day(
    clock: Clock, vton: Vton, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock passes midnight between two readings."""
    vton(BUDGET_TIME_ZONE="Europe/Berlin", DAILY_BUDGET=Decimal("0.30"))
    clock.now[0] = datetime(2026, 10, 24, 21, 59, 59, tzinfo=UTC)
    budget.reserve(PRICE)

    def tick() -> datetime:
        clock.now[0] += SECOND
        return clock.now[0] - SECOND

    monkeypatch.setattr("django_vton.utils.clock.now", tick)
    for refuse in (budget.reserve, budget.require_available):
        clock.now[0] = datetime(2026, 10, 24, 21, 59, 59, tzinfo=UTC)
        with pytest.raises(BudgetExhausted) as refused, transaction.atomic():
            refuse(PRICE)
        assert refused.value.retry_after == 1
    assert budget.reserve(PRICE) == date(2026, 10, 25)
