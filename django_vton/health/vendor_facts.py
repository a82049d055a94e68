"""What is wrong with the vendor's answers, for `facts`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta

from ..gateway import circuit_breaker
from ..gateway.engines import engines
from ..models import TryOnRequest, UnknownStatus
from ..models.states import IMAGE_ERROR_CODES, IMAGES_UNREACHABLE, State
from ..utils import clock
from ..utils.periods import today
from .fact import Fact
from .outcomes import HAS_ATTEMPT, OUTCOME_UNKNOWN

MIN_UNREACHABLE = 2
"""The number of failed renders in a row that is an incident if the vendor has not downloaded the images."""

MIN_UNREADABLE = 3
"""The number of failed renders in a row that cannot be explained by one bad image."""

MAX_TRYON_AGE = timedelta(days=7)
"""The age of the try-ons whose image failures are examined."""

STATUS_SHOWN = timedelta(days=7)
"""How long an unknown status is shown, since the first time that it was seen."""


def unknown() -> Iterator[Fact]:
    """Try-ons that may have been charged, until an operator resolves them: one fact for each day."""
    days = defaultdict(list)
    for finished_at in TryOnRequest.objects.filter(OUTCOME_UNKNOWN).values_list("finished_at", flat=True):
        if finished_at is not None:
            days[today(finished_at)].append(finished_at)
    for day, times in sorted(days.items(), reverse=True):
        yield Fact(check="unknown", cause=f"unknown_outcome.{day}", since=min(times))
    if not days:
        yield Fact(check="unknown", text="no try-on has an unknown outcome")


def charges() -> Iterator[Fact]:
    """The vendor charges for submits that it answers with an error. Nobody pays twice for the next hour."""
    states = circuit_breaker.charged_errors(clock.now()).filter(engine__in=engines()).order_by("engine")
    found = dict(states.values_list("engine", "charged_error_at"))
    for engine, at in found.items():
        yield Fact(check="charges", cause=f"charged_errors.{engine}", since=at)
    if not found:
        yield Fact(check="charges", text="no submit with an error was charged")


def pictures() -> Iterator[Fact]:
    """The newest renders failed because of images, by the vendor's responses.

    The shop cannot request its own URLs from outside. Only renders whose images the vendor downloads count.
    """
    by_link = [name for name, engine in engines().items() if engine.images_as == "url"]
    ended = TryOnRequest.objects.filter(
        HAS_ATTEMPT, engine__in=by_link, state__in=(State.COMPLETED, State.FAILED)
    )
    recent = ended.filter(created_at__gte=clock.now() - MAX_TRYON_AGE).order_by("-created_at")
    codes = list(recent.values_list("error_code", flat=True)[:MIN_UNREADABLE])
    for cause, image_codes, minimum in (
        ("images_unreachable", {IMAGES_UNREACHABLE}, MIN_UNREACHABLE),
        ("images_unreadable", {IMAGES_UNREACHABLE, *IMAGE_ERROR_CODES}, MIN_UNREADABLE),
    ):
        newest = codes[:minimum]
        if newest and set(newest) <= image_codes:
            yield Fact(check="pictures", cause=cause, is_incident=len(newest) == minimum)
            return
    yield Fact(check="pictures", text="no series of renders failed because of images")


def statuses() -> Iterator[Fact]:
    """The vendor began within a week to use a status that its engine does not declare."""
    recent = UnknownStatus.objects.filter(since__gt=clock.now() - STATUS_SHOWN, engine__in=engines())
    found = list(recent.order_by("since"))
    for row in found:
        yield Fact(check="statuses", cause=f"unknown_status.{row.pk}", since=row.since, is_warning=True)
    if not found:
        yield Fact(check="statuses", text="the vendor's statuses are all known")
