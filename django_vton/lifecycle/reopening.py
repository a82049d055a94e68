"""Store the vendor's id of a render, and await this render, even if its try-on seemed to need another one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError

from .. import signals
from ..gateway import circuit_breaker
from ..gateway.backoff import SERVER_ERRORS
from ..models import Attempt, TryOnEvent, TryOnRequest
from ..models.states import REOPENABLE_CODES, Money, State
from ..pixazo import SubmitOutcome
from ..utils import clock, database
from .fallback import change_engine
from .followers import reopen_followers
from .transition import current_attempt, is_current, record, send_signal, settle, transition

logger = logging.getLogger(__name__)


def find_adoption(attempt: Attempt) -> TryOnEvent | None:
    """Return the event with which an operator adopted the attempt's id. Return None if it is to be kept.

    It is kept if images are stored, the try-on was canceled or sent again, or the vendor named the same id.
    """
    request = attempt.request
    events = request.events.filter(attempt=attempt, name__in=("adopted", "adoption_withdrawn"))
    adoption = events.last()
    is_undelivered = request.state in (State.SUBMITTED, State.RENDERED, State.FAILED)
    if adoption is None or adoption.name != "adopted" or not (is_undelivered and is_current(attempt)):
        return None
    has_vendors_id = adoption.detail["before"] is None and attempt.outcome == SubmitOutcome.ACCEPTED
    is_adopted = attempt.vendor_id == adoption.detail["vendor_id"] and not has_vendors_id
    return adoption if is_adopted else None


def store_vendor_id(attempt: Attempt, vendor_id: str | None) -> bool:
    """Store the vendor's id, in any state of the try-on. Return False if it belongs to another attempt."""
    try:
        with database.atomic():
            return bool(Attempt.objects.filter(pk=attempt.pk).update(vendor_id=vendor_id))
    except IntegrityError:
        log_id_conflict(vendor_id)
        return False


def log_id_conflict(vendor_id: str | None) -> None:
    """Log that the vendor has used an id twice, or that somebody has guessed an id."""
    logger.warning("The vendor's id of an attempt belongs to another attempt: %s", vendor_id)


def can_reopen(attempt: Attempt) -> bool:
    """Return whether this locked attempt, whose vendor's id is known, can become `submitted`."""
    request = attempt.request
    if request.state == State.FAILED:
        is_open = request.error_code in REOPENABLE_CODES and request.erased_at is None
    else:
        is_open = request.state in (State.SUBMITTING, State.UNKNOWN)
    return is_open and is_current(attempt)


def reopen(attempts: Sequence[Attempt], event: str, due_at: Sequence[datetime], **fields: Any) -> None:
    """Change these try-ons to `submitted`, each with its `due_at`, and queue their failed followers again."""
    requests = [attempt.request for attempt in attempts]
    failed = [request for request in requests if request.state == State.FAILED]
    times = [{"due_at": moment} for moment in due_at]
    fields |= {"attempts": attempts, "own_fields": times, "error_code": "", "finished_at": None}
    transition(requests, State.SUBMITTED, event, **fields)
    for request in failed:
        reopen_followers(request)


def find_accepted(request: TryOnRequest) -> Attempt | None:
    """Return an earlier attempt of this locked try-on that the vendor accepted, although it seemed not to."""
    others = request.attempts.exclude(number=request.current_attempt_number)
    return others.filter(money=Money.SPENT, vendor_id__isnull=False, answered_at=None).last()


def await_render(attempt: Attempt, current: Attempt) -> None:
    """Await the render of an accepted earlier attempt instead of `current`, which is free of charge."""
    now = clock.now()
    settle([current], Money.FREE, refunds=False)
    Attempt.objects.filter(pk=current.pk, outcome="").update(outcome=SubmitOutcome.NOT_SENT)
    attempt.request = request = current.request
    if attempt.engine != request.engine:
        change_engine(request)
    reopen([attempt], "charged_error", [now], called_back_at=now, current_attempt_number=attempt.number)


def record_acceptance(attempt: Attempt) -> bool:
    """Record that the vendor has accepted this submit, whose id it has just told, and charges for it.

    Its money may be free, since the vendor answered with an error, or since an operator saw no charge. If the
    try-on waits for another submit, await this render instead. Return whether that is so.
    """
    request = attempt.request
    # Once a poll was answered, the money is free because the vendor does not charge this render.
    was_freed = attempt.money == Money.FREE and attempt.answered_at is None
    is_awaited = was_freed and request.state == State.QUEUED
    if attempt.http_status in SERVER_ERRORS and attempt.outcome != SubmitOutcome.ACCEPTED:
        circuit_breaker.record_charged_error(attempt.engine)
    if attempt.outcome == SubmitOutcome.REFUSED:
        Attempt.objects.filter(pk=attempt.pk).update(outcome=SubmitOutcome.ACCEPTED)
    if was_freed:
        settle([attempt], Money.SPENT, source=Money.FREE)
        send_signal(signals.tryon_needs_attention, request, code="charged_error")
        if is_awaited:
            current = current_attempt(request)
            current.request = request
            await_render(attempt, current)
        else:
            record(request, "charged_error", request.state, attempt=attempt)
    return is_awaited
