"""What staff are told of: once each, whoever looks and however often, and never never."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.core import mail
from django.core.cache import cache
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from django.utils.formats import date_format

from django_vton import lifecycle, signals, tasks
from django_vton.billing import budget
from django_vton.models import BudgetPeriod, DispatcherLease, GatewayState, Incident, TryOnRequest
from django_vton.models.states import State
from django_vton.monitoring import incidents
from django_vton.monitoring import mail as notify
from django_vton.queue import liveness
from django_vton.utils.periods import today
from tests.admin import factories

from ..intake_helpers import run_concurrently
from ..live_shop import database_url
from ..tryons import make_product

if TYPE_CHECKING:
    from pytest_django import Settings

    from shop.models import Product

    from ..conftest import Vton
    from ..intake_helpers import StoredFiles

STAFF = "owner@shop.example"
NEAR = 300_000
"""With CAP, 80 % to the cent, and room for one render."""

CAP = Decimal("0.375")
WEST, EAST = "Pacific/Pago_Pago", "Pacific/Kiritimati"
"""25 hours apart: whatever the time is, in the east it is another day."""


@pytest.fixture(autouse=True)
def _staff(transactional_db: None, vton: Vton) -> Iterator[None]:  # noqa: ARG001 - a mail's thread has a connection of its own
    vton(NOTIFY=[STAFF])
    yield
    landed()


@pytest.fixture
def warnings() -> Iterator[list[dict[str, Any]]]:
    """What the shop's receiver of `budget_near` was given."""
    given: list[dict[str, Any]] = []

    def receiver(**arguments: Any) -> None:
        given.append({name: arguments[name] for name in ("kind", "starts_on", "used", "cap")})

    signals.budget_near.connect(receiver)
    yield given
    signals.budget_near.disconnect(receiver)


def landed() -> None:
    for thread in threading.enumerate():
        if thread.name == notify.THREAD_NAME:
            thread.join(30)
            assert not thread.is_alive()


def told() -> list[str]:
    """The subjects of all mails so far."""
    landed()
    return [str(message.subject).rpartition("Try-on: ")[2] for message in mail.outbox]


def text() -> str:
    """The last mail's."""
    landed()
    return str(mail.outbox[-1].body)


def a_page_is_shown(product: Product | None = None) -> str:
    """A minute later."""
    cache.clear()
    shown = product or make_product(f"shirt-{os.urandom(4).hex()}", "top")
    return Template("{% load vton %}{% tryon product %}").render(Context({"product": shown}))


def a_minute_passes() -> None:
    tasks.wake()


def time_to_tell_again() -> None:
    Incident.objects.filter(notify_at__isnull=False).update(notify_at=timezone.now() - timedelta(seconds=1))


def workers_go() -> None:
    liveness.record_heartbeat()
    DispatcherLease.objects.update(seen_at=timezone.now() - timedelta(minutes=6))


def breaker_opens() -> None:
    GatewayState.objects.update_or_create(engine="glass-v1", defaults={"breaker": "402"})


def breaker_closes() -> None:
    GatewayState.objects.update(breaker="")


def pictures_are_not_loaded() -> None:
    for _ in range(3):
        factories.set_state(factories.create_tryon(factories.create_guest()), State.FAILED, "photo_unusable")


def one_is_loaded() -> None:
    factories.set_state(factories.create_tryon(factories.create_guest()), State.FAILED, "no_person")


def mail_goes_to(settings: Settings, backend: str, **options: Any) -> None:
    """As the shop's settings name a mail server, before Django 6.1 and since."""
    if django.VERSION >= (6, 1):
        settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": options}}
        return
    settings.EMAIL_BACKEND = backend
    for name, value in options.items():
        setattr(settings, f"EMAIL_{name.upper()}", value)


@contextmanager
def no_mail_server(settings: Settings) -> Iterator[None]:
    before = dict(settings.MAILERS) if django.VERSION >= (6, 1) else settings.EMAIL_BACKEND
    mail_goes_to(settings, "django.core.mail.backends.smtp.EmailBackend", host="127.0.0.1", port=1)
    yield
    landed()
    if django.VERSION >= (6, 1):
        settings.MAILERS = before
    else:
        settings.EMAIL_BACKEND = before


