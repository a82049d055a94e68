"""The second engine has another price: the budgets and quotas follow it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from django_vton import lifecycle
from django_vton.models import Attempt, BudgetPeriod, GatewayState, Quota
from django_vton.models.states import State

from ..harness import PAST
from ..second_engine import FIRST, FIRST_PRICE, SECOND_PRICE
from ..test_charged_errors import attempt_of
from .orders import SECOND, complete, held, order_refused, stop_first

if TYPE_CHECKING:
    from ...conftest import Vton
    from ..harness import Harness


@pytest.mark.parametrize("cap", ["DAILY_BUDGET", "MONTHLY_BUDGET"])
@pytest.mark.parametrize("status", [402, 404])
def test_without_budget_for_the_difference_it_is_as_without_a_second_engine(
    harness: Harness, vton: Vton, cap: str, status: int
) -> None:
    vton(**{"DAILY_BUDGET": None, "MONTHLY_BUDGET": None, cap: Decimal("0.29")})
    row = order_refused(harness, status)
    if status == 404:
        harness.reload(row, State.FAILED, "vendor")
        assert held() == [0, 0]
    else:
        row = harness.reload(row, State.QUEUED)
        assert (row.engine, held()) == (FIRST, [FIRST_PRICE] * 2)
        harness.set_times(row, due_at=PAST)
        harness.run_cycle()
        row = harness.reload(row, State.QUEUED)
        assert (row.engine, held()) == (FIRST, [FIRST_PRICE] * 2)
        assert row.due_at == GatewayState.objects.get(pk=FIRST).wait_until, "looked at again only then"
    assert harness.post_count() == 1


@pytest.mark.parametrize("cap", ["DAILY_BUDGET", "MONTHLY_BUDGET"])
def test_the_whole_price_of_the_second_engine_is_inside_the_budget(
    harness: Harness, vton: Vton, cap: str
) -> None:
    """Two of them fit, each with the price of the second engine."""
    vton(**{"DAILY_BUDGET": None, "MONTHLY_BUDGET": None, cap: Decimal("0.60")})
    stop_first(harness)
    rows = [harness.order() for _ in range(2)]
    harness.run_cycle()
    assert held() == [2 * SECOND_PRICE] * 2
    for row in rows:
        harness.reload(row, State.SUBMITTED)


def test_a_cheaper_engine_frees_the_difference_even_above_a_lowered_cap(harness: Harness, vton: Vton) -> None:
    vton(PRICES={FIRST: Decimal("0.50")})
    harness.gateway.scenario(engine=FIRST, submit_status=402)
    row = harness.order()
    assert held() == [500_000] * 2
    vton(DAILY_BUDGET=Decimal("0.10"))
    harness.run_cycle()
    row = harness.reload(row, State.QUEUED)
    assert (row.engine, held()) == (SECOND, [SECOND_PRICE] * 2)
    complete(harness, row)


def test_the_day_of_the_budget_stays(harness: Harness) -> None:
    harness.gateway.scenario(engine=FIRST, submit_status=402)
    row = harness.order()
    yesterday = attempt_of(row).budget_day - timedelta(days=1)
    Attempt.objects.update(budget_day=yesterday)
    BudgetPeriod.objects.filter(kind="day").update(starts_on=yesterday)
    BudgetPeriod.objects.filter(kind="month").update(starts_on=yesterday.replace(day=1))
    harness.run_cycle()
    assert attempt_of(harness.reload(row, State.QUEUED), 2).budget_day == yesterday
    assert held() == [SECOND_PRICE] * 2


def test_a_canceled_try_on_frees_the_price_of_the_second_engine(harness: Harness) -> None:
    row = order_refused(harness)
    assert lifecycle.cancel(row)
    row = harness.reload(row, State.CANCELED)
    assert (held(), harness.spent(), Quota.objects.get().used) == ([0, 0], 0, 0)
