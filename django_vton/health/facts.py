"""Find out whether try-ons can be made, from the settings and the database. Nothing is written or called.

Each function yields the facts of the health check with its name. A problem that may end by itself is shown at
once, but opens no incident and refuses no order before it has lasted for two minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, Min, OuterRef, Q

from ..billing.budget import budget_statuses
from ..conf import MICROS_PER_USD, config
from ..gateway import circuit_breaker, links
from ..gateway.engines import engines
from ..models import (
    BatchNotice,
    BatchRender,
    DispatcherLease,
    FailedCheck,
    GatewayState,
    PauseSwitch,
    PersonPhoto,
    Publication,
    TryOnRequest,
    UndeletedFile,
)
from ..models.photos import release_today
from ..queue import liveness
from ..utils import clock, database
from ..utils.periods import period_bounds
from .fact import Fact
from .vendor_facts import charges, pictures, statuses, unknown

LASTING = timedelta(minutes=2)
"""The time after which a stopped engine or a failing storage refuses orders."""

OVERDUE_AFTER = timedelta(minutes=2)
"""The delay after which a due row counts as overdue. A worker is woken every minute."""

MAX_MESSAGE_AGE = timedelta(days=7)
"""The time for which a message is shown that was given up."""

FILES_SHOWN = timedelta(days=1)
"""How long a missing file is shown, and how long a file may wait for its deletion until that is."""

MAX_CLOCK_SKEW = timedelta(seconds=5)

RELEASE_WARNING = timedelta(days=14)
"""How long before the end of a house model's release staff are told of it."""

FOREIGN_TASK_AGE = timedelta(hours=1)
"""The time for which a task of another project is shown. If the problem lasts, one comes within minutes."""


def settings() -> Iterator[Fact]:
    """Try-on is switched off in the settings, or they are not complete. Nothing is yielded otherwise."""
    if not config.ENABLED:
        yield Fact(check="settings", cause="disabled", is_incident=False, refusal="product_not_enabled")
    # A vendor that cannot load the images charges the render all the same.
    if not config.is_configured or links.missing_script_name():
        yield Fact(check="settings", cause="not_configured", is_incident=False, refusal="not_configured")


def pause() -> Iterator[Fact]:
    """Try-on is paused in the admin."""
    switch = PauseSwitch.objects.filter(is_paused=True).first()
    if switch is None:
        yield Fact(check="pause", text="not paused")
    else:
        since = switch.changed_at
        yield Fact(check="pause", cause="paused", since=since, is_incident=False, refusal="paused")


def budget() -> Iterator[Fact]:
    """A budget is nearly used, or too little is left for any render."""
    for status in reversed(budget_statuses()):
        check, text = f"budget.{status.kind}", "no cap; DAILY_BUDGET or MONTHLY_BUDGET would set one"
        if status.cap is not None and status.left is not None:
            text = f"{status.left / MICROS_PER_USD:.2f} USD left of {status.cap / MICROS_PER_USD:.2f}"
        if not status.is_near:
            yield Fact(check=check, text=text)
            continue
        level = "reached" if status.is_reached else "near"
        yield Fact(
            check=check,
            cause=f"budget.{status.kind}.{status.starts_on}.{level}.{status.cap}",
            until=period_bounds(status.kind)[1],
            is_warning=not status.is_reached,
            is_incident=bool(status.cap),  # A budget of 0 is a decision, not an incident.
            refusal="budget_exhausted" if status.is_reached else "",
        )


def workers() -> Iterator[Fact]:
    """No worker was seen for minutes, or none ever: then the shop is being set up."""
    seen, now = liveness.last_seen(), clock.now()
    if seen is None:
        yield Fact(check="workers", cause="workers_never_seen", is_incident=False)
    elif seen < now - liveness.GONE_AFTER:
        yield Fact(check="workers", cause="workers", since=seen, refusal="unavailable")
    else:
        yield Fact(check="workers", text=f"last seen {(now - seen).total_seconds():.0f} s ago")


def gateway() -> Iterator[Fact]:
    """The vendor refuses all renders of an engine, fails, or cannot be reached."""
    states = GatewayState.objects.filter(engine__in=engines()).exclude(breaker="").order_by("engine")
    is_ok = True
    for state in states:
        is_ok, is_lasting = False, _is_lasting(state.stopped_at)
        yield Fact(
            check="gateway",
            cause=f"breaker.{state.engine}.{state.breaker}",
            since=state.stopped_at,
            is_incident=is_lasting or state.breaker in circuit_breaker.REFUSALS,
            refusal="unavailable" if is_lasting else "",
            engine=state.engine,
        )
    if is_ok:
        yield Fact(check="gateway", text="no engine is stopped")


def storage() -> Iterator[Fact]:
    """A worker could not write to the storage. Nothing is yielded if it could, or has not tried."""
    for failed in FailedCheck.objects.filter(name="storage"):
        is_lasting = _is_lasting(failed.since)
        refusal = "unavailable" if is_lasting else ""
        yield Fact(
            check="storage", cause="storage", since=failed.since, is_incident=is_lasting, refusal=refusal
        )


def queue() -> Iterator[Fact]:
    """A task of another project was in the queue of django-q2 in the last hour. Nothing is yielded otherwise.

    The workers of that project take tasks of this one as well.
    """
    if FailedCheck.objects.filter(name="queue", since__gt=clock.now() - FOREIGN_TASK_AGE).exists():
        yield Fact(check="queue", cause="queue")


