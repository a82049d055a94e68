"""Read the phases of a try-on from its events and attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F

from ...models import TryOnEvent, TryOnRequest
from ...models.states import TERMINAL, Money, State
from ...pixazo import SubmitOutcome

PHASES = {
    State.QUEUED: "queue",
    State.SUBMITTING: "submit",
    State.UNKNOWN: "unknown_outcome",
    State.SUBMITTED: "render",
    State.RENDERED: "download",
}
"""The phases by the state in which the try-on is meanwhile."""


@dataclass(frozen=True)
class Phase:
    """The time that a try-on spent in one state."""

    name: str
    begins: datetime
    ends: datetime
    engine: str
    attempt: int | None
    """The number of the attempt that ended the phase, or None if none did."""
    status: int | None = None
    """The HTTP status of a submit, if the vendor has answered it."""
    error: str = ""
    """Why a submit was not accepted: its HTTP status or its outcome."""


@dataclass(frozen=True)
class History:
    """A try-on from its order, or from its reopening, to its end."""

    begins: datetime
    ends: datetime
    phases: Sequence[Phase]
    micros: int
    """What its attempts have cost, in micro-USD."""


def read(try_on: TryOnRequest) -> History | None:
    """Return the history since the try-on was ordered or last reopened, in one query.

    Return None if it has been reopened, in the meantime, since it ended.
    """
    events = TryOnEvent.objects.filter(request=try_on).exclude(from_state__in=("", F("to_state")))
    changes = list(
        events.order_by("at", "pk").values(
            *("at", "from_state", "to_state", "attempt"),
            *(f"attempt__{name}" for name in ("number", "engine", "outcome", "http_status")),
            *("attempt__amount", "attempt__money"),
        )
    )
    ends = [place for place, change in enumerate(changes) if change["to_state"] in TERMINAL]
    if not ends or ends[-1] != len(changes) - 1:
        return None
    before = changes[: ends[-2] + 1] if len(ends) > 1 else []
    steps = changes[len(before) :]
    begins = steps.pop(0)["at"] if before else try_on.created_at
    starts = [begins, *(step["at"] for step in steps)]
    phases = [_phase(try_on, start, step) for start, step in zip(starts, steps, strict=False)]
    counted = {change["attempt"] for change in before}
    costs = {it["attempt"]: it["attempt__amount"] for it in steps if it["attempt__money"] == Money.SPENT}
    micros = sum(amount for attempt, amount in costs.items() if attempt not in counted)
    return History(begins, steps[-1]["at"], phases, micros)


def _phase(try_on: TryOnRequest, begins: datetime, step: dict[str, Any]) -> Phase:
    state = State(step["from_state"])
    engine, number = step["attempt__engine"] or try_on.engine, step["attempt__number"]
    status, error = None, ""
    if state == State.SUBMITTING and number is not None:
        status = step["attempt__http_status"]
        if step["attempt__outcome"] != SubmitOutcome.ACCEPTED:
            error = str(status or step["attempt__outcome"])
    return Phase(PHASES[state], begins, step["at"], engine, number, status, error)
