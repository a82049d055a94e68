"""Health checks for `vton_doctor` and the admin: whether this installation can render try-ons.

They check this machine, its database and its storage. They never call the vendor, so they cost nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.apps import apps
from django.conf import settings
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
from .gateway import links
from .gateway.engines import engines
from .intake import product_checks
from .models import Attempt, GatewayState, Incident, PauseSwitch, ProductCheck, TryOnRequest
from .models.states import State
from .monitoring import incidents, mail, proxies
from .pixazo import SubmitOutcome
from .queue import liveness
from .storage import private_storage
from .worker import outcomes

OVERDUE_AFTER = timedelta(minutes=2)
"""The delay after which a due row counts as overdue. A worker is woken every minute."""

MAX_CLOCK_SKEW = timedelta(seconds=5)
RECENT = timedelta(days=7)
MAIL_OVERDUE = timedelta(minutes=15)
"""The age of an incident at which its mail has been tried at least twice."""


@dataclass(frozen=True)
class CheckResult:
    """The result of one health check, as `vton_doctor --json` prints it."""

    name: str
    ok: bool
    text: str
    """What was found and, if it is not ok, what to do, without secrets."""


def run_health_checks(*, with_products: bool = False) -> list[CheckResult]:
    """Run all health checks, or only that of the settings if the database or aware times cannot be used.

    A check that raises an exception has a failed result. With `with_products`, check the images of all
    products first; each one that cannot be used has a failed result.
    """
    if not settings.USE_TZ:
        return list(_settings())
    if problem := _database_problem():
        return [*_settings(), CheckResult("database", ok=False, text=problem)]
    if with_products:
        product_checks.check_all(seconds=None)
    results: list[CheckResult] = []
    for health_check in HEALTH_CHECKS:
        try:
            results += health_check()
        except (DatabaseError, ImproperlyConfigured, OSError) as error:
            name = health_check.__name__.removeprefix("_")
            text = f"cannot be checked: {type(error).__name__}"
            results.append(CheckResult(name, ok=False, text=text))
    if with_products:
        unusable = ProductCheck.objects.exclude(problem="").order_by("product")
        results += [CheckResult(check.product, ok=False, text=check.problem) for check in unusable]
    return results


def _database_problem() -> str:
    """Return why the other checks cannot be run, or "". Otherwise each of them would say it again."""
    try:
        with connection.cursor() as cursor:
            tables = connection.introspection.table_names(cursor)
    except DatabaseError as error:
        return f"cannot be reached: {type(error).__name__}"
    missing = {model._meta.db_table for model in apps.get_app_config("vton").get_models()}.difference(tables)
    return f"{len(missing)} tables are missing: run `manage.py migrate`" if missing else ""


def _settings() -> Iterator[CheckResult]:
    messages = checks.run_checks(tags=["vton"])
    for message in messages:
        yield CheckResult("settings", ok=False, text=" ".join(filter(None, (message.msg, message.hint))))
    if not messages:
        gateway = "the sandbox" if config.is_sandbox else "Pixazo"
        method = "with callbacks" if config.uses_callbacks else "by polling only"
        yield CheckResult("settings", ok=True, text=f"complete; renders go to {gateway}, {method}")


def _database() -> Iterator[CheckResult]:
    # The query needs any table with a row, since it selects the database's time once per row.
    database_time = MigrationRecorder.Migration.objects.values_list(Now(), flat=True)[:1].get()
    skew = abs(timezone.now() - database_time)
    text = f"agrees with the clock of {connection.vendor}"
    if skew > MAX_CLOCK_SKEW:
        text = f"differs from the database's by {skew.total_seconds():.0f} s, so that leases overlap"
    yield CheckResult("clock", ok=skew <= MAX_CLOCK_SKEW, text=text)


def _queue() -> Iterator[CheckResult]:
    name, worker = queue.describe_queue()
    yield CheckResult("queue", ok=True, text=f"{name}; its worker is {worker}")


def _workers() -> Iterator[CheckResult]:
    seen = liveness.last_seen()
    is_alive = seen is not None and not liveness.workers_are_gone()
    text = f"last seen {(timezone.now() - seen).total_seconds():.0f} s ago" if seen else "were never seen"
    if not is_alive:
        text += f": start {queue.describe_queue()[1]}"
    yield CheckResult("workers", ok=is_alive, text=text)


def _overdue() -> Iterator[CheckResult]:
    oldest = TryOnRequest.objects.scheduled().aggregate(at=Min("due_at"))["at"]
    late = timezone.now() - oldest if oldest is not None else timedelta(0)
    text = "nothing is due"
    if oldest is not None:
        text = f"the oldest try-on has been due for {max(0.0, late.total_seconds()):.0f} s"
    yield CheckResult("overdue", ok=late < OVERDUE_AFTER, text=text)


def _unknown() -> Iterator[CheckResult]:
    since = timezone.now() - RECENT
    failed = TryOnRequest.objects.filter(incidents.OUTCOME_UNKNOWN, created_at__gt=since)
    count = failed.count() + TryOnRequest.objects.filter(state=State.UNKNOWN).count()
    text = f"{count} try-ons of the last {RECENT.days} days have an unknown outcome"
    yield CheckResult(
        "unknown", ok=not count, text=text + (": see the try-ons in the admin" if count else "")
    )


def _gateway() -> Iterator[CheckResult]:
    stopped = list(GatewayState.objects.filter(engine__in=engines()).exclude(breaker=""))
    for state in stopped:
        text = f"refuses {state.engine} with {state.breaker}: check the key, the wallet, the subscription"
        yield CheckResult("gateway", ok=False, text=text)
    if stopped:
        return
    submits = Attempt.objects.exclude(outcome="").order_by("-pk")
    outcome, error = submits.values_list("outcome", "error").first() or ("", "")
    text = "the newest submit was sent" if outcome else "nothing was sent yet"
    if outcome == SubmitOutcome.NOT_SENT:
        text = f"the newest submit {outcomes.describe_not_sent(error)}"
    yield CheckResult("gateway", ok=outcome != SubmitOutcome.NOT_SENT, text=text)


def _pictures() -> Iterator[CheckResult]:
    # The shop cannot request its own URLs from outside, so judge by the vendor's responses.
    failures = incidents.recent_image_failures()
    if failures is None:
        yield CheckResult("pictures", ok=True, text="no series of renders failed because of images")
        return
    renders = "the newest render" if failures.number == 1 else f"the newest {failures.number} renders"
    text = (
        f"{renders} failed because the vendor could not use an image: check what arrives at a download "
        f"from PUBLIC_BASE_URL ({config.PUBLIC_BASE_URL}), for example through a proxy that changes images"
    )
    if failures.incident == "images_unreachable":
        text = (
            f"{renders} failed, and the vendor had not downloaded all images from the shop: check "
            "PUBLIC_BASE_URL and what answers before the shop, such as a firewall, a bot challenge or a "
            "login. From outside, "
            f"`curl -i {links.public_url('vendor-file', 'test')}` must print 404 and the code not_found"
        )
    yield CheckResult("pictures", ok=False, text=text)


def _products() -> Iterator[CheckResult]:
    number = ProductCheck.objects.exclude(problem="").count()
    text = "no product is known to have an unusable image"
    if number:
        text = f"{number} have an unusable image; the admin and `vton_doctor --products` list them"
    yield CheckResult("products", ok=True, text=text)


def _proxies() -> Iterator[CheckResult]:
    problems = proxies.problems()
    for text in problems:
        yield CheckResult("proxies", ok=False, text=text)
    if not problems:
        yield CheckResult("proxies", ok=True, text="no problem in recent requests")


def _pause() -> Iterator[CheckResult]:
    is_paused = PauseSwitch.objects.filter(is_paused=True).exists()
    yield CheckResult("pause", ok=not is_paused, text="paused in the admin" if is_paused else "not paused")


def _budget() -> Iterator[CheckResult]:
    for budget in budget_statuses():
        text = "no cap; DAILY_BUDGET or MONTHLY_BUDGET would set one"
        if budget.cap is not None and budget.left is not None:
            text = f"{budget.left / MICROS_PER_USD:.2f} USD left of {budget.cap / MICROS_PER_USD:.2f}"
        if budget.is_reached:
            text += ": no further render fits"
        elif budget.is_near:
            text += f": {100 * WARNING_SHARE:.0f} % or more is used"
        yield CheckResult(f"budget.{budget.kind}", ok=not budget.is_reached, text=text)


def _incidents() -> Iterator[CheckResult]:
    # The causes of incidents are reported by the other checks. This one fails only if mails are not sent.
    names = [name for name, _since in incidents.open_incidents()]
    text = ", ".join(names) if names else "none is open"
    if not mail.recipients():
        text += "; no mails are sent, since NOTIFY and MANAGERS are empty"
    overdue = Incident.objects.filter(notify_at__isnull=False, opened_at__lt=timezone.now() - MAIL_OVERDUE)
    unsent = list(overdue.values_list("name", flat=True))
    if unsent:
        text += f"; the mails about {', '.join(unsent)} could not be sent: check the mail server and the log"
    yield CheckResult("incidents", ok=not unsent, text=text)


def _storage() -> Iterator[CheckResult]:
    storage = private_storage()
    name = storage.save(f"vton/photos/00/{uuid.uuid4().hex}.txt", ContentFile(b"probe"))
    try:
        with storage.open(name) as file:
            is_same = file.read() == b"probe"
    finally:
        storage.delete(name)
    text = "files can be written, read and deleted" if is_same else "a file was not read back as written"
    yield CheckResult("storage", ok=is_same, text=text)


HEALTH_CHECKS: list[Callable[[], Iterator[CheckResult]]] = [
    *(_settings, _database, _queue, _workers, _overdue, _unknown, _proxies),
    *(_gateway, _pictures, _products, _pause, _budget, _incidents, _storage),
]