# Each of them ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begins", "look", "ends", "title", "to_do"),
    [
        (
            workers_go,
            a_page_is_shown,
            liveness.record_heartbeat,
            "No worker is running",
            "the worker of your queue",
        ),
        (
            breaker_opens,
            a_minute_passes,
            breaker_closes,
            "Renders with glass-v1 have stopped",
            "the wallet is empty (402)",
        ),
        (
            pictures_are_not_loaded,
            a_minute_passes,
            one_is_loaded,
            "Pixazo cannot load the shop's pictures",
            "can be reached from the internet",
        ),
    ],
    ids=["workers", "breaker", "pictures"],
)
def test_one_mail_an_incident_and_a_new_one_for_the_next(
    begins: Callable[[], None],
    look: Callable[[], object],
    ends: Callable[[], None],
    title: str,
    to_do: str,
) -> None:
    look()
    assert told() == []
    begins()
    for _ in range(3):
        look()
        landed()
    assert told() == [title]
    assert mail.outbox[0].to == [STAFF]
    assert to_do in text()

    ends()
    look()
    assert not Incident.objects.exists()
    begins()
    look()
    assert told() == [title, title]


def test_two_photos_that_are_not_loaded_are_no_news() -> None:
    one_is_loaded()
    for _ in range(2):
        factories.set_state(factories.create_tryon(factories.create_guest()), State.FAILED, "photo_unusable")
    a_minute_passes()
    assert told() == []


def test_each_engine_and_each_reason_is_an_incident_of_its_own() -> None:
    breaker_opens()
    GatewayState.objects.create(engine="fashn-v1.6", breaker="401")
    GatewayState.objects.create(engine="gone-from-the-settings", breaker="401")
    a_minute_passes()
    assert sorted(told()) == ["Renders with fashn-v1.6 have stopped", "Renders with glass-v1 have stopped"]
    GatewayState.objects.filter(pk="glass-v1").update(breaker="403")
    a_minute_passes()
    assert len(told()) == 3
    assert "the subscription does not include this engine (403)" in text()


def test_a_budget_that_sways_around_its_mark_is_told_of_once(
    vton: Vton, warnings: list[dict[str, Any]]
) -> None:
    vton(DAILY_BUDGET=CAP)
    budget.reserve(NEAR - 1)
    a_minute_passes()
    assert told() == []
    budget.reserve(1)
    for held in (NEAR, NEAR - 50_000, NEAR):
        BudgetPeriod.objects.update(held=held)
        a_minute_passes()
        landed()
    assert told() == [f"Most of the budget of {date_format(today())} is used"]
    assert "0.30 USD of 0.375 USD are spent or set aside for running renders (80 %)." in text()
    assert "VTON['DAILY_BUDGET']" in text()
    near = {"kind": "day", "starts_on": today(), "used": Decimal("0.3"), "cap": CAP}
    assert warnings == [near]

    budget.reserve(1)
    for _ in range(2):
        a_minute_passes()
        assert told()[1:] == [f"The budget of {date_format(today())} is used up"]
    assert warnings == [near]


def test_a_budget_that_jumps_to_its_end_is_told_of_once_and_the_shop_is_warned(
    vton: Vton, warnings: list[dict[str, Any]]
) -> None:
    vton(MONTHLY_BUDGET=Decimal("0.10"))
    budget.reserve(75_000)
    for _ in range(2):
        a_minute_passes()
    month = today().replace(day=1)
    assert told() == [f"The budget of {date_format(month, 'YEAR_MONTH_FORMAT')} is used up"]
    assert "VTON['MONTHLY_BUDGET']" in text()
    assert warnings == [
        {"kind": "month", "starts_on": month, "used": Decimal("0.075"), "cap": Decimal("0.1")}
    ]


def test_the_next_day_and_a_higher_cap_are_news(vton: Vton, warnings: list[dict[str, Any]]) -> None:
    vton(DAILY_BUDGET=CAP, BUDGET_TIME_ZONE=WEST)
    budget.reserve(NEAR)
    a_minute_passes()
    landed()
    vton(BUDGET_TIME_ZONE=EAST)
    a_minute_passes()
    assert not Incident.objects.exists()
    budget.reserve(NEAR)
    a_minute_passes()
    assert len(told()) == len(warnings) == 2

    vton(DAILY_BUDGET=10 * CAP)
    a_minute_passes()
    assert len(told()) == 2
    budget.reserve(9 * NEAR)
    a_minute_passes()
    assert len(told()) == len(warnings) == 3


