"""What the vendor's refusals mean for the next submits of an engine, for all workers together.

429 slows down; 401, 402 and 403 open the breaker: nothing can succeed until somebody acts, so queued
rows wait and one of them at a time goes as a trial.
"""

from __future__ import annotations

import logging
import random
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

from django.db.models import F, Q
from django.utils import timezone

from .models import GatewayState
from .notify import tell_staff

if TYPE_CHECKING:
    from datetime import datetime

    from .pixazo import Submission

logger = logging.getLogger("django_vton.gateway")

BREAKER_INTERVAL = timedelta(seconds=60)
LONGEST_WAIT = 300.0
MAX_ATTEMPTS = 6
"""After so many refusals that might pass, a try-on fails, free of charge."""

BREAKERS = {
    HTTPStatus.UNAUTHORIZED: "the API key is missing or wrong (401)",
    HTTPStatus.PAYMENT_REQUIRED: "the wallet is empty (402)",
    HTTPStatus.FORBIDDEN: "the subscription does not include this engine (403)",
}
PASSING = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)


def places(engine: str, now: datetime, wanted: int) -> int:
    """How many submits of this engine may go now: none, one as a trial, or all that are wanted."""
    state = GatewayState.objects.filter(pk=engine).first()
    if state is None or (not state.breaker and (state.wait_until is None or state.wait_until <= now)):
        return wanted
    if not state.breaker or (state.wait_until is not None and state.wait_until > now):
        return 0
    trial = GatewayState.objects.filter(pk=engine, wait_until=state.wait_until, breaker=state.breaker)
    return min(wanted, trial.update(wait_until=now + BREAKER_INTERVAL))


def accepted(engine: str) -> None:
    """The vendor takes submits: whatever was wrong is over."""
    troubled = ~Q(breaker="") | Q(wait_until__isnull=False) | Q(failures__gt=0)
    GatewayState.objects.filter(troubled, pk=engine).update(breaker="", wait_until=None, failures=0)


def refused(engine: str, submission: Submission, attempt_number: int) -> datetime | None:
    """Note a refusal; returns when this try-on may go again, or None where it never may."""
    now = timezone.now()
    status = submission.status_code
    if status in BREAKERS:
        until = now + BREAKER_INTERVAL
        _open_breaker(engine, HTTPStatus(status), until)
        return until
    if status not in PASSING or attempt_number >= MAX_ATTEMPTS:
        return None
    if status != HTTPStatus.TOO_MANY_REQUESTS:
        return now + timedelta(seconds=_jitter(2.0**attempt_number))
    _ensure(engine)
    GatewayState.objects.filter(pk=engine).update(failures=F("failures") + 1)
    failures = GatewayState.objects.values_list("failures", flat=True).get(pk=engine)
    seconds = submission.retry_after or _jitter(2.0**failures)
    until = now + timedelta(seconds=min(LONGEST_WAIT, seconds))
    GatewayState.objects.filter(pk=engine).update(wait_until=until)
    return until


def _open_breaker(engine: str, status: HTTPStatus, until: datetime) -> None:
    _ensure(engine)
    opened = GatewayState.objects.filter(pk=engine, breaker="").update(breaker=str(status.value))
    GatewayState.objects.filter(pk=engine).update(wait_until=until)
    if opened:
        logger.error("Submits to %s stop: %s.", engine, BREAKERS[status])
        tell_staff(
            f"Try-on with {engine} has stopped",
            f"Pixazo refuses renders: {BREAKERS[status]}.\n\n"
            "Nothing was charged for the refused ones. Try-ons wait in the queue; one of them is tried every "
            f"{BREAKER_INTERVAL.seconds} seconds, and all go on by themselves once it is accepted.",
        )


def _ensure(engine: str) -> None:
    GatewayState.objects.bulk_create([GatewayState(engine=engine)], ignore_conflicts=True)


def _jitter(seconds: float) -> float:
    """Half to one and a half of it, so that waiting rows do not all come back at once."""
    return min(LONGEST_WAIT, seconds) * random.uniform(0.5, 1.5)  # noqa: S311 - not a secret
