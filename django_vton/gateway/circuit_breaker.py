"""Stop or delay the submits of all workers after the vendor has refused one, and record why none succeeds.

- 401, 402 and 403 open the circuit breaker of the engine. No submit can succeed until someone fixes the
  cause, so try-ons stay queued and one of them is sent as a trial every minute.
- 429 pauses all submits to the engine.
- 503 with Retry-After announces maintenance: it stops the engine until then.
- 500, and 503 without Retry-After, delay only the try-on that was refused. If they happen to
  `MIN_FAILING` try-ons in a row, no image is the cause, so the engine is stopped: one try-on at a time is
  sent as a trial, with growing pauses. It does not matter whether the outcome of the submits is known.
- A connection that fails delays only its try-on. The engine counts as stopped, though submits go on.

The vendor may also answer with 500 or 503 although it has accepted the submit, as a later callback with the
id of the render proves. For a while after that, no such answer of the engine counts as a refusal.

While an engine is stopped, a worker also polls a render that does not exist, once a minute. This is free, and
it works if nobody may order a trial. It proves that the gateway can be reached. It proves neither that the
wallet is full nor that submits work, so after other refusals it only ends the stop if none was newer than
`HALF_OPEN_AFTER`. The next order is then the trial.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy

from ..models import Attempt, GatewayState
from ..pixazo import SubmitResult
from ..utils import clock
from .backoff import (
    MAX_SERVER_ERRORS,
    OUT_OF_SERVICE,
    SERVER_ERRORS,
    ensure_state,
    pause_engine,
    retry_at,
)
from .engines import engines

logger = logging.getLogger(__name__)

TRIAL_INTERVAL = timedelta(seconds=60)
"""The time between two trials, and between two probes, while an engine is stopped."""

HALF_OPEN_AFTER = timedelta(minutes=5)

MIN_FAILING = 3
"""The number of try-ons in a row whose submits fail with 500 or 503 that stops the engine."""

CHARGED_ERRORS_PERIOD = timedelta(hours=1)
"""How long 500 and 503 are no refusals after the vendor has charged for such a submit."""

UNREACHABLE = "unreachable"

REFUSALS = {
    "401": gettext_lazy("the API key is missing or wrong (401)"),
    "402": gettext_lazy("the wallet is empty (402)"),
    "403": gettext_lazy("the subscription does not include this engine (403)"),
}
"""Why the vendor refuses every submit, by the status code in `GatewayState.breaker`."""

REASONS = REFUSALS | {
    "500": gettext_lazy("it reports internal errors (500)"),
    "503": gettext_lazy("it is out of service (503)"),
    UNREACHABLE: gettext_lazy("it cannot be reached"),
}
"""Why no submit succeeds, by `GatewayState.breaker`."""

CLOSED: dict[str, Any] = {
    "breaker": "",
    "failures": 0,
    **dict.fromkeys(("wait_until", "refused_at", "stopped_at", "probe_at")),
}
"""The values of a state without refusals."""


class Allowance(NamedTuple):
    """The submits to an engine that are allowed now."""

    capacity: int
    """Their number: 0, 1 for a trial, or as many as requested."""
    after_refusal: bool
    """Whether a refusal is recorded, so that the next accepted submit has to clear it."""


def states() -> dict[str, GatewayState]:
    """Return the stored states by the engine's name. An engine without trouble so far has none."""
    return GatewayState.objects.in_bulk()


def allowance(state: GatewayState | None, now: datetime, requested: int) -> Allowance:
    """Return how many of the requested submits to an engine in this state are allowed.

    A trial that is allowed here counts as sent, and no other worker gets it.
    """
    if state is None:
        return Allowance(requested, after_refusal=False)
    capacity = requested
    if state.is_paused(now):
        capacity = 0
    elif state.breaker not in ("", UNREACHABLE):
        trial = GatewayState.objects.filter(pk=state.pk, wait_until=state.wait_until, breaker=state.breaker)
        capacity = min(requested, trial.update(wait_until=now + TRIAL_INTERVAL))
    return Allowance(capacity, after_refusal=state.refused_at is not None)


def blocked_engines(now: datetime, soon: datetime) -> QuerySet[GatewayState, str]:
    """Return the names of the engines to which nothing is submitted soon.

    Their next trial is not due at `now`, or they are paused until after `soon`.
    """
    is_stopped = Q(wait_until__gt=now) & ~Q(breaker="")
    return GatewayState.objects.filter(is_stopped | Q(wait_until__gt=soon)).values_list("pk", flat=True)


def paused_engines(now: datetime) -> QuerySet[GatewayState, str]:
    """Return the names of the engines to which nothing may be submitted now: they are stopped or paused."""
    return GatewayState.objects.filter(wait_until__gt=now).values_list("pk", flat=True)


def paused_until(engine: str, now: datetime) -> datetime | None:
    """Return when something may be submitted to this engine again, or None if that is so now."""
    paused = GatewayState.objects.filter(pk=engine, wait_until__gt=now)
    return paused.values_list("wait_until", flat=True).first()


