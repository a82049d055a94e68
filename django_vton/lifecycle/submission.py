"""Change try-ons before and after a submit, which is the paid call to the vendor.

A submit is claimed before it is sent, so it is never sent twice automatically. The vendor's id of a render is
stored with its attempt. An id from the response to the submit replaces an id from a callback.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from django.db import IntegrityError

from .. import signals
from ..conf import config
from ..gateway import circuit_breaker, polling
from ..gateway.backoff import retry_at as next_retry_at
from ..gateway.fetches import failure_code
from ..gateway.links import supports_callback
from ..models import Attempt, TryOnRequest, VendorLink
from ..models.states import Money, State
from ..pixazo import SubmitOutcome, SubmitResult
from ..pixazo.parsing import error_code
from ..utils import clock, database
from .bulk_update import Row, update_rows
from .fallback import fall_back
from .followers import fail
from .reopening import (
    await_render,
    can_reopen,
    find_accepted,
    log_id_conflict,
    record_acceptance,
    reopen,
)
from .transition import (
    atomic_outcome,
    create_next_attempt,
    is_current,
    lock_attempts,
    lock_current_attempt,
    next_number,
    record,
    send_signal,
    settle,
    transition,
)

LEASE = timedelta(seconds=60)
"""The time for which a claimed try-on belongs to its worker."""


def claim_submits(
    attempts: Sequence[Attempt], token_hashes: Sequence[str], now: datetime, lease: timedelta
) -> list[Attempt]:
    """Change these try-ons from `queued` to `submitting`. Commit the change before you open a socket.

    Return the attempts that may be sent now, once. An attempt may not be sent if its try-on was claimed or
    ended since the caller read it, is not due, or has no photo any more.
    """
    until = now + lease
    with database.atomic(savepoint=False):  # Usually the caller's transaction.
        claimed: list[Attempt] = []
        changes: list[Row] = []
        for attempt, locked, token_hash in zip(attempts, lock_attempts(attempts), token_hashes, strict=True):
            if _may_be_sent(locked, now):
                claimed.append(attempt)
                changes.append(
                    (attempt.pk, {"posted_at": None}, {"posted_at": now, "token_hash": token_hash})
                )
        transition(
            [attempt.request for attempt in claimed],
            State.SUBMITTING,
            "claimed",
            lease_until=until,
            due_at=until,
            started_at=now,
            unhandled_seconds=0,
        )
        update_rows(Attempt, changes)
    for attempt, (_, _, values) in zip(claimed, changes, strict=True):
        attempt.posted_at, attempt.token_hash = now, values["token_hash"]
    return claimed


def _may_be_sent(attempt: Attempt, now: datetime) -> bool:
    request = attempt.request
    is_due = request.state == State.QUEUED and request.due_at is not None and request.due_at <= now
    has_images = request.photo_id is not None and request.product_image_id is not None
    return is_due and has_images and attempt.posted_at is None and is_current(attempt)


@database.retry
def mark_submitted(outcomes: Sequence[tuple[Attempt, SubmitResult]]) -> None:
    """Store the vendor's ids of accepted submits. They replace ids that have come with callbacks.

    A response may come so late that an operator has already confirmed that nothing was charged: it is spent.

    If an id belongs to another attempt and there are several outcomes, store nothing and raise
    `IntegrityError`. If there is only one outcome, change its try-on to `unknown` instead.
    """
    try:
        with atomic_outcome():
            locked = lock_attempts([attempt for attempt, _ in outcomes])
            update_rows(Attempt, [(attempt.pk, {}, _accepted_fields(result)) for attempt, result in outcomes])
            waiting = [attempt for attempt in locked if can_reopen(attempt)]
            reopen(waiting, "submitted", [clock.now() + _first_poll_delay(attempt) for attempt in waiting])
            for attempt in locked:
                record_acceptance(attempt)
    except IntegrityError:
        if len(outcomes) > 1:
            raise
        _mark_id_conflict(*outcomes[0])


def _accepted_fields(result: SubmitResult) -> dict[str, Any]:
    assert result.answer is not None
    fields = {"outcome": result.outcome, "http_status": result.status_code, "raw": result.answer.raw}
    return fields | {"vendor_id": result.answer.vendor_id}


def _mark_id_conflict(attempt: Attempt, result: SubmitResult) -> None:
    fields = _accepted_fields(result)
    log_id_conflict(fields.pop("vendor_id"))
    with atomic_outcome():
        [attempt] = lock_attempts([attempt])
        if is_current(attempt) and attempt.request.state == State.SUBMITTING:
            transition([attempt.request], State.UNKNOWN, "vendor_id_conflict", attempts=[attempt])
        Attempt.objects.filter(pk=attempt.pk).update(**fields)


@database.retry
def mark_refused(
    attempt: Attempt,
    result: SubmitResult,
    *,
    retry_at: datetime | None,
    code: str = "vendor",
    callback_until: datetime | None = None,
) -> None:
    """Queue a refused or unsent submit again for `retry_at`. If that is None, fail its try-on with `code`.

    If its product has a second engine that can help, queue it for that engine instead, due now.

    With `callback_until`, first wait until then for a callback, which would prove that the vendor accepted
    the submit; `end_unknown_outcome` decides after that. Until then, the vendor may download the images.

    The submit costs nothing, so its money is also freed if the try-on has already ended.
    """
    with atomic_outcome():
        [attempt] = lock_attempts([attempt])
        request = attempt.request
        if attempt.outcome != SubmitOutcome.ACCEPTED:
            Attempt.objects.filter(pk=attempt.pk).update(
                outcome=result.outcome, http_status=result.status_code, error=result.error
            )
        if is_current(attempt) and request.state in (State.SUBMITTING, State.UNKNOWN):
            if callback_until is None:
                # A submit that this worker could not prepare says nothing about the engine.
                is_engines_fault = result.outcome == SubmitOutcome.REFUSED or result.is_unreachable
                _refuse(attempt, str(result.outcome), retry_at, code, may_fall_back=is_engines_fault)
            elif request.state == State.SUBMITTING:
                transition(
                    [request], State.UNKNOWN, "awaiting_callback", attempts=[attempt], due_at=callback_until
                )
            else:
                TryOnRequest.objects.filter(pk=request.pk).update(due_at=callback_until)
        elif attempt.vendor_id is None:
            settle([attempt], Money.FREE, source=Money.SPENT)
            VendorLink.objects.filter(attempt=attempt).delete()


def _refuse(
    attempt: Attempt, event: str, retry_at: datetime | None, code: str, *, may_fall_back: bool = True
) -> None:
    """Move the attempt's locked try-on to its second engine, queue it again for `retry_at`, or fail it.

    If a callback has proved meanwhile that the vendor accepted an earlier attempt, await its render instead.
    """
    request = attempt.request
    accepted = find_accepted(request)
    if accepted is not None:
        await_render(accepted, attempt)
    elif may_fall_back and fall_back(attempt, event, code, is_final=retry_at is None):
        pass
    elif retry_at is None:
        fail(attempt, event, failure_code(attempt, code, is_failed=False), Money.FREE)
    else:
        number = next_number(request)
        transition(
            [request],
            State.QUEUED,
            event,
            attempts=[attempt],
            due_at=retry_at,
            current_attempt_number=number,
        )
        create_next_attempt(attempt, number, attempt.engine, attempt.amount)
    VendorLink.objects.filter(attempt=attempt).delete()


@database.retry
def mark_unknown(
    attempt: Attempt,
    *,
    timeout: timedelta,
    error: str = "",
    status: int | None = None,
    expired_at: datetime | None = None,
) -> bool:
    """Store that a submit may have been sent and has no known outcome. It is not sent again.

    Await the outcome for `timeout` after the submit. Return False, and change nothing, if the try-on is not
    `submitting` or if its lease is still valid at `expired_at`.
    """
    with atomic_outcome():
        [attempt] = lock_attempts([attempt])
        request = attempt.request
        is_leased = (
            expired_at is not None and request.lease_until is not None and request.lease_until > expired_at
        )
        if request.state != State.SUBMITTING or not is_current(attempt) or is_leased:
            return False
        due_at = (attempt.posted_at or clock.now()) + timeout
        transition([request], State.UNKNOWN, "outcome_unknown", attempts=[attempt], due_at=due_at)
        Attempt.objects.filter(pk=attempt.pk).update(outcome="unknown", error=error, http_status=status)
    return True


@database.retry
def end_unknown_outcome(request: TryOnRequest) -> None:
    """If a due try-on still has an unknown outcome, fail it, count its money as spent, and send signals.

    If its submit was refused and no callback came, send it again or fail it, free of charge. But if the
    vendor has charged for such a submit recently, await the outcome as long as a render.
    """
    now = clock.now()
    with database.atomic():
        attempt = lock_current_attempt(request)
        request = attempt.request
        is_due = request.due_at is not None and request.due_at <= now
        if request.state == State.UNKNOWN and is_due:
            if attempt.outcome == SubmitOutcome.REFUSED:
                _end_callback_wait(attempt, now)
            else:
                fail(attempt, "outcome_timed_out", "outcome_unknown", Money.SPENT)
                send_signal(signals.tryon_needs_attention, request, code=request.error_code)


def _end_callback_wait(attempt: Attempt, now: datetime) -> None:
    request, status = attempt.request, attempt.http_status or HTTPStatus.INTERNAL_SERVER_ERROR
    if circuit_breaker.charged_errors(now).filter(pk=attempt.engine).exists():
        Attempt.objects.filter(pk=attempt.pk).update(outcome=SubmitOutcome.UNKNOWN)
        due_at = (attempt.posted_at or now) + config.DEADLINE
        TryOnRequest.objects.filter(pk=request.pk).update(due_at=due_at)
        record(request, "outcome_unknown", request.state, attempt=attempt)
    else:
        retry_at = next_retry_at(attempt, status, now)
        _refuse(attempt, "refused", retry_at, error_code(attempt.error))


def _first_poll_delay(attempt: Attempt) -> timedelta:
    return polling.first_poll_delay(supports_callback=supports_callback(attempt.request.engine))
