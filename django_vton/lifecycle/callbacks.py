"""Handle the vendor's callbacks: they make try-ons due, and prove which submits were accepted."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db.models import Value
from django.db.models.functions import Least

from ..gateway import polling
from ..models import Attempt, TryOnRequest
from ..models.states import State
from ..pixazo import SubmitOutcome
from ..utils import clock, database
from .reopening import can_reopen, find_adoption, record_acceptance, reopen, store_vendor_id
from .transition import lock_attempts

logger = logging.getLogger(__name__)


@database.retry
def receive_callback(attempt: Attempt, vendor_id: str) -> bool:
    """Schedule a poll after a callback with this attempt's token. Return whether the try-on changed."""
    now = clock.now()
    # No lock is needed in the common case: the id is the vendor's own, and the try-on waits for its poll.
    is_known = attempt.vendor_id is not None and vendor_id in ("", attempt.vendor_id)
    is_known = is_known and attempt.outcome != SubmitOutcome.REFUSED  # Otherwise the callback proves more.
    if is_known and _make_due(attempt.request, now):
        return True
    with database.atomic():
        [attempt] = lock_attempts([attempt])
        if not _knows_render(attempt, vendor_id):
            return False
        if vendor_id and record_acceptance(attempt):
            return True
        if _make_due(attempt.request, now):
            return True
        if not can_reopen(attempt):
            return False
        reopen([attempt], "callback", [now], called_back_at=now)
        return True


def _knows_render(attempt: Attempt, vendor_id: str) -> bool:
    """Return whether the locked attempt's render is known, and the callback names no other one.

    Store the id if none is known, or if an operator had adopted another one.
    """
    if vendor_id in ("", attempt.vendor_id):
        return attempt.vendor_id is not None
    if attempt.vendor_id is not None and not _is_corrected(attempt):
        logger.warning("Ignored a callback for attempt %s that names another render.", attempt)
        return False
    return store_vendor_id(attempt, vendor_id)


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
    will_be_polled = attempt.request.state == State.SUBMITTED or can_reopen(attempt)
    return will_be_polled and find_adoption(attempt) is not None
