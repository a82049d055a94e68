"""Change try-ons before and after a submit, which is the paid call to the vendor, and after callbacks.

A submit is claimed before it is sent, so it is never sent twice automatically. The vendor's id of a render is
stored with its attempt. An id from the response to the submit replaces an id from a callback.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError
from django.db.models import Value
from django.db.models.functions import Least

from .. import signals
from ..gateway import polling
from ..gateway.fetches import failure_code
from ..gateway.links import supports_callback
from ..models import Attempt, TryOnEvent, TryOnRequest, VendorLink
from ..models.states import REOPENABLE_CODES, Money, State
from ..pixazo import SubmitOutcome, SubmitResult
from ..utils import clock, database
from .bulk_update import Row, update_rows
from .followers import fail, reopen_followers
from .transition import (
    atomic_outcome,
    is_newest,
    lock_attempts,
    lock_newest_attempt,
    send_signal,
    settle,
    transition,
)

logger = logging.getLogger(__name__)

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
    return is_due and has_images and attempt.posted_at is None


@database.retry
def mark_submitted(outcomes: Sequence[tuple[Attempt, SubmitResult]]) -> None:
    """Store the vendor's ids of accepted submits. They replace ids that have come with callbacks.

    If an id belongs to another attempt and there are several outcomes, store nothing and raise
    `IntegrityError`. If there is only one outcome, change its try-on to `unknown` instead.
    """
    try:
        with atomic_outcome():
            locked = lock_attempts([attempt for attempt, _ in outcomes])
            update_rows(Attempt, [(attempt.pk, {}, _accepted_fields(result)) for attempt, result in outcomes])
            waiting = [attempt for attempt in locked if _can_reopen(attempt)]
            reopen(waiting, "submitted", [clock.now() + _first_poll_delay(attempt) for attempt in waiting])
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
    _log_id_conflict(fields.pop("vendor_id"))
    with atomic_outcome():
        [attempt] = lock_attempts([attempt])
        if is_newest(attempt) and attempt.request.state == State.SUBMITTING:
            transition([attempt.request], State.UNKNOWN, "vendor_id_conflict", attempts=[attempt])
        Attempt.objects.filter(pk=attempt.pk).update(**fields)


@database.retry
def mark_refused(
    attempt: Attempt, result: SubmitResult, *, retry_at: datetime | None, code: str = "vendor"
) -> None:
    """Queue a refused or unsent submit again for `retry_at`. If that is None, fail its try-on with `code`.

    The submit costs nothing, so its money is also freed if the try-on has already ended.
    """
    with atomic_outcome():
        [attempt] = lock_attempts([attempt])
        request = attempt.request
        Attempt.objects.filter(pk=attempt.pk).update(
            outcome=result.outcome, http_status=result.status_code, error=result.error
        )
        event = str(result.outcome)
        if is_newest(attempt) and request.state in (State.SUBMITTING, State.UNKNOWN):
            if retry_at is None:
                fail(attempt, event, failure_code(attempt, code, is_failed=False), Money.FREE)
            else:
                transition(
                    [request],
                    State.QUEUED,
                    event,
                    attempts=[attempt],
                    due_at=retry_at,
                    last_attempt_number=attempt.number + 1,
                )
                _create_next_attempt(attempt)
        elif attempt.vendor_id is None:
            settle([attempt], Money.FREE, source=Money.SPENT)
        VendorLink.objects.filter(attempt=attempt).delete()


def _create_next_attempt(attempt: Attempt) -> None:
    """Create an attempt that takes over the held money, so that the sums of the budget do not change."""
    if not Attempt.objects.filter(pk=attempt.pk, money=Money.HELD).update(money=Money.FREE):
        raise RuntimeError("An attempt without held money was queued again.")
    Attempt.objects.create(
        request=attempt.request,
        number=attempt.number + 1,
        engine=attempt.engine,
        amount=attempt.amount,
        budget_day=attempt.budget_day,
    )


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
        if request.state != State.SUBMITTING or not is_newest(attempt) or is_leased:
            return False
        due_at = (attempt.posted_at or clock.now()) + timeout
        transition([request], State.UNKNOWN, "outcome_unknown", attempts=[attempt], due_at=due_at)
        Attempt.objects.filter(pk=attempt.pk).update(outcome="unknown", error=error, http_status=status)
    return True


@database.retry
def fail_unknown_outcome(request: TryOnRequest) -> None:
    """If a due try-on still has an unknown outcome, fail it, count its money as spent, and send signals."""
    with database.atomic():
        attempt = lock_newest_attempt(request)
        request = attempt.request
        is_due = request.due_at is not None and request.due_at <= clock.now()
        if request.state == State.UNKNOWN and is_due:
            fail(attempt, "outcome_timed_out", "outcome_unknown", Money.SPENT)
            send_signal(signals.tryon_needs_attention, request, code=request.error_code)


@database.retry
def receive_callback(attempt: Attempt, vendor_id: str) -> bool:
    """Schedule a poll after a callback with this attempt's token. Return whether the try-on changed."""
    now = clock.now()
    # No lock is needed in the common case: the id is the vendor's own, and the try-on waits for its poll.
    is_known = attempt.vendor_id is not None and vendor_id in ("", attempt.vendor_id)
    if is_known and _make_due(attempt.request, now):
        return True
    with database.atomic():
        [attempt] = lock_attempts([attempt])
        if attempt.vendor_id is None and not (vendor_id and store_vendor_id(attempt, vendor_id)):
            return False
        if vendor_id and attempt.vendor_id not in (None, vendor_id) and _is_corrected(attempt):
            store_vendor_id(attempt, vendor_id)
        if _make_due(attempt.request, now):
            return True
        if not _can_reopen(attempt):
            return False
        reopen([attempt], "callback", [now], called_back_at=now)
        return True


