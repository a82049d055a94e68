"""Is this install able to work? Each finding is one line for an operator, and one object for a monitor.

Looks at this machine, its database and its storage; the vendor is not called, so it costs nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Max, Min
from django.db.models.functions import Now
from django.utils import timezone

from . import queue
from .billing.budget_status import NEAR, budget_statuses
from .conf import MICROS, config
from .gateway.engines import engines
from .models import Attempt, DispatcherLease, GatewayState, Incident, PauseSwitch, TryOnRequest
from .models.states import State
from .monitoring import incidents, mail, proxies
from .pixazo import Verdict
from .queue import liveness
from .storage import private_storage
from .worker import outcomes

LATE = timedelta(minutes=2)
"""The schedule rings every minute: what has been due for longer is being looked at by nobody."""

SKEW = timedelta(seconds=5)
RECENT = timedelta(days=7)
UNTOLD = timedelta(minutes=15)
"""After this long a mail was tried twice."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    text: str
    """What was found, and what to do where it is not well. Never a key, an address or a picture."""


def examine() -> list[Finding]:
    """Look at everything; what cannot be looked at is a finding as well."""
    looks: list[Callable[[], Iterator[Finding]]] = [
        *(_settings, _database, _queue, _workers, _overdue, _unknown, _proxies),
        *(_gateway, _pictures, _pause, _budget, _incidents, _storage),
    ]
    found: list[Finding] = []
    for look in looks:
        name = look.__name__.removeprefix("_")
        try:
            found += look()
        except (DatabaseError, ImproperlyConfigured, OSError) as error:
            hint = "; is the database there, and was migrate run?" if isinstance(error, DatabaseError) else ""
            found.append(Finding(name, ok=False, text=f"cannot be looked at: {type(error).__name__}{hint}"))
    return found


def _settings() -> Iterator[Finding]:
    messages = checks.run_checks(tags=["vton"])
    for message in messages:
        yield Finding("settings", ok=False, text=" ".join(filter(None, (message.msg, message.hint))))
    if not messages:
        where = "the sandbox" if config.is_sandbox else "Pixazo"
        ordered = "with callbacks" if config.callbacks else "by asking alone"
        yield Finding("settings", ok=True, text=f"complete; renders go to {where}, {ordered}")


def _database() -> Iterator[Finding]:
    # A table that surely has rows: every row of a query is given the database's own time.
    theirs = MigrationRecorder.Migration.objects.values_list(Now(), flat=True)[:1].get()
    skew = abs(timezone.now() - theirs)
    if skew > SKEW:
        text = f"its clock and this machine's differ by {skew.total_seconds():.0f} s: leases would overlap"
        yield Finding("clock", ok=False, text=text)
    else:
        yield Finding("clock", ok=True, text=f"agrees with {connection.vendor}'s")


def _queue() -> Iterator[Finding]:
    name, worker = queue.in_use()
    yield Finding("queue", ok=True, text=f"{name}; {worker} works for it")


def _workers() -> Iterator[Finding]:
    seen = DispatcherLease.objects.aggregate(last=Max("seen_at"))["last"]
    if seen is None:
        yield Finding("workers", ok=False, text=f"were never seen: start {queue.in_use()[1]}")
    else:
        text = f"last seen {(timezone.now() - seen).total_seconds():.0f} s ago"
        is_gone = liveness.workers_are_gone()
        yield Finding(
            "workers", ok=not is_gone, text=f"{text}: start {queue.in_use()[1]}" if is_gone else text
        )


def _overdue() -> Iterator[Finding]:
    oldest = TryOnRequest.objects.to_drive().aggregate(at=Min("due_at"))["at"]
    late = timezone.now() - oldest if oldest is not None else timedelta(0)
    waits = (
        f"the oldest has been due for {max(0.0, late.total_seconds()):.0f} s" if oldest else "nothing is due"
    )
    yield Finding("overdue", ok=late < LATE, text=waits)