def test_no_cap_and_a_cap_of_nothing_are_no_news(vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal(0))
    with transaction.atomic():
        BudgetPeriod.objects.create(kind="month", starts_on=today().replace(day=1), spent=10**9)
    a_minute_passes()
    assert told() == []


def test_try_ons_in_doubt_are_told_of_once_a_day(files: StoredFiles) -> None:  # noqa: ARG001 - photos are stored
    first = factories.create_unresolved_tryon()
    for _ in range(2):
        a_minute_passes()
        landed()
    factories.create_unresolved_tryon()
    a_minute_passes()
    assert told() == [f"Try-ons of {date_format(today())} have an unknown outcome"]
    for row in TryOnRequest.objects.all():
        lifecycle.write_off(row, actor_id=None)
    assert list(incidents.open_incidents()) == []
    factories.create_unresolved_tryon()
    a_minute_passes()
    assert len(told()) == 1
    assert str(first.pk)[:8] not in text()


def test_what_was_written_off_or_is_older_is_not_told_of(files: StoredFiles) -> None:  # noqa: ARG001 - as above
    lifecycle.write_off(factories.create_unresolved_tryon(), actor_id=None)
    old = timezone.now() - timedelta(hours=25)
    factories.set_state(factories.create_unresolved_tryon(), State.FAILED, "outcome_unknown", finished_at=old)
    a_minute_passes()
    assert told() == []


# Whoever looks ---------------------------------------------------------------------------------------


