"""Protect try-ons from a clock that is set forward or back while they run.

A process that waits measures the time with its monotonic clock. Several processes share only the times in the
rows. If a row is found long after it was due, the clock was set forward or no worker ran. The time in between
does not count towards a deadline.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F

from ..conf import config
from ..models import Batch, GatewayState, TryOnRequest
from ..models.states import State

UNHANDLED_AFTER = timedelta(minutes=2)
"""The delay after which a due row counts as not handled. Workers are woken every minute."""

SOON = timedelta(minutes=1)
"""After the clock is set back, what was scheduled for later is due at once. No lease is longer."""


def unhandled_time(request: TryOnRequest, now: datetime) -> timedelta:
    """Return for how long this due try-on was not handled; zero if a worker handles it almost in time."""
    delay = now - request.due_at if request.due_at is not None else timedelta(0)
    return delay if delay > UNHANDLED_AFTER else timedelta(0)


def postpone_deadline(request: TryOnRequest, time: timedelta) -> None:
    """Let the render be ready so much later."""
    seconds = round(time.total_seconds())
    TryOnRequest.objects.filter(pk=request.pk).update(unhandled_seconds=F("unhandled_seconds") + seconds)
    request.unhandled_seconds += seconds


def wait_once_more(request: TryOnRequest, now: datetime, timeout: timedelta) -> bool:
    """Wait for the result of a submit once more if this `submitting` or `unknown` try-on was not handled.

    Return False if its lease or its wait is really over.
    """
    time = unhandled_time(request, now)
    if not time or request.claim_count:
        return False
    ends = {"due_at": now + timeout} | ({"lease_until": now + timeout} if request.lease_until else {})
    rows = TryOnRequest.objects.filter(pk=request.pk, state=request.state, due_at=request.due_at)
    if rows.update(claim_count=1, **ends):
        postpone_deadline(request, time)
    return True


def bring_forward(now: datetime) -> None:
    """After the clock was set back, schedule everything as if it had been scheduled now."""
    soon = now + SOON
    running = TryOnRequest.objects.active()
    running.filter(lease_until__gt=soon).update(lease_until=soon, due_at=soon)
    unleased = running.filter(lease_until=None, due_at__gt=soon)
    unleased.exclude(state=State.UNKNOWN).update(due_at=now)
    latest = now + config.DEADLINE
    unleased.filter(state=State.UNKNOWN, due_at__gt=latest).update(due_at=latest)
    for name in ("wait_until", "probe_at"):
        GatewayState.objects.filter(**{f"{name}__gt": soon}).update(**{name: soon})
    Batch.objects.filter(due_at__gt=soon).update(due_at=now)
