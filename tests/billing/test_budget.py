"""Caps hold to the last cent, whoever asks at the same time; days and months are the shop's."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.db import connections, transaction

from django_vton.billing import budget
from django_vton.exceptions import BudgetExhausted
from django_vton.models import BudgetPeriod
from django_vton.utils import periods

if TYPE_CHECKING:
    from ..conftest import Vton

CENT = 10_000


def at_once(number: int, amount: int) -> tuple[int, list[BaseException]]:
    """So many reservations at the same moment; how many were granted, and what else went wrong."""
    together = threading.Barrier(number)
    granted: list[date] = []
    troubles: list[BaseException] = []

    def reserve() -> None:
        try:
            together.wait()
            with transaction.atomic():
                granted.append(budget.reserve(amount))
        except BudgetExhausted:
            pass
        except BaseException as trouble:  # noqa: BLE001 - it is shown in the test's own thread
            troubles.append(trouble)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=reserve) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(granted), troubles


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("cap", ["DAILY_BUDGET", "MONTHLY_BUDGET"])
def test_the_last_cent_is_granted_once(vton: Vton, cap: str) -> None:
    vton(**{cap: Decimal("0.31")})
    assert at_once(12, 3 * CENT) == (10, [])
    held = BudgetPeriod.objects.values_list("held", flat=True)
    assert list(held) == [30 * CENT, 30 * CENT]
    with pytest.raises(BudgetExhausted):
        budget.reserve(3 * CENT)
    budget.reserve(CENT)
    with pytest.raises(BudgetExhausted):
        budget.require_available()


@pytest.mark.django_db
def test_what_is_spent_counts_as_what_is_held(vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal("0.30"))
    budget.reserve(10 * CENT)
    BudgetPeriod.objects.update(held=0, spent=10 * CENT)
    budget.reserve(20 * CENT)
    with pytest.raises(BudgetExhausted):
        budget.reserve(1)


@pytest.mark.django_db
def test_neither_period_keeps_what_the_other_refused(vton: Vton) -> None:
    vton(MONTHLY_BUDGET=Decimal("0.10"))
    budget.reserve(9 * CENT)
    with pytest.raises(BudgetExhausted) as refused, transaction.atomic():
        budget.reserve(2 * CENT)
    assert set(BudgetPeriod.objects.values_list("held", flat=True)) == {9 * CENT}
    assert refused.value.status == 429
    assert refused.value.retry_after is not None


@pytest.mark.django_db
def test_without_caps_it_is_counted_all_the_same() -> None:
    budget.reserve(5)
    budget.reserve(6)
    assert set(BudgetPeriod.objects.values_list("held", flat=True)) == {11}
    assert budget.remaining(BudgetPeriod.Kind.DAY) is None


@pytest.mark.django_db
def test_a_cap_of_nothing_grants_nothing(vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal(0))
    with pytest.raises(BudgetExhausted), transaction.atomic():
        budget.reserve(1)
    with pytest.raises(BudgetExhausted):
        budget.require_available()


@pytest.mark.parametrize(
    ("now", "day", "tomorrow", "next_month"),
    [
        # An hour before midnight in Berlin, winter and summer; and after midnight, when UTC is a day behind.
        ("2026-01-31T22:59", date(2026, 1, 31), "2026-01-31T23:00", "2026-01-31T23:00"),
        ("2026-01-31T23:00", date(2026, 2, 1), "2026-02-01T23:00", "2026-02-28T23:00"),
        ("2026-06-30T22:00", date(2026, 7, 1), "2026-07-01T22:00", "2026-07-31T22:00"),
        # The days on which the clock is changed have 23 and 25 hours.
        ("2026-03-28T23:00", date(2026, 3, 29), "2026-03-29T22:00", "2026-03-31T22:00"),
        ("2026-10-24T22:00", date(2026, 10, 25), "2026-10-25T23:00", "2026-10-31T23:00"),
    ],
)
def test_days_and_months_are_the_shops(
    vton: Vton, now: str, day: date, tomorrow: str, next_month: str
) -> None:
    vton(BUDGET_TIME_ZONE="Europe/Berlin")
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert periods.today(moment) == day
    assert periods.period_bounds("day", moment)[1] == datetime.fromisoformat(tomorrow).replace(tzinfo=UTC)
    assert periods.period_bounds("month", moment)[1] == datetime.fromisoformat(next_month).replace(tzinfo=UTC)
    assert periods.period_bounds("day", moment)[0] <= moment < periods.period_bounds("day", moment)[1]