def _unknown() -> Iterator[Finding]:
    since = timezone.now() - RECENT
    failed = TryOnRequest.objects.filter(incidents.OUTCOME_UNKNOWN, created_at__gt=since)
    count = failed.count() + TryOnRequest.objects.filter(state=State.UNKNOWN).count()
    text = f"{count} in the last {RECENT.days} days ended without the vendor's answer"
    yield Finding("unknown", ok=not count, text=text + (": see the admin's list" if count else ""))


def _gateway() -> Iterator[Finding]:
    stopped = list(GatewayState.objects.filter(engine__in=engines()).exclude(breaker=""))
    for state in stopped:
        text = f"refuses {state.engine} with {state.breaker}: see the key, the wallet, the subscription"
        yield Finding("gateway", ok=False, text=text)
    if not stopped:
        yield _newest_submit()


def _newest_submit() -> Finding:
    """As a process that was not started: everything waits, and no refusal tells why."""
    sent = Attempt.objects.exclude(verdict="").order_by("-pk")
    newest = sent.values_list("verdict", "error").first()
    if newest is None:
        return Finding("gateway", ok=True, text="nothing was sent yet")
    verdict, error = newest
    if verdict != Verdict.NOT_SENT:
        return Finding("gateway", ok=True, text="takes submits, as far as was seen")
    return Finding("gateway", ok=False, text=f"the newest submit {outcomes.not_sent(error)}")


def _pictures() -> Iterator[Finding]:
    """Whether the vendor gets what it fetches: no check can look at the shop from outside."""
    if lost := incidents.unloaded():
        which = "the newest render" if lost == 1 else f"the newest {lost} renders"
        text = f"{which} failed for want of them: does the vendor reach {config.PUBLIC_BASE_URL}?"
        yield Finding("pictures", ok=False, text=f"{text} See PUBLIC_BASE_URL")
    else:
        yield Finding("pictures", ok=True, text="reach the vendor, as far as was seen")


def _proxies() -> Iterator[Finding]:
    """Whether shoppers can be told apart by their addresses."""
    problems = proxies.problems()
    for text in problems:
        yield Finding("proxies", ok=False, text=text)
    if not problems:
        yield Finding("proxies", ok=True, text="tell the shoppers' addresses, as far as was seen")


def _pause() -> Iterator[Finding]:
    paused = PauseSwitch.objects.filter(is_paused=True).exists()
    yield Finding("pause", ok=not paused, text="the staff's switch is on" if paused else "not paused")


def _budget() -> Iterator[Finding]:
    for budget in budget_statuses():
        text = "no cap: see DAILY_BUDGET and MONTHLY_BUDGET"
        if budget.cap is not None and budget.left is not None:
            text = f"{budget.left / MICROS:.2f} USD left of {budget.cap / MICROS:.2f}"
        if budget.is_reached:
            text += ": no further render fits"
        elif budget.is_near:
            text += f": {100 * NEAR:.0f} % or more are used"
        yield Finding(f"budget.{budget.kind}", ok=not budget.is_reached, text=text)


def _incidents() -> Iterator[Finding]:
    """Each has a finding of its own above: here, whether staff know."""
    names = [name for name, _since in incidents.open_now()]
    text = ", ".join(names) if names else "none is open"
    if not mail.recipients():
        text += "; nobody is told, for want of NOTIFY and MANAGERS"
    waits = Incident.objects.filter(notify_at__isnull=False, opened_at__lt=timezone.now() - UNTOLD)
    untold = list(waits.values_list("name", flat=True))
    if untold:
        text += f"; mail about {', '.join(untold)} does not go out: see the mail server and the log"
    yield Finding("incidents", ok=not untold, text=text)


def _storage() -> Iterator[Finding]:
    storage = private_storage()
    name = storage.save(f"vton/photos/00/{uuid.uuid4().hex}.txt", ContentFile(b"probe"))
    try:
        with storage.open(name) as file:
            is_same = file.read() == b"probe"
    finally:
        storage.delete(name)
    yield Finding("storage", ok=is_same, text="writes, reads and deletes" if is_same else "reads other bytes")
