"""Health checks for `vton_doctor` and the admin: whether this installation can render try-ons.

They read this machine, its database and its storage. They never call the vendor, so they cost nothing.
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
from django.db.models import Min
from django.db.models.functions import Now
from django.utils import timezone

from . import queue
from .billing.budget import WARNING_SHARE, budget_statuses
from .conf import MICROS_PER_USD, config
from .gateway.engines import engines
from .models import Attempt, GatewayState, Incident, PauseSwitch, TryOnRequest
from .models.states import State
from .monitoring import incidents, mail, proxies
from .pixazo import SubmitOutcome
from .queue import liveness
from .storage import private_storage
from .worker import outcomes

OVERDUE_AFTER = timedelta(minutes=2)
"""A worker is woken every minute, so a row that has been due for longer is not being processed."""

MAX_CLOCK_SKEW = timedelta(seconds=5)
RECENT = timedelta(days=7)
MAIL_OVERDUE = timedelta(minutes=15)
"""By then a mail has been tried twice."""


@dataclass(frozen=True)
class CheckResult:
    """The result of one health check, as `vton_doctor --json` prints it."""

    name: str
    ok: bool
    text: str
    """What was found and, if it is not ok, what to do. Never contains a key, a secret URL or an image."""


def run_health_checks() -> list[CheckResult]:
    """Run every check. A check that cannot be run is a failed result, not an exception."""
    health_checks: list[Callable[[], Iterator[CheckResult]]] = [
        *(_settings, _database, _queue, _workers, _overdue, _unknown, _proxies),
        *(_gateway, _pictures, _pause, _budget, _incidents, _storage),
    ]
    results: list[CheckResult] = []
    for health_check in health_checks:
        try:
            results += health_check()
        except (DatabaseError, ImproperlyConfigured, OSError) as error:
            name = health_check.__name__.removeprefix("_")
            hint = "; is the database there, and was migrate run?" if isinstance(error, DatabaseError) else ""
            text = f"cannot be checked: {type(error).__name__}{hint}"
            results.append(CheckResult(name, ok=False, text=text))
    return results


def _settings() -> Iterator[CheckResult]:
    messages = checks.run_checks(tags=["vton"])
    for message in messages:
        yield CheckResult("settings", ok=False, text=" ".join(filter(None, (message.msg, message.hint))))
    if not messages:
        gateway = "the sandbox" if config.is_sandbox else "Pixazo"
        method = "with callbacks" if config.uses_callbacks else "by polling only"
        yield CheckResult("settings", ok=True, text=f"complete; renders go to {gateway}, {method}")


def _database() -> Iterator[CheckResult]:
    # Any table with a row will do: the query selects the database's own time for each row.
    database_time = MigrationRecorder.Migration.objects.values_list(Now(), flat=True)[:1].get()
    skew = abs(timezone.now() - database_time)
    text = f"agrees with {connection.vendor}'s"
    if skew > MAX_CLOCK_SKEW:
        text = f"differs from the database's clock by {skew.total_seconds():.0f} s, so leases would overlap"
    yield CheckResult("clock", ok=skew <= MAX_CLOCK_SKEW, text=text)


def _queue() -> Iterator[CheckResult]:
    name, worker = queue.describe_queue()
    yield CheckResult("queue", ok=True, text=f"{name}; its worker is {worker}")


def _workers() -> Iterator[CheckResult]:
    seen = liveness.last_seen()
    is_alive = seen is not None and not liveness.workers_are_gone()
    text = (
        "were never seen"
        if seen is None
        else f"last seen {(timezone.now() - seen).total_seconds():.0f} s ago"
    )
    yield CheckResult(
        "workers", ok=is_alive, text=text if is_alive else f"{text}: start {queue.describe_queue()[1]}"
    )


def _overdue() -> Iterator[CheckResult]:
    oldest = TryOnRequest.objects.scheduled().aggregate(at=Min("due_at"))["at"]
    late = timezone.now() - oldest if oldest is not None else timedelta(0)
    text = "nothing is due"
    if oldest is not None:
        text = f"the oldest has been due for {max(0.0, late.total_seconds()):.0f} s"
    yield CheckResult("overdue", ok=late < OVERDUE_AFTER, text=text)


def _unknown() -> Iterator[CheckResult]:
    since = timezone.now() - RECENT
    failed = TryOnRequest.objects.filter(incidents.OUTCOME_UNKNOWN, created_at__gt=since)
    count = failed.count() + TryOnRequest.objects.filter(state=State.UNKNOWN).count()
    text = f"{count} in the last {RECENT.days} days ended without the vendor's answer"
    yield CheckResult("unknown", ok=not count, text=text + (": see the admin's list" if count else ""))


def _gateway() -> Iterator[CheckResult]:
    stopped = list(GatewayState.objects.filter(engine__in=engines()).exclude(breaker=""))
    for state in stopped:
        text = f"refuses {state.engine} with {state.breaker}: check the key, the wallet, the subscription"
        yield CheckResult("gateway", ok=False, text=text)
    if not stopped:
        yield _newest_submit()


def _newest_submit() -> CheckResult:
    """Whether the newest submit reached the gateway; if not, try-ons wait and no refusal explains why."""
    sent = Attempt.objects.exclude(outcome="").order_by("-pk")
    newest = sent.values_list("outcome", "error").first()
    if newest is None:
        return CheckResult("gateway", ok=True, text="nothing was sent yet")
    outcome, error = newest
    if outcome != SubmitOutcome.NOT_SENT:
        return CheckResult("gateway", ok=True, text="accepts submits, as far as was seen")
    return CheckResult("gateway", ok=False, text=f"the newest submit {outcomes.describe_not_sent(error)}")


def _pictures() -> Iterator[CheckResult]:
    """Whether the vendor can load the shop's images; the shop cannot test its own URLs from outside."""
    count = incidents.recent_image_failures()
    text = "can be loaded by the vendor, as far as was seen"
    if count:
        renders = "the newest render" if count == 1 else f"the newest {count} renders"
        text = (
            f"{renders} failed because one could not be loaded: does the vendor reach "
            f"{config.PUBLIC_BASE_URL}? See PUBLIC_BASE_URL"
        )
    yield CheckResult("pictures", ok=not count, text=text)


