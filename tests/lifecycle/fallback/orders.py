"""Order try-ons that their engine refuses, and read what they cost."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from django_vton import lifecycle
from django_vton.models import BudgetPeriod, GatewayState, TryOnRequest
from django_vton.models.states import State

from ..harness import PAST
from ..second_engine import FIRST, FIRST_PRICE, SECOND_PRICE, Second

if TYPE_CHECKING:
    from ..harness import Harness

SECOND = Second.name


def held() -> list[int]:
    """What is reserved today and this month."""
    return list(BudgetPeriod.objects.order_by("kind").values_list("held", flat=True))


def amounts(row: TryOnRequest) -> list[tuple[str, int, str]]:
    """The engine, the amount and the money of each attempt."""
    return list(row.attempts.order_by("number").values_list("engine", "amount", "money"))


FREE, MOVED = (FIRST, FIRST_PRICE, "free"), (SECOND, SECOND_PRICE, "held")


def order_refused(harness: Harness, status: int = 402, **scenario: Any) -> TryOnRequest:
    """A try-on that the first engine has refused."""
    harness.gateway.scenario(engine=FIRST, submit_status=status, **scenario)
    row = harness.order()
    harness.run_cycle()
    return TryOnRequest.objects.get(pk=row.pk)


def complete(harness: Harness, row: TryOnRequest) -> TryOnRequest:
    harness.run_cycle()
    harness.poll_when_finished(harness.reload(row, State.SUBMITTED))
    harness.run_cycle()
    return harness.reload(row, State.COMPLETED)


def stop_first(harness: Harness, seconds: int = 600) -> None:
    """The first engine has announced maintenance."""
    GatewayState.objects.update_or_create(
        engine=FIRST,
        defaults={
            "breaker": "503",
            "refused_at": timezone.now(),
            "wait_until": timezone.now() + timedelta(seconds=seconds),
        },
    )
    harness.gateway.scenario(engine=FIRST, submit_status=503, submit_error="maintenance", times=None)


def order_moved_after_500(harness: Harness) -> TryOnRequest:
    """The first engine has accepted it, but answered with 500; it waits for the second engine."""
    row = order_refused(harness, 500, accepted=True, callbacks=0)
    harness.wait_until_finished()  # Once the try-on has moved on, the links to its images are invalid.
    harness.set_times(row, due_at=PAST)
    lifecycle.end_unknown_outcome(row)
    return harness.reload(row, State.QUEUED)