def files() -> Iterator[Fact]:
    """A file that the database names was not in the storage, within the last day."""
    missing = FailedCheck.objects.filter(name="files", since__gt=clock.now() - FILES_SHOWN).first()
    if missing is not None:
        yield Fact(check="files", cause="missing_files", since=missing.since)
        return
    yield Fact(check="files", text="no file was found missing within a day")


def deletions() -> Iterator[Fact]:
    """A file, perhaps a photo, could not be deleted for a day."""
    oldest = UndeletedFile.objects.aggregate(at=Min("since"))["at"]
    if oldest is not None and oldest <= clock.now() - FILES_SHOWN:
        yield Fact(check="deletions", cause="undeleted_files", since=oldest)
        return
    text = "no file waits for its deletion" if oldest is None else "files wait for the next hourly deletion"
    yield Fact(check="deletions", text=text)


def _is_lasting(since: datetime | None) -> bool:
    return since is not None and since <= clock.now() - LASTING


def overdue() -> Iterator[Fact]:
    """A try-on has been due for minutes, so the workers do too little."""
    oldest, now = TryOnRequest.objects.scheduled().aggregate(at=Min("due_at"))["at"], clock.now()
    if oldest is not None and oldest < now - OVERDUE_AFTER:
        yield Fact(check="overdue", cause="overdue", since=oldest, is_incident=False)
        return
    late = 0 if oldest is None else max(0, int((now - oldest).total_seconds()))
    text = "nothing is due" if oldest is None else f"the oldest try-on has been due for {late} s"
    yield Fact(check="overdue", text=text)


def releases() -> Iterator[Fact]:
    """The release of a house model ends soon, or has ended today, or its renders are still in the shop."""
    day = release_today()
    is_recent = Q(release_ends__gte=day - timedelta(days=1))
    is_published = Exists(Publication.objects.filter(image__request__photo=OuterRef("pk")))
    ending = PersonPhoto.objects.filter(
        is_recent | Q(is_published), kind=PersonPhoto.Kind.HOUSE, release_ends__lte=day + RELEASE_WARNING
    )
    days: list[tuple[UUID, Any]] = list(ending.values_list("pk", "release_ends"))
    for pk, last_day in days:
        level = "soon" if last_day > day else "ended"
        yield Fact(check="releases", cause=f"release.{pk}.{level}.{last_day}", is_warning=True)
    if not days:
        yield Fact(check="releases", text="no release of a house model ends within two weeks")


def outdated() -> Iterator[Fact]:
    """Renders in the shop show an earlier picture of their product, until they are replaced or removed."""
    published = Publication.objects.filter(image__request=OuterRef("request"), product=OuterRef("product"))
    renders = BatchRender.objects.filter(Exists(published), is_outdated=True)
    if number := renders.order_by().values("product").distinct().count():
        yield Fact(check="outdated", cause=f"outdated.{number}", is_warning=True, is_incident=False)
    else:
        yield Fact(check="outdated", text="no render in the shop shows an earlier picture of its product")


def messages() -> Iterator[Fact]:
    """A mail server or a webhook has not accepted a message about a finished batch."""
    failing = BatchNotice.objects.filter(failed_at__gt=clock.now() - MAX_MESSAGE_AGE)
    since = failing.aggregate(at=Min("failed_at"))["at"]
    if since is not None:
        yield Fact(check="messages", cause="messages", since=since, is_incident=False)
        return
    yield Fact(check="messages", text="all messages about finished batches were accepted")


def clocks() -> Iterator[Fact]:
    """The clock of this host, or of the host of a running worker, differs from the database's."""
    recent = DispatcherLease.objects.filter(seen_at__gt=clock.now() - liveness.GONE_AFTER)
    worst = max(recent.values_list("host_lead", flat=True), key=abs, default=0.0)
    leads = {"host": clock.host_lead().total_seconds(), "worker": worst}
    wrong = {name: lead for name, lead in leads.items() if abs(lead) > MAX_CLOCK_SKEW.total_seconds()}
    for name, lead in wrong.items():
        yield Fact(check="clock", cause=f"clock.{name}.{lead:.0f}", is_incident=False)
    if not wrong:
        text = f"this host and the workers' hosts agree with the clock of {database.connection().vendor}"
        yield Fact(check="clock", text=text)


STOPS = (settings, pause, budget, workers, storage, gateway)
"""What can stop renders and refuse orders, the first reason first."""

INCIDENTS = (
    *(budget, workers, storage, gateway, queue, unknown, charges, releases),
    *(pictures, statuses, files, deletions),
)
"""What can become an incident."""

FACTS = (
    *(*STOPS, queue, unknown, charges, releases, outdated, pictures, statuses),
    *(files, deletions, overdue, messages, clocks),
)


def find_stops() -> Iterator[Fact]:
    """Yield the problems for which no render is started now, or soon no more. Some refuse orders."""
    yield from (fact for find in STOPS for fact in find() if fact.cause and not fact.is_warning)


def find_incidents() -> Iterator[Fact]:
    """Yield the problems that are incidents now."""
    yield from (fact for find in INCIDENTS for fact in find() if fact.cause and fact.is_incident)


def find_facts() -> Iterator[Fact]:
    """Yield all problems."""
    yield from (fact for find in FACTS for fact in find() if fact.cause)
