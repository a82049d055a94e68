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
from .swap import hold, record, reopened, settle, swap

LONGEST_DOUBT = timedelta(minutes=2)
"""After its claim a submit's own answer may come so late: the lease, and one longest call."""


def adopt(request: TryOnRequest, vendor_id: str, *, actor_id: Any) -> bool:
    """The vendor's panel shows the render: it is asked for from now on.

    False where the try-on is not in doubt, where nothing was sent, or where the id belongs to another one.
    """
    now = timezone.now()
    with transaction.atomic():
        attempt = hold(request)
        request.refresh_from_db(fields=["error_code", "erased_at"])
        failed = request.state == State.FAILED and request.error_code in REOPENABLE_CODES
        if not (failed or request.state == State.UNKNOWN) or request.erased_at is not None:
            return False
        if attempt.money == Money.FREE:
            # Its photo had gone before it was sent: nothing is paid that could be adopted.
            return False
        if not fill(Attempt.objects.filter(pk=attempt.pk), vendor_id):
            return False
        ids = {"vendor_id": vendor_id, "before": attempt.vendor_id}
        return reopen(request, attempt, attempt, "adopted", now, hinted_at=now, actor_id=actor_id, detail=ids)


def not_charged(request: TryOnRequest, *, actor_id: Any) -> bool:
    """The vendor's panel shows no charge: the money is free, and where it can go again it goes, held anew.

    False where the outcome is not in doubt, or the answer could still come. Raises BudgetExhausted, and
    nothing has changed.
    """
    now = timezone.now()
    with transaction.atomic():
        attempt = hold(request)
        doubtful = TryOnRequest.objects.filter(
            pk=request.pk, state=State.FAILED, error_code="outcome_unknown"
        )
        if not doubtful.exists() or attempt.vendor_id is not None or not _is_over(attempt, now):
            return False
        settle(request, attempt, Money.FREE, source=Money.SPENT)
        if can_go_again(request, now):
            _send_again(request, attempt, now, actor_id)
        else:
            # No longer in doubt: a late callback finds nothing to reopen, since nothing is paid.
            doubtful.update(error_code="vendor")
            record(request, "not_charged", request.state, attempt=attempt, actor_id=actor_id)
    return True


def can_go_again(request: TryOnRequest, now: datetime) -> bool:
    """Whether its owner, its photo and the product's picture are still there."""
    rows = TryOnRequest.objects.filter(pk=request.pk, erased_at__isnull=True, product_picture__isnull=False)
    photo = Q(photo__isnull=False) & (Q(photo__expires_at__isnull=True) | Q(photo__expires_at__gt=now))
    return rows.filter(photo).exists()


def _send_again(request: TryOnRequest, attempt: Attempt, now: datetime, actor_id: Any) -> None:
    swap(
        request,
        [State.FAILED],
        State.QUEUED,
        "not_charged",
        attempt=attempt,
        actor_id=actor_id,
        error_code="",
        finished_at=None,
        due_at=now,
    )
    reopened(request)
    Attempt.objects.create(
        request=request,
        number=attempt.number + 1,
        engine=attempt.engine,
        amount=attempt.amount,
        budget_day=budget.reserve(attempt.amount),
    )


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
