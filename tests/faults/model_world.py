"""A small world around real try-ons: a vendor, the jobs in flight to it, and the time.

All that is stored lies in the real database and is changed by the package's own functions. What lies outside
of it is here, in values that never change: going back to an earlier world costs nothing.
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from django_vton.models import TryOnImage, TryOnRequest
from django_vton.pixazo import Answer, Status, Submission, Verdict
from django_vton.worker import outcomes
from django_vton.worker.claims import LEASE, LONGEST_CALL

from .rounds import IS_WHOLE

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django_vton.models import Attempt
    from django_vton.worker.claims import Job

LAST_SOCKET = LEASE - timedelta(seconds=LONGEST_CALL)
"""So long after its claim a submit may still be sent."""

LOST = 9
"""Its connection was cut off before the answer came."""

KEPT = 2 if IS_WHOLE else 1
"""So many asks and fetches of one try-on are remembered; whoever made the older ones was killed."""


@dataclass(frozen=True)
class Clock:
    """The time that the package is told."""

    now: list[datetime]

    def __call__(self) -> datetime:
        return self.now[0]


@dataclass(frozen=True)
class Flight:
    """A claimed job, and what became of the call to the vendor."""

    job: Job
    arrived: str = ""
    """What a submit came to: accepted, 400, 429, 500, or not_sent; "" while on its way."""
    told: int = 0
    """How often its answer was stored; `LOST` where it was cut off."""

    @property
    def request(self) -> UUID:
        return self.job.request.pk

    @property
    def name(self) -> tuple[UUID, int]:
        """Which attempt of which try-on."""
        return self.request, self.job.attempt.number

    def taken(self) -> Job:
        """The job as its worker knows it: news is stored in copies, so that it can be brought twice."""
        request, attempt = copy.copy(self.job.request), copy.copy(self.job.attempt)
        attempt.request = request
        return replace(self.job, request=request, attempt=attempt)


@dataclass(frozen=True)
class Render:
    """What the vendor has, and charges for unless it ends in ERROR."""

    attempt: tuple[UUID, int]
    fate: str = ""
    calls: int = 0
    """Callbacks that were delivered."""

    @property
    def is_charged(self) -> bool:
        return self.fate != Status.ERROR


@dataclass(frozen=True)
class World:
    """What the database does not know."""

    now: datetime
    flights: tuple[Flight, ...] = ()
    renders: dict[str, Render] = field(default_factory=dict)
    """By the vendor's id."""
    denied: frozenset[tuple[UUID, int]] = frozenset()
    """Attempts of which an operator said that they were not charged."""
    glance: tuple[TryOnRequest, Attempt, datetime] | None = None
    """A due row and its newest attempt as a slow pump has read them, and when."""
    joined: int = 0
    liars: int = 0

    def fly(self, jobs: list[Job]) -> World:
        """These were claimed."""
        flights = [*self.flights, *map(Flight, jobs)]
        others = Counter(flight.request for flight in flights if flight.job.kind != "submit")
        kept = []
        for flight in flights:
            if flight.job.kind != "submit" and others[flight.request] > KEPT:
                others[flight.request] -= 1
            else:
                kept.append(flight)
        return replace(self, flights=tuple(kept))

    def now_is(self, old: Flight, new: Flight | None) -> World:
        """A flight went on, or has landed."""
        flights = [new if flight is old else flight for flight in self.flights]
        return replace(self, flights=tuple(flight for flight in flights if flight is not None))

    def with_render(self, vendor_id: str, render: Render) -> World:
        return replace(self, renders=self.renders | {vendor_id: render})

    def submits(self) -> list[Flight]:
        return [flight for flight in self.flights if flight.job.kind == "submit"]


def vendor_id(attempt: tuple[UUID, int]) -> str:
    """The id that the vendor gives to what this attempt sent."""
    return f"id-{attempt[0]}-{attempt[1]}"


def answer(world: World, name: str) -> Answer:
    """What the vendor says of a render now."""
    fate = Status(world.renders[name].fate or Status.RUNNING)
    pictures = ("http://vendor.invalid/1.png",) if fate == Status.COMPLETED else ()
    error = "vendor" if fate in {Status.FAILED, Status.ERROR} else None
    return Answer(vendor_id=name, status=fate, word=fate, images=pictures, error_code=error)


def tell(world: World, flight: Flight) -> None:
    """Store what became of a submit, as the pump does."""
    match flight.arrived:
        case "accepted":
            said = answer(world, vendor_id(flight.name))
            submission = Submission(verdict=Verdict.ACCEPTED, status_code=202, answer=said)
        case "not_sent" | "cut_off":
            verdict = Verdict.NOT_SENT if flight.arrived == "not_sent" else Verdict.UNKNOWN
            submission = Submission(verdict=verdict)
        case status:
            submission = Submission(verdict=Verdict.REFUSED, status_code=int(status), error_code="vendor")
    outcomes.submitted(flight.taken(), submission)


def pictures(request: TryOnRequest) -> list[TryOnImage]:
    """A finished picture's row, whose file this world leaves out."""
    shape = {"content_type": "image/png", "width": 1, "height": 1}
    return [TryOnImage(request=request, file="none", thumbnail="none", **shape)]