def _make_due(request: TryOnRequest, now: datetime) -> bool:
    """Make the try-on due now, but no earlier than one interval after the poll of its last callback.

    Never postpone it. Record the first callback even if the try-on is due already, since try-ons with a
    callback are polled first. The condition on `called_back_at` ignores one of two simultaneous callbacks.
    """
    running = TryOnRequest.objects.filter(
        pk=request.pk, state=State.SUBMITTED, called_back_at=request.called_back_at
    )
    due_at = now
    if request.called_back_at is not None:
        due_at = max(now, request.called_back_at + polling.CALLBACK_POLL_INTERVAL)
        running = running.filter(due_at__gt=due_at)
    return bool(running.update(due_at=Least("due_at", Value(due_at)), called_back_at=due_at))


def _is_corrected(attempt: Attempt) -> bool:
    """Return whether a callback with another id replaces the id that an operator adopted, and is polled."""
    will_be_polled = attempt.request.state == State.SUBMITTED or _can_reopen(attempt)
    return will_be_polled and find_adoption(attempt) is not None


def find_adoption(attempt: Attempt) -> TryOnEvent | None:
    """Return the event with which an operator adopted the attempt's id. Return None if it is to be kept.

    It is kept if images are stored, the try-on was canceled or sent again, or the vendor named the same id.
    """
    request = attempt.request
    events = request.events.filter(attempt=attempt, name__in=("adopted", "adoption_withdrawn"))
    adoption = events.last()
    is_undelivered = request.state in (State.SUBMITTED, State.RENDERED, State.FAILED)
    if adoption is None or adoption.name != "adopted" or not (is_undelivered and is_newest(attempt)):
        return None
    has_vendors_id = adoption.detail["before"] is None and attempt.outcome == SubmitOutcome.ACCEPTED
    is_current = attempt.vendor_id == adoption.detail["vendor_id"] and not has_vendors_id
    return adoption if is_current else None


def store_vendor_id(attempt: Attempt, vendor_id: str | None) -> bool:
    """Store the vendor's id, in any state of the try-on. Return False if it belongs to another attempt."""
    try:
        with database.atomic():
            return bool(Attempt.objects.filter(pk=attempt.pk).update(vendor_id=vendor_id))
    except IntegrityError:
        _log_id_conflict(vendor_id)
        return False


def _log_id_conflict(vendor_id: str | None) -> None:
    # The vendor has used an id twice, or somebody has guessed an id.
    logger.warning("The vendor's id of an attempt belongs to another attempt: %s", vendor_id)


def _can_reopen(attempt: Attempt) -> bool:
    """Return whether this locked attempt, whose vendor's id is known, can become `submitted`."""
    request = attempt.request
    if request.state == State.FAILED:
        is_open = request.error_code in REOPENABLE_CODES and request.erased_at is None
    else:
        is_open = request.state in (State.SUBMITTING, State.UNKNOWN)
    return is_open and is_newest(attempt)


def reopen(attempts: Sequence[Attempt], event: str, due_at: Sequence[datetime], **fields: Any) -> None:
    """Change these try-ons to `submitted`, each with its `due_at`, and queue their failed followers again."""
    requests = [attempt.request for attempt in attempts]
    failed = [request for request in requests if request.state == State.FAILED]
    times = [{"due_at": moment} for moment in due_at]
    fields |= {"attempts": attempts, "own_fields": times, "error_code": "", "finished_at": None}
    transition(requests, State.SUBMITTED, event, **fields)
    for request in failed:
        reopen_followers(request)


def _first_poll_delay(attempt: Attempt) -> timedelta:
    return polling.first_poll_delay(supports_callback=supports_callback(attempt.request.engine))