def test_many_who_look_at_once_open_one_and_mail_once(
    vton: Vton, warnings: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    vton(DAILY_BUDGET=CAP)
    budget.reserve(NEAR)
    breaker_opens()
    assert run_concurrently(*[incidents.check] * 6) == [None] * 6
    assert len(told()) == 2
    assert len(warnings) == 1
    assert Incident.objects.count() == 2
    # Also where a mail is due again.
    Incident.objects.update(notify_at=timezone.now() - timedelta(seconds=1))
    assert run_concurrently(*[incidents.check] * 6) == [None] * 6
    assert len(told()) == 4
    assert "failed" not in caplog.text


def test_where_nothing_changes_nothing_is_written_and_little_read(vton: Vton) -> None:
    vton(DAILY_BUDGET=CAP, MONTHLY_BUDGET=CAP)
    budget.reserve(NEAR)
    incidents.check()
    landed()
    with CaptureQueriesContext(connection) as captured:
        incidents.check()
    statements = [query["sql"].split()[0] for query in captured]
    assert statements == ["SELECT"] * 6


def test_a_page_tells_after_its_own_transaction() -> None:
    workers_go()
    product = make_product("shirt", "top")
    with transaction.atomic():
        assert a_page_is_shown(product) == ""
        assert not Incident.objects.exists()
    assert told() == ["No worker is running"]


def test_a_look_that_fails_harms_neither_page_nor_pump(
    caplog: pytest.LogCaptureFixture,
    enqueued: list[str],
    files: StoredFiles,  # noqa: ARG001 - photos are stored
) -> None:
    product = make_product("shirt", "top")
    factories.create_tryon(factories.create_guest())
    with connection.schema_editor() as editor:
        editor.alter_db_table(Incident, "vton_incident", "vton_elsewhere")
    try:
        with transaction.atomic():
            assert "<vton-try-on" in a_page_is_shown(product)
            assert DispatcherLease.objects.count() == 0
        assert caplog.text.count("Checking for incidents failed") == 1
        a_minute_passes()
        assert caplog.text.count("Checking for incidents failed") == 2
        assert enqueued == ["django_vton.tasks.dispatch"]
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(Incident, "vton_elsewhere", "vton_incident")


# Mail ------------------------------------------------------------------------------------------------


def test_nobody_to_tell_is_no_error_and_the_incident_is_there(vton: Vton, settings: Settings) -> None:
    vton(NOTIFY=None)
    settings.MANAGERS = []
    breaker_opens()
    a_minute_passes()
    assert told() == []
    assert Incident.objects.get().notify_at is None


def test_without_addresses_of_its_own_the_managers_are_told(vton: Vton, settings: Settings) -> None:
    vton(NOTIFY=None)
    settings.MANAGERS = ["m@shop.example"] if django.VERSION >= (6, 0) else [("M", "m@shop.example")]
    breaker_opens()
    a_minute_passes()
    landed()
    assert mail.outbox[0].to == ["m@shop.example"]


def test_a_mail_server_that_is_away_delays_and_loses_nothing(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    with no_mail_server(settings):
        breaker_opens()
        a_minute_passes()
    assert "could not be sent" in caplog.text
    a_minute_passes()
    assert told() == [], "not before its time"
    time_to_tell_again()
    a_minute_passes()
    assert told() == ["Renders with glass-v1 have stopped"]
    assert "It was over" not in text()
    assert Incident.objects.get().notify_at is None


def test_what_ended_before_staff_knew_is_still_told(settings: Settings) -> None:
    with no_mail_server(settings):
        breaker_opens()
        a_minute_passes()
    breaker_closes()
    a_minute_passes()
    time_to_tell_again()
    a_minute_passes()
    assert len(told()) == 1
    assert "402" in text()
    assert "It was over before this mail was sent." in text()
    a_minute_passes()
    assert not Incident.objects.exists()


class Kills(BaseEmailBackend):
    """The machine goes, between the claim and the mail."""

    def send_messages(self, email_messages: Any) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0


A_PROCESS = """
import threading, django
django.setup()
from django.conf import settings
from django.test import override_settings
from django_vton import tasks
from django_vton.monitoring import mail
kills = "tests.monitoring.test_incidents.Kills"
backend = (
    {"MAILERS": {"default": {"BACKEND": kills}}} if django.VERSION >= (6, 1) else {"EMAIL_BACKEND": kills}
)
with override_settings(VTON={**settings.VTON, "NOTIFY": ["owner@shop.example"]}, **backend):
    tasks.wake()
    for thread in threading.enumerate():
        if thread.name == mail.THREAD_NAME:
            thread.join()
"""


def test_a_process_that_dies_between_claim_and_mail_delays_and_loses_nothing() -> None:
    breaker_opens()
    env = {**os.environ, "DATABASE_URL": database_url(), "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.run([sys.executable, "-c", A_PROCESS], env=env, timeout=60, check=False)
    assert process.returncode == -signal.SIGKILL

    notify_at = Incident.objects.get().notify_at
    assert notify_at is not None
    assert notify_at > timezone.now() + timedelta(minutes=8)
    a_minute_passes()
    assert told() == [], "another process has it"
    time_to_tell_again()
    a_minute_passes()
    a_minute_passes()
    assert told() == ["Renders with glass-v1 have stopped"]


class Hangs(BaseEmailBackend):
    """A mail server that says nothing until it is let go."""

    go = threading.Event()

    def send_messages(self, email_messages: Any) -> int:
        assert Hangs.go.wait(60)
        return len(email_messages)


def test_a_mail_server_that_hangs_holds_up_nobody(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    Hangs.go.clear()
    mail_goes_to(settings, f"{__name__}.Hangs")
    workers_go()
    product = make_product("shirt", "top")
    try:
        for _ in range(notify.MAX_THREADS + 2):
            assert a_page_is_shown(product) == ""
            time_to_tell_again()
        hanging = [thread for thread in threading.enumerate() if thread.name == notify.THREAD_NAME]
        assert len(hanging) == notify.MAX_THREADS
        assert "does not answer" in caplog.text
    finally:
        Hangs.go.set()
    landed()


def test_mails_are_in_the_shops_language_whoever_looks(settings: Settings, vton: Vton) -> None:
    settings.LANGUAGE_CODE = "de"
    vton(DAILY_BUDGET=CAP)
    budget.reserve(NEAR)
    with translation.override("en"):
        a_minute_passes()
        (subject,) = told()
        assert date_format(today()) not in subject
        assert translation.get_language() == "en"
    with translation.override("de"):
        assert date_format(today()) in subject
    assert "0,30" in text()