def _proxies() -> Iterator[CheckResult]:
    """Whether shoppers have different addresses."""
    problems = proxies.problems()
    for text in problems:
        yield CheckResult("proxies", ok=False, text=text)
    if not problems:
        yield CheckResult("proxies", ok=True, text="pass on the shoppers' addresses, as far as was seen")


def _pause() -> Iterator[CheckResult]:
    is_paused = PauseSwitch.objects.filter(is_paused=True).exists()
    yield CheckResult(
        "pause", ok=not is_paused, text="the staff's switch is on" if is_paused else "not paused"
    )


def _budget() -> Iterator[CheckResult]:
    for budget in budget_statuses():
        text = "no cap: see DAILY_BUDGET and MONTHLY_BUDGET"
        if budget.cap is not None and budget.left is not None:
            text = f"{budget.left / MICROS_PER_USD:.2f} USD left of {budget.cap / MICROS_PER_USD:.2f}"
        if budget.is_reached:
            text += ": no further render fits"
        elif budget.is_near:
            text += f": {100 * WARNING_SHARE:.0f} % or more are used"
        yield CheckResult(f"budget.{budget.kind}", ok=not budget.is_reached, text=text)


def _incidents() -> Iterator[CheckResult]:
    """Whether staff were told of the open incidents; their causes are reported by the other checks."""
    names = [name for name, _since in incidents.open_incidents()]
    text = ", ".join(names) if names else "none is open"
    if not mail.recipients():
        text += "; nobody is told, since NOTIFY and MANAGERS are empty"
    overdue = Incident.objects.filter(notify_at__isnull=False, opened_at__lt=timezone.now() - MAIL_OVERDUE)
    unsent = list(overdue.values_list("name", flat=True))
    if unsent:
        text += f"; mail about {', '.join(unsent)} is not sent: see the mail server and the log"
    yield CheckResult("incidents", ok=not unsent, text=text)


def _storage() -> Iterator[CheckResult]:
    storage = private_storage()
    name = storage.save(f"vton/photos/00/{uuid.uuid4().hex}.txt", ContentFile(b"probe"))
    try:
        with storage.open(name) as file:
            is_same = file.read() == b"probe"
    finally:
        storage.delete(name)
    text = "writes, reads and deletes" if is_same else "returns other bytes than were written"
    yield CheckResult("storage", ok=is_same, text=text)
