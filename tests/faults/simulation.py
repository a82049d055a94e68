"""What a simulated try-on needs outside the database: the vendor's renders, open calls to it, and the time.

The rows are in the real database and are changed by the package's own functions only. Everything else is
here, in immutable values, so going back to an earlier state costs nothing.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from django_vton.lifecycle import LEASE
from django_vton.models import TryOnImage, TryOnRequest
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorResponse, VendorStatus
from django_vton.worker import outcomes
from django_vton.worker.claims import MAX_CALL_SECONDS

from .rounds import IS_WHOLE

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    import pytest

    from django_vton.models import Attempt
    from django_vton.worker.claims import Job

AttemptKey = tuple["UUID", int]
"""The try-on's id and the attempt's number."""

SUBMIT_WINDOW = LEASE - timedelta(seconds=MAX_CALL_SECONDS)
"""How long after its claim a submit may be sent."""

CUT_OFF = 9
"""In place of the number of times that a response was stored: the connection was cut before it arrived."""

UNSENT = {"not_sent": "is not sent", "unreachable": "is unreachable"}
"""Why a submit was not sent: an error of its worker, or no connection."""

MAX_OPEN_CALLS = 2 if IS_WHOLE else 1
"""How many polls and downloads of one try-on are kept open; the workers of older ones count as killed."""


@dataclass(frozen=True)
class Clock:
    """Replaces the time of the package and of the tests, except in the defaults of models."""

    now: list[datetime]

    def __call__(self) -> datetime:
        return self.now[0]

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("django_vton.utils.clock.now", "django.utils.timezone.now"):
            monkeypatch.setattr(name, self)


@dataclass(frozen=True)
class Call:
    """A claimed job and its call to the vendor."""

    job: Job
    outcome: str = ""
    """What became of a submit: accepted, 400, 429, 500 or one of `UNSENT`; "" before that is decided. If
    there is a render although it is 500, the vendor has accepted the submit, but answers with an error."""
    times_stored: int = 0
    """How often its response was stored, or `CUT_OFF`."""

    @property
    def request_id(self) -> UUID:
        return self.job.request.pk

    @property
    def attempt_key(self) -> AttemptKey:
        return self.request_id, self.job.attempt.number

    def copy_job(self) -> Job:
        """The job as its worker knows it; a copy, so that a response can be stored twice."""
        request, attempt = copy.copy(self.job.request), copy.copy(self.job.attempt)
        attempt.request = request
        return replace(self.job, request=request, attempt=attempt)


@dataclass(frozen=True)
class Render:
    """A render at the vendor."""

    attempt_key: AttemptKey
    status: str = ""
    callbacks: int = 0
    """How many were delivered."""
    is_named: bool = False
    """Whether a callback has told its id."""
    is_walled: bool = False
    """Whether something before the shop keeps the vendor from the images, so that the render fails."""

    @property
    def usual_end(self) -> VendorStatus:
        return VendorStatus.FAILED if self.is_walled else VendorStatus.COMPLETED

    @property
    def is_charged(self) -> bool:
        return self.status != VendorStatus.ERROR


@dataclass(frozen=True)
class Simulation:
    """All that the database does not know."""

    now: datetime
    calls: tuple[Call, ...] = ()
    renders: dict[str, Render] = field(default_factory=dict)
    """By the vendor's id."""
    declared_free: frozenset[AttemptKey] = frozenset()
    """Attempts that an operator declared as not charged."""
    stale_read: tuple[TryOnRequest, Attempt, datetime] | None = None
    """A due row and its current attempt as a slow worker read them, and when."""
    added_followers: int = 0
    forged_callbacks: int = 0

    def with_jobs(self, jobs: list[Job]) -> Simulation:
        """Jobs were claimed: their calls are open now."""
        calls = [*self.calls, *map(Call, jobs)]
        open_calls = Counter(call.request_id for call in calls if call.job.kind != "submit")
        kept = []
        for call in calls:
            if call.job.kind != "submit" and open_calls[call.request_id] > MAX_OPEN_CALLS:
                open_calls[call.request_id] -= 1
            else:
                kept.append(call)
        return replace(self, calls=tuple(kept))

    def with_call(self, old: Call, new: Call | None) -> Simulation:
        """A call has changed, or None if it is over."""
        calls = [new if call is old else call for call in self.calls]
        return replace(self, calls=tuple(call for call in calls if call is not None))

    def with_render(self, vendor_id: str, render: Render) -> Simulation:
        return replace(self, renders=self.renders | {vendor_id: render})

    def submits(self) -> list[Call]:
        return [call for call in self.calls if call.job.kind == "submit"]


def make_vendor_id(attempt_key: AttemptKey) -> str:
    """The id that the vendor gives to this attempt's render."""
    return f"id-{attempt_key[0]}-{attempt_key[1]}"


def vendor_response(simulation: Simulation, vendor_id: str) -> VendorResponse:
    """What the vendor answers about a render now."""
    status = VendorStatus(simulation.renders[vendor_id].status or VendorStatus.RUNNING)
    images = ("http://vendor.invalid/1.png",) if status == VendorStatus.COMPLETED else ()
    error = "vendor" if status in {VendorStatus.FAILED, VendorStatus.ERROR} else None
    return VendorResponse(
        vendor_id=vendor_id, status=status, raw_status=status, images=images, error_code=error
    )


def store_submit(simulation: Simulation, call: Call) -> None:
    """Store a submit's outcome, as a worker does."""
    match call.outcome:
        case "accepted":
            response = vendor_response(simulation, make_vendor_id(call.attempt_key))
            result = SubmitResult(outcome=SubmitOutcome.ACCEPTED, status_code=202, answer=response)
        case outcome if outcome in UNSENT:
            is_unreachable = outcome == "unreachable"
            result = SubmitResult(outcome=SubmitOutcome.NOT_SENT, is_unreachable=is_unreachable)
        case "cut_off":
            result = SubmitResult(outcome=SubmitOutcome.UNKNOWN)
        case status:
            result = SubmitResult(outcome=SubmitOutcome.REFUSED, status_code=int(status), error_code="vendor")
    outcomes.on_submit([(call.copy_job(), result)])


def unsaved_images(request: TryOnRequest) -> list[TryOnImage]:
    """The row of a finished image; the simulation writes no files."""
    values = {"content_type": "image/png", "width": 1, "height": 1}
    return [TryOnImage(request=request, file="none", thumbnail="none", **values)]