def record_accepted(engine: str, posted_at: datetime) -> None:
    """Clear the refusals from before `posted_at`, since the vendor accepts submits again."""
    GatewayState.objects.filter(pk=engine, refused_at__lt=posted_at).update(**CLOSED)


def record_refused(attempt: Attempt, submission: SubmitResult) -> datetime | None:
    """Record a refusal. Return when the try-on may be sent again, or None if it has failed for good."""
    now = clock.now()
    status = submission.status_code
    if str(status) in REFUSALS:
        return _open_breaker(attempt.engine, str(status), now)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return pause_engine(attempt.engine, submission.retry_after, now)
    return record_server_error(attempt, submission)


def record_server_error(attempt: Attempt, submission: SubmitResult) -> datetime | None:
    """Record a 500 or 503, whether or not the outcome of the submit is known. Return as `record_refused`."""
    now, status = clock.now(), submission.status_code
    if status not in SERVER_ERRORS:
        return None
    is_announced = status == OUT_OF_SERVICE and submission.retry_after
    if is_announced or _are_others_failing(attempt):
        _record_stop(attempt.engine, str(status), now)
        return pause_engine(attempt.engine, submission.retry_after, now)
    return retry_at(attempt, status, now)


def record_unreachable(engine: str) -> None:
    """Record that no connection to the gateway could be made."""
    _record_stop(engine, UNREACHABLE, clock.now())


def _open_breaker(engine: str, status: str, now: datetime) -> datetime:
    until = now + TRIAL_INTERVAL
    state = ensure_state(engine)
    is_new = state.exclude(breaker=status).update(
        breaker=status, stopped_at=Coalesce("stopped_at", Value(now)), probe_at=until
    )
    state.update(wait_until=until, refused_at=now)
    if is_new:
        logger.error("Submits to %s are stopped: %s.", engine, REFUSALS[status])
    return until


def _record_stop(engine: str, reason: str, now: datetime) -> None:
    """Record why submits fail. The first reason stays, except that any response proves a connection."""
    state = ensure_state(engine)
    state.filter(breaker__in={"", UNREACHABLE} - {reason}).update(
        breaker=reason, stopped_at=Coalesce("stopped_at", Value(now)), probe_at=now + TRIAL_INTERVAL
    )
    state.update(refused_at=now)


def _are_others_failing(attempt: Attempt) -> bool:
    """Return whether the newest submits of `MIN_FAILING` try-ons, with this one, have failed alike."""
    others = Attempt.objects.filter(engine=attempt.engine).exclude(pk=attempt.pk).exclude(outcome="")
    newest = others.order_by("-pk").values_list("request_id", "http_status")
    failing = {attempt.request_id}
    for request_id, status in newest[: MIN_FAILING * MAX_SERVER_ERRORS]:
        if status not in SERVER_ERRORS:
            break
        failing.add(request_id)
    return len(failing) >= MIN_FAILING


# Charged errors -------------------------------------------------------------------------------------


def record_charged_error(engine: str) -> None:
    """Record that the vendor has accepted a submit to which it had answered with 500 or 503."""
    now = clock.now()
    # Insert only if necessary: on MariaDB, two transactions that insert would wait for each other.
    if not GatewayState.objects.filter(pk=engine).update(charged_error_at=now):
        ensure_state(engine).update(charged_error_at=now)


def charged_errors(now: datetime) -> QuerySet[GatewayState]:
    """Return the state of each engine for whose errors the vendor has charged recently."""
    return GatewayState.objects.filter(charged_error_at__gt=now - CHARGED_ERRORS_PERIOD)


# Probes ---------------------------------------------------------------------------------------------


def _due_probes(now: datetime) -> QuerySet[GatewayState]:
    return GatewayState.objects.filter(engine__in=engines(), probe_at__lte=now).exclude(breaker="")


def has_due_probe(now: datetime) -> bool:
    """Return whether an engine is stopped and `claim_probes` would return it."""
    return _due_probes(now).exists()


def claim_probes(now: datetime) -> list[str]:
    """Return the stopped engines to probe now. Another dispatcher does not get them for a minute."""
    return [
        state.pk
        for state in _due_probes(now)
        if GatewayState.objects.filter(pk=state.pk, probe_at=state.probe_at).update(
            probe_at=now + TRIAL_INTERVAL
        )
    ]


def record_probe(engine: str, status: int | None) -> None:
    """Record the HTTP status of a free poll of a stopped engine; None if there was no response."""
    now = clock.now()
    state = GatewayState.objects.filter(pk=engine)
    if status == HTTPStatus.UNAUTHORIZED and not state.filter(breaker__in=REFUSALS).exists():
        _open_breaker(engine, "401", now)
    elif status is None or status == HTTPStatus.UNAUTHORIZED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        state.update(refused_at=now)
    else:
        is_over = Q(breaker=UNREACHABLE) | Q(refused_at__lt=now - HALF_OPEN_AFTER)
        # A response to a poll does not end a pause for which the vendor has asked.
        state.filter(is_over).exclude(wait_until__gt=now).update(**CLOSED)
