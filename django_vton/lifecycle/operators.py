"""An operator's word: on a try-on in doubt, on one that failed for good, and on one that takes long."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ..billing import budget
from ..gateway.engines import engines, price
from ..messages import RETRYABLE
from ..models import Attempt, TryOnRequest
from ..models.states import REOPENABLE_CODES, Money, State
from .followers import reopened
from .submits import fill, reopen
from .transition import current_attempt, lock_row, record, settle, transition

if TYPE_CHECKING:
    from django.db.models import QuerySet

RETRYABLE_CODES = frozenset(RETRYABLE).difference(REOPENABLE_CODES)
"""Failures that are certain, and by no fault of the pictures: a new attempt is worth its price."""

LONGEST_DOUBT = timedelta(minutes=2)
"""After its claim a submit's own answer may come so late: the lease, and one longest call."""


def adopt(request: TryOnRequest, vendor_id: str, *, actor_id: Any) -> bool:
    """The vendor's panel shows the render: it is asked for from now on.

    False where the try-on is not in doubt, where nothing was sent, or where the id belongs to another one.
    """
    now = timezone.now()
    with transaction.atomic():
        lock_row(request)
        attempt = current_attempt(request)
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
        return reopen(request, attempt, "adopted", now, called_back_at=now, actor_id=actor_id, detail=ids)


def not_charged(request: TryOnRequest, *, actor_id: Any) -> bool:
    """The vendor's panel shows no charge: the money is free, and where it can go again it goes, held anew.

    False where the outcome is not in doubt, or the answer could still come. Raises BudgetExhausted, and
    nothing has changed.
    """
    now = timezone.now()
    with transaction.atomic():
        lock_row(request)
        attempt = current_attempt(request)
        doubtful = TryOnRequest.objects.filter(
            pk=request.pk, state=State.FAILED, error_code="outcome_unknown"
        )
        if not doubtful.exists() or attempt.vendor_id is not None or not _is_over(attempt, now):
            return False
        settle(request, attempt, Money.FREE, source=Money.SPENT)
        if can_go_again(request, now):
            _send_again(request, attempt, attempt.amount, "not_charged", REOPENABLE_CODES, actor_id)
        else:
            # No longer in doubt: a late callback finds nothing to reopen, since nothing is paid.
            doubtful.update(error_code="vendor")
            record(request, "not_charged", request.state, attempt=attempt, actor_id=actor_id)
    return True


def _can_go(now: datetime) -> Q:
    """Its owner, its photo and the product's picture are still there."""
    photo = Q(photo__isnull=False) & (Q(photo__expires_at__isnull=True) | Q(photo__expires_at__gt=now))
    return Q(photo, erased_at__isnull=True, product_image__isnull=False)


def can_go_again(request: TryOnRequest, now: datetime) -> bool:
    """Whether there is anything to send."""
    return TryOnRequest.objects.filter(_can_go(now), pk=request.pk).exists()


def retryable(rows: QuerySet[TryOnRequest]) -> QuerySet[TryOnRequest]:
    """Those of the rows that failed for certain, by no fault of their pictures, and can be sent anew.

    One that shares a render has none of its own to repeat.
    """
    own = Q(source__isnull=True, state=State.FAILED, error_code__in=RETRYABLE_CODES, engine__in=engines())
    return rows.filter(own, _can_go(timezone.now()))


def _send_again(
    request: TryOnRequest, attempt: Attempt, amount: int, event: str, codes: Iterable[str], actor_id: Any
) -> None:
    """Into the queue with a new attempt, and whoever failed with it by one of `codes` waits for it again."""
    transition(
        request,
        [State.FAILED],
        State.QUEUED,
        event,
        attempt=attempt,
        actor_id=actor_id,
        error_code="",
        finished_at=None,
        due_at=timezone.now(),
        download_failures=0,
        last_attempt=attempt.number + 1,
    )
    reopened(request, codes)
    Attempt.objects.create(
        request=request,
        number=attempt.number + 1,
        engine=attempt.engine,
        amount=amount,
        budget_day=budget.reserve(amount),
    )


def retry(request: TryOnRequest, *, actor_id: Any) -> bool:
    """A new attempt for what is `retryable`, at today's price. False where it is not, or not any more.

    Raises BudgetExhausted, and nothing has changed.
    """
    with transaction.atomic():
        # Locked by itself: not every database can lock one table of a join.
        locked = TryOnRequest.objects.select_for_update().values_list("state", flat=True)
        request.state = locked.filter(pk=request.pk).first() or request.state
        row = retryable(TryOnRequest.objects.filter(pk=request.pk)).first()
        if row is None:
            return False
        amount = price(row.engine, row.options)
        _send_again(request, current_attempt(request), amount, "retried", RETRYABLE_CODES, actor_id)
    return True


def poll_now(request: TryOnRequest, *, actor_id: Any) -> bool:
    """The vendor is asked, or the finished picture fetched, now. False where nothing waits for its time."""
    now = timezone.now()
    with transaction.atomic():
        waits = TryOnRequest.objects.filter(
            pk=request.pk, state__in=[State.SUBMITTED, State.RENDERED], lease_until=None, due_at__gt=now
        )
        if not waits.update(due_at=now):
            return False
        request.refresh_from_db(fields=["state"])
        record(request, "asked", request.state, actor_id=actor_id)
    return True


def _is_over(attempt: Attempt, now: datetime) -> bool:
    return attempt.posted_at is not None and attempt.posted_at + LONGEST_DOUBT <= now


def write_off(request: TryOnRequest, *, actor_id: Any) -> bool:
    """It stays failed, its money spent, and nobody needs to look again. False where nothing is in doubt."""
    with transaction.atomic():
        lock_row(request)
        attempt = current_attempt(request)
        request.refresh_from_db(fields=["error_code"])
        if request.state != State.FAILED or request.error_code != "outcome_unknown":
            return False
        record(request, "written_off", request.state, attempt=attempt, actor_id=actor_id)
    return True
