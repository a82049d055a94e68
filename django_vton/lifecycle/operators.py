"""Let operators resolve unknown outcomes, retry failed try-ons, and poll the vendor at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from ..billing import budget
from ..gateway.engines import engines, price
from ..messages import RETRYABLE_CODES as RETRYABLE_BY_SHOPPERS
from ..models import Attempt, TryOnRequest
from ..models.photos import has_release
from ..models.states import REOPENABLE_CODES, Money, State
from ..pixazo import SubmitOutcome
from ..utils import clock, database
from .followers import change_followers_code, fail, reopen_followers
from .reopening import await_render, find_accepted, find_adoption, reopen, store_vendor_id
from .submission import LEASE
from .transition import (
    current_attempt,
    lock_current_attempt,
    lock_rows,
    next_number,
    record,
    settle,
    transition,
)

RETRYABLE_CODES = frozenset(RETRYABLE_BY_SHOPPERS).difference(REOPENABLE_CODES)
"""The codes of failures with a known outcome that no image's content caused. A new attempt can succeed."""

MAX_ANSWER_DELAY = 2 * LEASE
"""The maximum time from a submit's claim until its response is stored: the lease, doubled as a margin."""


@database.retry
def adopt_vendor_id(request: TryOnRequest, vendor_id: str, *, actor_id: Any) -> bool:
    """Poll the render with this id, which the operator has found in the vendor's panel.

    The caller has polled it once, so the vendor knows it. Return False if the outcome is known, if nothing
    was sent, if the try-on is erased, or if another attempt has the id.
    """
    now = clock.now()
    with database.atomic():
        attempt = lock_current_attempt(request)
        request = attempt.request
        is_failed = request.state == State.FAILED and request.error_code in REOPENABLE_CODES
        if not (is_failed or request.state == State.UNKNOWN) or request.erased_at is not None:
            return False
        if attempt.money == Money.FREE:
            # The vendor has refused the submit in the meantime, so there is no paid render to adopt.
            return False
        earlier = find_adoption(attempt)
        if not store_vendor_id(attempt, vendor_id):
            return False
        # A withdrawal restores what the vendor said, also after a second adoption.
        before = {"before": attempt.vendor_id, "code": request.error_code}
        detail = {**(earlier.detail if earlier else before), "vendor_id": vendor_id}
        reopen([attempt], "adopted", [now], called_back_at=now, actor_id=actor_id, detail=detail)
        return True


@database.retry
def withdraw_adoption(request: TryOnRequest, *, actor_id: Any) -> bool:
    """Make the outcome unknown again, with its amount spent. Return False if nothing was adopted.

    If the vendor has refused the submit in the meantime, the amount is free. A quota that was refunded,
    because the vendor did not charge the other render, stays refunded.
    """
    with database.atomic():
        attempt = lock_current_attempt(request)
        request = attempt.request
        adoption = find_adoption(attempt)
        if adoption is None:
            return False
        # If the try-on was still awaiting its outcome, that has ended: the operator decides now.
        code, money = adoption.detail["code"] or "outcome_unknown", Money.SPENT
        is_free = attempt.outcome in (SubmitOutcome.REFUSED, SubmitOutcome.NOT_SENT)
        if is_free and adoption.detail["before"] is None:
            code, money = "vendor", Money.FREE
        if attempt.answered_at is not None:  # The response is about the other render.
            Attempt.objects.filter(pk=attempt.pk).update(answered_at=None, raw={}, error="")
        # Meanwhile, the earlier id may have been adopted for another try-on.
        store_vendor_id(attempt, adoption.detail["before"]) or store_vendor_id(attempt, None)
        if request.state == State.FAILED:
            record(request, "adoption_withdrawn", State.FAILED, attempt=attempt, actor_id=actor_id)
            change_followers_code(request, code)
            TryOnRequest.objects.filter(pk=request.pk).update(error_code=code)
        else:
            fail(attempt, "adoption_withdrawn", code, money, actor_id=actor_id)
        if attempt.money != money:
            settle([attempt], money, source=Money(attempt.money))
    return True


