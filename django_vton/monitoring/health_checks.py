"""The health checks of `vton_doctor` and the admin: the facts of `health`, the settings, mails and storage.

They check this machine, its database and its storage. They never call the vendor, so they cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, timedelta
from functools import wraps

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError
from django.utils import translation

from .. import health, queue
from ..conf import config
from ..health import Fact
from ..health.facts import FACTS
from ..health.storage import find_storage_problem
from ..intake import product_checks
from ..models import Incident, ProductCheck
from ..utils import clock, database
from . import mail, proxies

MAIL_OVERDUE = timedelta(minutes=15)
"""The age of an incident at which its mail has been tried at least twice."""


@dataclass(frozen=True)
class CheckResult:
    """The result of one health check, as `vton_doctor --json` prints it."""

    name: str
    ok: bool
    text: str
    """What was found and, if it is not ok, what to do, in English and without secrets."""


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
        with database.connection().cursor() as cursor:
            tables = database.connection().introspection.table_names(cursor)
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


def _queue() -> Iterator[CheckResult]:
    name, worker = queue.describe_queue()
    yield CheckResult("queue", ok=True, text=f"{name}; its worker is {worker}")


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


def _incidents() -> Iterator[CheckResult]:
    # The causes of incidents are facts. This check fails only if mails are not sent.
    text = ", ".join(fact.cause for fact in health.find_incidents()) or "none is open"
    if not mail.recipients():
        text += "; no mails are sent, since NOTIFY and MANAGERS are empty"
    overdue = Incident.objects.filter(notify_at__isnull=False, opened_at__lt=clock.now() - MAIL_OVERDUE)
    unsent = list(overdue.values_list("name", flat=True))
    if unsent:
        text += f"; the mails about {', '.join(unsent)} could not be sent: check the mail server and the log"
    yield CheckResult("incidents", ok=not unsent, text=text)


def _storage() -> Iterator[CheckResult]:
    """Try the storage here, since a fact only tells what a worker has found."""
    problem = find_storage_problem()
    place = f'in STORAGES["{config.STORAGE}"]' if config.STORAGE else "here"
    text = f"files cannot be written, read and deleted {place}: {problem}"
    yield CheckResult("storage", ok=not problem, text=text if problem else "files can be stored")


def _cache() -> Iterator[CheckResult]:
    """Try the cache here. It is no fact, since facts are read from the database only."""
    problem = ""
    try:
        cache.set("vton.health_check", 1, 10)
        cache.get("vton.health_check")
    except Exception as error:  # noqa: BLE001 - each backend has its own exceptions
        problem = f"cannot be used here, so no try-on button is shown: {type(error).__name__}"
    yield CheckResult("cache", ok=not problem, text=problem or "can be used")


def _facts(find: Callable[[], Iterator[Fact]]) -> Callable[[], Iterator[CheckResult]]:
    """Return a health check that reports the facts of one kind in English."""

    @wraps(find)
    def health_check() -> Iterator[CheckResult]:
        for fact in find():
            text = fact.text
            if fact.cause:
                with translation.override("en"):
                    text = health.notice(fact.cause).text
            if fact.since is not None:
                text += f" Since {fact.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC."
            yield CheckResult(fact.check, ok=not fact.cause or fact.is_warning, text=text)

    return health_check


HEALTH_CHECKS: list[Callable[[], Iterator[CheckResult]]] = [
    *(_settings, _queue, _proxies, _products),
    *map(_facts, FACTS),
    *(_incidents, _storage, _cache),
]
