"""How refusals by the vendor affect the next submits to an engine, in all workers.

401, 402 and 403 open the circuit breaker: no submit can succeed until someone fixes the cause, so try-ons
stay queued and one of them is sent as a trial every minute. For 429, 500 and 503 see `backoff`.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import NamedTuple

from django.db.models import QuerySet
from django.utils import timezone

from ..models import Attempt, GatewayState
from ..pixazo import SubmitResult
from . import backoff

logger = logging.getLogger(__name__)

TRIAL_INTERVAL = timedelta(seconds=60)
"""The time between two trials while the circuit breaker is open."""

BREAKER_REASONS = {
    HTTPStatus.UNAUTHORIZED: "the API key is missing or wrong (401)",
    HTTPStatus.PAYMENT_REQUIRED: "the wallet is empty (402)",
    HTTPStatus.FORBIDDEN: "the subscription does not include this engine (403)",
}


class Allowance(NamedTuple):
    """How many submits to an engine are allowed now."""

    capacity: int
    """None, one trial, or as many as requested."""
    after_refusal: bool
    """Whether a refusal is recorded, so that the next accepted submit has to clear it."""


def allowance(engine: str, now: datetime, requested: int) -> Allowance:
    """How many of the requested submits are allowed. A trial that is allowed here counts as sent."""
    state = GatewayState.objects.filter(pk=engine).first()
    return Allowance(_capacity(state, now, requested), state is not None and state.refused_at is not None)


def _capacity(state: GatewayState | None, now: datetime, requested: int) -> int:
    if state is None:
        return requested
    is_waiting = state.wait_until is not None and state.wait_until > now
    if not state.breaker or is_waiting:
        return 0 if is_waiting else requested
    trial = GatewayState.objects.filter(pk=state.pk, wait_until=state.wait_until, breaker=state.breaker)
    return min(requested, trial.update(wait_until=now + TRIAL_INTERVAL))


def blocked_engines(now: datetime) -> QuerySet[GatewayState, str]:
    """The names of engines whose circuit breaker is open and whose next trial is not due yet."""
    return GatewayState.objects.exclude(breaker="").filter(wait_until__gt=now).values_list("pk", flat=True)


def record_accepted(engine: str, posted_at: datetime) -> None:
    """Clear the refusals from before `posted_at`, since the vendor accepts submits again."""
    GatewayState.objects.filter(pk=engine, refused_at__lt=posted_at).update(
        breaker="", wait_until=None, failures=0, refused_at=None
    )


def record_refused(attempt: Attempt, submission: SubmitResult) -> datetime | None:
    """Record a refusal; return when the try-on may be sent again, or None if it has failed for good."""
    now = timezone.now()
    status = submission.status_code
    if status in BREAKER_REASONS:
        return _open_breaker(attempt.engine, HTTPStatus(status), now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return backoff.pause_engine(attempt.engine, submission.retry_after, now)
    return backoff.retry_at(attempt, now) if status in backoff.SERVER_ERRORS else None


def _open_breaker(engine: str, status: HTTPStatus, now: datetime) -> datetime:
    until = now + TRIAL_INTERVAL
    state = backoff.ensure_state(engine)
    is_new = state.filter(breaker="").update(breaker=str(status.value))
    state.update(wait_until=until, refused_at=now)
    if is_new:
        logger.error("Submits to %s are stopped: %s.", engine, BREAKER_REASONS[status])
    return until
