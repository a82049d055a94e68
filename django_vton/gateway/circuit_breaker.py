"""How refusals by the vendor affect the next submits to an engine, in all workers.

After a 429, submits to the engine pause (rate limit). 401, 402 and 403 open the circuit breaker: no submit
can succeed until someone fixes the cause, so try-ons stay queued and one of them is sent as a trial every
minute.
"""

from __future__ import annotations

import logging
import random
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import NamedTuple

from django.db.models import F, Q, QuerySet
from django.utils import timezone

from ..models import Attempt, GatewayState
from ..pixazo import SubmitResult

logger = logging.getLogger(__name__)

TRIAL_INTERVAL = timedelta(seconds=60)
"""The time between two trials while the circuit breaker is open."""

MAX_BACKOFF_SECONDS = 300.0
"""The longest back-off, unless the vendor's Retry-After asks for a longer one."""

MAX_SERVER_ERRORS = 6
"""A try-on fails, free of charge, after this many responses 500 or 503. A 429 never makes a try-on fail."""

BREAKER_REASONS = {
    HTTPStatus.UNAUTHORIZED: "the API key is missing or wrong (401)",
    HTTPStatus.PAYMENT_REQUIRED: "the wallet is empty (402)",
    HTTPStatus.FORBIDDEN: "the subscription does not include this engine (403)",
}
SERVER_ERRORS = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)


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
        return _slow_down(attempt.engine, submission.retry_after, now)
    if status not in SERVER_ERRORS:
        return None
    earlier = Attempt.objects.filter(request=attempt.request_id, number__lt=attempt.number)
    failures = 1 + earlier.filter(http_status__in=SERVER_ERRORS).count()
    return None if failures >= MAX_SERVER_ERRORS else now + _backoff(failures)


def _slow_down(engine: str, retry_after: float | None, now: datetime) -> datetime:
    """Pause all submits to this engine. A shorter pause never shortens a longer one."""
    _ensure_state(engine)
    state = GatewayState.objects.filter(pk=engine)
    state.update(failures=F("failures") + 1, refused_at=now)
    failures = state.values_list("failures", flat=True).get()
    until = now + (timedelta(seconds=retry_after) if retry_after else _backoff(failures))
    state.filter(Q(wait_until__isnull=True) | Q(wait_until__lt=until)).update(wait_until=until)
    return until


def _open_breaker(engine: str, status: HTTPStatus, now: datetime) -> datetime:
    _ensure_state(engine)
    until = now + TRIAL_INTERVAL
    state = GatewayState.objects.filter(pk=engine)
    is_new = state.filter(breaker="").update(breaker=str(status.value))
    state.update(wait_until=until, refused_at=now)
    if is_new:
        logger.error("Submits to %s are stopped: %s.", engine, BREAKER_REASONS[status])
    return until


def _ensure_state(engine: str) -> None:
    GatewayState.objects.bulk_create([GatewayState(engine=engine)], ignore_conflicts=True)


def _backoff(failures: int) -> timedelta:
    """Exponential, with jitter so that try-ons do not all return at the same moment."""
    seconds = min(MAX_BACKOFF_SECONDS, 2.0 ** min(failures, 10))
    return timedelta(seconds=seconds * random.uniform(0.5, 1.5))  # noqa: S311 - not a secret
