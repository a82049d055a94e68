"""An operator's word on a try-on that failed while nobody knew what became of its submit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from .. import budget
from ..models import Attempt, TryOnRequest
from ..states import REOPENABLE_CODES, Money, State
from .submits import fill, reopen
from .swap import hold, record, settle, swap

LONGEST_DOUBT = timedelta(minutes=2)
"""After its claim a submit's own answer may come so late: the lease, and one longest call."""


def adopt(request: TryOnRequest, vendor_id: str, *, actor_id: Any) -> bool:
    """The vendor's panel shows the render: it is asked for from now on.

    False where the try-on is not in doubt, or where the id belongs to another one.
    """
    now = timezone.now()
    with transaction.atomic():
        attempt = hold(request)
        request.refresh_from_db(fields=["error_code", "erased_at"])
        failed = request.state == State.FAILED and request.error_code in REOPENABLE_CODES
        if not (failed or request.state == State.UNKNOWN) or request.erased_at is not None:
            return False
        if not fill(Attempt.objects.filter(pk=attempt.pk), vendor_id):
            return False
        return reopen(request, attempt, attempt, "adopted", now, hinted_at=now, actor_id=actor_id)


def not_charged(request: TryOnRequest, *, actor_id: Any) -> bool:
    """The vendor's panel shows no charge: the money is free, and a new attempt is set aside for.

    False where the outcome is not in doubt, the photo is gone, or the answer could still come. Raises
    BudgetExhausted, and nothing has changed.
    """
    now = timezone.now()
    with transaction.atomic():
        attempt = hold(request)
        in_doubt = Q(error_code="outcome_unknown", erased_at__isnull=True, product_picture__isnull=False)
        photo = Q(photo__isnull=False) & (Q(photo__expires_at__isnull=True) | Q(photo__expires_at__gt=now))
        if not TryOnRequest.objects.filter(in_doubt, photo, pk=request.pk).exists():
            return False
        if attempt.vendor_id is not None or not _is_over(attempt, now):
            return False
        if not swap(
            request,
            [State.FAILED],
            State.QUEUED,
            "not_charged",
            attempt=attempt,
            actor_id=actor_id,
            error_code="",
            finished_at=None,
            due_at=now,
        ):
            return False
        settle(request, attempt, Money.FREE, source=Money.SPENT)
        Attempt.objects.create(
            request=request,
            number=attempt.number + 1,
            engine=attempt.engine,
            amount=attempt.amount,
            budget_day=budget.reserve(attempt.amount),
        )
    return True


def _is_over(attempt: Attempt, now: datetime) -> bool:
    return attempt.posted_at is not None and attempt.posted_at + LONGEST_DOUBT <= now


def write_off(request: TryOnRequest, *, actor_id: Any) -> bool:
    """It stays failed, its money spent, and nobody needs to look again. False where nothing is in doubt."""
    with transaction.atomic():
        attempt = hold(request)
        request.refresh_from_db(fields=["error_code"])
        if request.state != State.FAILED or request.error_code != "outcome_unknown":
            return False
        record(request, "written_off", request.state, attempt=attempt, actor_id=actor_id)
    return True
