"""What the vendor's refusals mean for the next submits of an engine, for all workers together.

429 slows down; 401, 402 and 403 open the breaker: nothing can succeed until somebody acts, so queued
rows wait and one of them at a time goes as a trial.
"""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import F, Q
from django.utils import timezone

from ..models import Attempt, GatewayState

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from ..pixazo import Submission

logger = logging.getLogger(__name__)

BREAKER_INTERVAL = timedelta(seconds=60)
LONGEST_WAIT = 300.0
"""Seconds that we wait of our own accord; a vendor's Retry-After is kept as it is."""

MAX_FAILURES = 6
"""After so many 500s and 503s a try-on fails, free of charge. 429 is about all, and fails nobody."""

BREAKERS = {
    HTTPStatus.UNAUTHORIZED: "the API key is missing or wrong (401)",
    HTTPStatus.PAYMENT_REQUIRED: "the wallet is empty (402)",
    HTTPStatus.FORBIDDEN: "the subscription does not include this engine (403)",
}
PASSING = (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)


class Allowance(NamedTuple):
    """Which submits of an engine may go now."""

    places: int
    """None, one as a trial, or all that are wanted."""
    after_refusal: bool
    """Whether one is on record, which the next that is accepted ends."""


def allowance(engine: str, now: datetime, wanted: int) -> Allowance:
    """What may go of so many that are wanted."""
    state = GatewayState.objects.filter(pk=engine).first()
    return Allowance(_places(state, now, wanted), state is not None and state.refused_at is not None)


def _places(state: GatewayState | None, now: datetime, wanted: int) -> int:
    if state is None or (not state.breaker and (state.wait_until is None or state.wait_until <= now)):
        return wanted
    if not state.breaker or (state.wait_until is not None and state.wait_until > now):
        return 0
    trial = GatewayState.objects.filter(pk=state.pk, wait_until=state.wait_until, breaker=state.breaker)
    return min(wanted, trial.update(wait_until=now + BREAKER_INTERVAL))


def stopped(now: datetime) -> QuerySet[GatewayState, str]:
    """The engines whose breaker is open, and whose next trial is not yet due."""
    return GatewayState.objects.exclude(breaker="").filter(wait_until__gt=now).values_list("pk", flat=True)


def accepted(engine: str, posted_at: datetime) -> None:
    """The vendor takes submits: what was wrong before this one was sent is over."""
    GatewayState.objects.filter(pk=engine, refused_at__lt=posted_at).update(
        breaker="", wait_until=None, failures=0, refused_at=None
    )


def refused(attempt: Attempt, submission: Submission) -> datetime | None:
    """Note a refusal; returns when this try-on may go again, or None where it never may."""
    now = timezone.now()
    status = submission.status_code
    if status in BREAKERS:
        until = now + BREAKER_INTERVAL
        _open_breaker(attempt.engine, HTTPStatus(status), now, until)
        return until
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _slow_down(attempt.engine, submission.retry_after, now)
    if status not in PASSING:
        return None
    earlier = Attempt.objects.filter(request=attempt.request_id, number__lt=attempt.number)
    failures = 1 + earlier.filter(http_status__in=PASSING).count()
    return None if failures >= MAX_FAILURES else now + timedelta(seconds=_jitter(failures))


def _slow_down(engine: str, retry_after: float | None, now: datetime) -> datetime:
    """All submits of this engine wait; one that was told a shorter time shortens nothing."""
    _ensure(engine)
    state = GatewayState.objects.filter(pk=engine)
    state.update(failures=F("failures") + 1, refused_at=now)
    failures = state.values_list("failures", flat=True).get()
    until = now + timedelta(seconds=retry_after or _jitter(failures))
    state.filter(Q(wait_until__isnull=True) | Q(wait_until__lt=until)).update(wait_until=until)
    return until


def _open_breaker(engine: str, status: HTTPStatus, now: datetime, until: datetime) -> None:
    _ensure(engine)
    opened = GatewayState.objects.filter(pk=engine, breaker="").update(breaker=str(status.value))
    GatewayState.objects.filter(pk=engine).update(wait_until=until, refused_at=now)
    if opened:
        logger.error("Submits to %s stop: %s.", engine, BREAKERS[status])


def _ensure(engine: str) -> None:
    GatewayState.objects.bulk_create([GatewayState(engine=engine)], ignore_conflicts=True)


def _jitter(failures: int) -> float:
    """Seconds: twice as long each time, and not the same for all, who else would all come back at once."""
    return min(LONGEST_WAIT, 2.0 ** min(failures, 10)) * random.uniform(0.5, 1.5)  # noqa: S311 - not a secret
