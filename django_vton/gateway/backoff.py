"""Delay submits after a 429, 500 or 503 from the vendor."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from http import HTTPStatus

from django.db.models import F, Q, QuerySet

from ..models import Attempt, GatewayState

MAX_BACKOFF_SECONDS = 300.0
"""The longest delay before jitter, unless the vendor's Retry-After asks for a longer one."""

MAX_SERVER_ERRORS = 6
"""The number of responses 500 after which a try-on fails, free of charge, while its engine works."""

INTERNAL_ERROR, OUT_OF_SERVICE = HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE
SERVER_ERRORS = (INTERNAL_ERROR, OUT_OF_SERVICE)


def pause_engine(engine: str, retry_after: float | None, now: datetime) -> datetime:
    """Pause all submits to this engine. Return the end of the pause, which never gets earlier."""
    state = ensure_state(engine)
    state.update(failures=F("failures") + 1, refused_at=now)
    failures = state.values_list("failures", flat=True).get()
    until = now + (timedelta(seconds=retry_after) if retry_after else _backoff(failures))
    state.filter(Q(wait_until__isnull=True) | Q(wait_until__lt=until)).update(wait_until=until)
    return until


def retry_at(attempt: Attempt, status: int, now: datetime) -> datetime | None:
    """Return when to send this try-on again after a 500 or 503, or None if it has failed too often.

    It never fails because of 503, which is about the service, nor while its engine is stopped.
    """
    same = Attempt.objects.filter(request=attempt.request_id, engine=attempt.engine)
    earlier = same.filter(http_status__in=SERVER_ERRORS)
    statuses = [status, *earlier.exclude(pk=attempt.pk).values_list("http_status", flat=True)]
    is_stopped = GatewayState.objects.filter(pk=attempt.engine).exclude(breaker="").exists()
    is_cause = status == INTERNAL_ERROR and statuses.count(INTERNAL_ERROR) >= MAX_SERVER_ERRORS
    return None if is_cause and not is_stopped else now + _backoff(len(statuses))


def ensure_state(engine: str) -> QuerySet[GatewayState]:
    """Return the row of this engine, and create it if it is missing."""
    GatewayState.objects.bulk_create([GatewayState(engine=engine)], ignore_conflicts=True)
    return GatewayState.objects.filter(pk=engine)


def _backoff(failures: int) -> timedelta:
    """Return an exponential delay, with jitter so that try-ons are not all sent again at the same moment."""
    seconds = min(MAX_BACKOFF_SECONDS, 2.0 ** min(failures, 10))
    return timedelta(seconds=seconds * random.uniform(0.5, 1.5))  # noqa: S311 - not a secret
