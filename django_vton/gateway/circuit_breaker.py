"""Stop or delay the submits of all workers after the vendor has refused one.

- 401, 402 and 403 open the circuit breaker of the engine. No submit can succeed until someone fixes the
  cause, so try-ons stay queued and one of them is sent as a trial every minute.
- 429 pauses all submits to the engine.
- 500 and 503 delay only the try-on that was refused.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import NamedTuple

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy

from ..models import Attempt, GatewayState
from ..pixazo import SubmitResult
from .backoff import SERVER_ERRORS, ensure_state, pause_engine, retry_at

logger = logging.getLogger(__name__)

TRIAL_INTERVAL = timedelta(seconds=60)
"""The time between two trials while the circuit breaker is open."""

BREAKER_REASONS = {
    "401": gettext_lazy("the API key is missing or wrong (401)"),
    "402": gettext_lazy("the wallet is empty (402)"),
    "403": gettext_lazy("the subscription does not include this engine (403)"),
}
"""Why the vendor refuses every submit, by the status code in `GatewayState.breaker`."""


class Allowance(NamedTuple):
    """The submits to an engine that are allowed now."""

    capacity: int
    """Their number: 0, 1 for a trial, or as many as requested."""
    after_refusal: bool
    """Whether a refusal is recorded, so that the next accepted submit has to clear it."""


def allowance(engine: str, now: datetime, requested: int) -> Allowance:
    """Return how many of the requested submits are allowed. A trial that is allowed here counts as sent."""
    state = GatewayState.objects.filter(pk=engine).first()
    if state is None:
        return Allowance(requested, after_refusal=False)
    capacity = requested
    if state.wait_until is not None and state.wait_until > now:
        capacity = 0
    elif state.breaker:
        trial = GatewayState.objects.filter(pk=state.pk, wait_until=state.wait_until, breaker=state.breaker)
        capacity = min(requested, trial.update(wait_until=now + TRIAL_INTERVAL))
    return Allowance(capacity, after_refusal=state.refused_at is not None)


def blocked_engines(now: datetime) -> QuerySet[GatewayState, str]:
    """Return the names of engines whose circuit breaker is open and whose next trial is not due yet."""
    return GatewayState.objects.exclude(breaker="").filter(wait_until__gt=now).values_list("pk", flat=True)


def record_accepted(engine: str, posted_at: datetime) -> None:
    """Clear the refusals from before `posted_at`, since the vendor accepts submits again."""
    GatewayState.objects.filter(pk=engine, refused_at__lt=posted_at).update(
        breaker="", wait_until=None, failures=0, refused_at=None
    )


def record_refused(attempt: Attempt, submission: SubmitResult) -> datetime | None:
    """Record a refusal. Return when the try-on may be sent again, or None if it has failed for good."""
    now = timezone.now()
    status = submission.status_code
    if str(status) in BREAKER_REASONS:
        return _open_breaker(attempt.engine, str(status), now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return pause_engine(attempt.engine, submission.retry_after, now)
    return retry_at(attempt, now) if status in SERVER_ERRORS else None


def _open_breaker(engine: str, status: str, now: datetime) -> datetime:
    until = now + TRIAL_INTERVAL
    state = ensure_state(engine)
    is_new = state.filter(breaker="").update(breaker=status)
    state.update(wait_until=until, refused_at=now)
    if is_new:
        logger.error("Submits to %s are stopped: %s.", engine, BREAKER_REASONS[status])
    return until