@database.retry
def confirm_not_charged(request: TryOnRequest, *, actor_id: Any) -> bool:
    """Free the money, since the vendor's panel shows no charge, and send the try-on again if possible.

    If a callback has proved that the vendor accepted an earlier attempt, await its render instead.

    Return False if the outcome is known, or if the response to the submit can still come. Raise
    `BudgetExhausted`, and change nothing, if the budget does not cover the new attempt.
    """
    now = clock.now()
    with database.atomic():
        attempt = lock_current_attempt(request)
        if not _is_unresolved(attempt.request) or attempt.vendor_id is not None or not _is_over(attempt, now):
            return False
        accepted = None if attempt.request.erased_at else find_accepted(attempt.request)
        settle([attempt], Money.FREE, source=Money.SPENT, refunds=accepted is None)
        if accepted is not None:
            record(attempt.request, "not_charged", State.FAILED, attempt=attempt, actor_id=actor_id)
            await_render(accepted, attempt)
        elif can_be_sent_again(attempt.request, now):
            _send_again(attempt, attempt.amount, "not_charged", REOPENABLE_CODES, actor_id)
        else:
            # A late callback must not reopen the try-on any more, since no money is reserved for it.
            TryOnRequest.objects.filter(pk=request.pk).update(error_code="vendor")
            record(attempt.request, "not_charged", State.FAILED, attempt=attempt, actor_id=actor_id)
    return True


def _is_unresolved(request: TryOnRequest) -> bool:
    return request.state == State.FAILED and request.error_code == "outcome_unknown"


def _is_over(attempt: Attempt, now: datetime) -> bool:
    return attempt.posted_at is not None and attempt.posted_at + MAX_ANSWER_DELAY <= now


def _has_images(now: datetime) -> Q:
    photo = Q(photo__isnull=False) & (Q(photo__expires_at__isnull=True) | Q(photo__expires_at__gt=now))
    return Q(photo, has_release("photo__"), erased_at__isnull=True, product_image__isnull=False)


def can_be_sent_again(request: TryOnRequest, now: datetime) -> bool:
    """Return whether the photo and the product image still exist, and the try-on is not erased."""
    return TryOnRequest.objects.filter(_has_images(now), pk=request.pk).exists()


def retryable(rows: QuerySet[TryOnRequest]) -> QuerySet[TryOnRequest]:
    """Return the rows that failed with one of `RETRYABLE_CODES` and can be sent again.

    Followers are left out, since they have no render of their own.
    """
    own = Q(source__isnull=True, state=State.FAILED, error_code__in=RETRYABLE_CODES, engine__in=engines())
    return rows.filter(own, _has_images(clock.now()))


@database.retry
def retry(request: TryOnRequest, *, actor_id: Any) -> bool:
    """Create a new attempt at today's price. Return False if the try-on is not `retryable` any more.

    Raise `BudgetExhausted`, and change nothing, if the budget does not cover the price.
    """
    with database.atomic():
        row = lock_rows([request.pk])[request.pk]
        if not retryable(TryOnRequest.objects.filter(pk=row.pk)).exists():
            return False
        amount = price(row.engine, row.options)
        _send_again(current_attempt(row), amount, "retried", RETRYABLE_CODES, actor_id)
    return True


def _send_again(attempt: Attempt, amount: int, event: str, codes: Iterable[str], actor_id: Any) -> None:
    """Queue a locked try-on with a new attempt, as well as its followers that failed with one of `codes`."""
    request, number = attempt.request, next_number(attempt.request)
    transition(
        [request],
        State.QUEUED,
        event,
        attempts=[attempt],
        actor_id=actor_id,
        error_code="",
        finished_at=None,
        due_at=clock.now(),
        download_failures=0,
        current_attempt_number=number,
    )
    reopen_followers(request, codes)
    Attempt.objects.create(
        request=request,
        number=number,
        engine=attempt.engine,
        amount=amount,
        budget_day=budget.reserve(amount),
    )


@database.retry
def poll_now(request: TryOnRequest, *, actor_id: Any) -> bool:
    """Make the next poll or download due now. Return False if none is scheduled for later."""
    now = clock.now()
    with database.atomic():
        row = lock_rows([request.pk])[request.pk]
        is_waiting = row.state in (State.SUBMITTED, State.RENDERED) and row.lease_until is None
        if not is_waiting or row.due_at is None or row.due_at <= now:
            return False
        TryOnRequest.objects.filter(pk=row.pk).update(due_at=now)
        record(row, "polled", row.state, actor_id=actor_id)
    return True


@database.retry
def write_off(request: TryOnRequest, *, actor_id: Any) -> bool:
    """Record that staff accept an unknown outcome as failed and paid. Return False if there is none."""
    with database.atomic():
        row = lock_rows([request.pk])[request.pk]
        if not _is_unresolved(row):
            return False
        record(row, "written_off", row.state, attempt=current_attempt(row), actor_id=actor_id)
    return True
