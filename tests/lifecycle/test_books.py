"""The money of try-ons in the periods of the budget."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from django_vton import lifecycle
from django_vton.exceptions import BudgetExhausted
from django_vton.models import BudgetPeriod

if TYPE_CHECKING:
    from ..conftest import Vton
    from .harness import Harness


def test_money_stays_in_the_day_that_reserved_it(harness: Harness) -> None:
    """Accepted on the last day of a month and ended in the next: all is booked in the first month."""
    row = harness.order()
    BudgetPeriod.objects.filter(kind="day").update(starts_on=date(2026, 1, 31))
    BudgetPeriod.objects.filter(kind="month").update(starts_on=date(2026, 1, 1))
    row.attempts.update(budget_day=date(2026, 1, 31))
    harness.run_cycle()
    harness.poll_when_finished(row)
    assert lifecycle.cancel(row)
    booked = BudgetPeriod.objects.values_list("kind", "starts_on", "held", "spent")
    assert sorted(booked) == [
        ("day", date(2026, 1, 31), 0, 300_000),
        ("month", date(2026, 1, 1), 0, 300_000),
    ]


def test_a_refused_request_stores_nothing(harness: Harness, vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal("0.50"))
    row = harness.order()
    with pytest.raises(BudgetExhausted):
        harness.order()
    assert type(row).objects.count() == 1
