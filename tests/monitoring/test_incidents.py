"""Incidents are opened, mailed once and closed, whichever process checks and however often."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from django_vton import lifecycle
from django_vton.billing import budget
from django_vton.health import find_incidents
from django_vton.models import (
    BudgetPeriod,
    DispatcherLease,
    GatewayState,
    Incident,
    TryOnRequest,
    UndeletedFile,
)
from django_vton.models.states import State
from django_vton.monitoring import incidents
from django_vton.queue import liveness
from django_vton.utils.periods import today
from tests.admin import factories

from ..intake_helpers import run_concurrently
from ..tryons import make_product
from .incidents import (
    CAP,
    NEAR,
    STAFF,
    close_breaker,
    fail_because_of_images,
    fail_otherwise,
    fail_to_delete_file,
    fail_to_load_images,
    fail_to_use_images,
    last_mail,
    let_days_pass,
    lose_file,
    mailed_titles,
    open_breaker,
    run_schedule,
    show_page,
    stop_workers,
    wait_for_mails,
)

if TYPE_CHECKING:
    from ..conftest import Vton
    from ..intake_helpers import StoredFiles


@pytest.mark.parametrize(
    ("begin", "check", "end", "title", "instruction"),
    [
        (
            stop_workers,
            show_page,
            liveness.record_heartbeat,
            "No worker is running",
            "the worker of your queue",
        ),
        (
            open_breaker,
            run_schedule,
            close_breaker,
            "Renders with glass-v1 have stopped",
            "the wallet is empty (402)",
        ),
        (
            fail_to_load_images,
            run_schedule,
            fail_otherwise,
            "Pixazo cannot load the shop's images",
            "a firewall (WAF), a bot challenge, a login",
        ),
        (
            fail_to_use_images,
            run_schedule,
            fail_otherwise,
            "Pixazo cannot use the shop's images",
            "a proxy, a CDN or the web server may change",
        ),
        (
            lose_file,
            run_schedule,
            let_days_pass,
            "Files are missing in the private storage",
            "a container needs a volume",
        ),
        (
            fail_to_delete_file,
            run_schedule,
            UndeletedFile.objects.all().delete,
            "Files cannot be deleted",
            "Photos of shoppers can be among them",
        ),
    ],
    ids=["workers", "breaker", "unreachable images", "unreadable images", "missing file", "undeleted file"],
)
def test_each_incident_is_mailed_once(
    begin: Callable[[], None],
    check: Callable[[], object],
    end: Callable[[], None],
    title: str,
    instruction: str,
) -> None:
    check()
    assert mailed_titles() == []
    begin()
    for _ in range(3):
        check()
        wait_for_mails()
    assert mailed_titles() == [title]
    assert mail.outbox[0].to == [STAFF]
    assert instruction in last_mail()

    end()
    check()
    assert not Incident.objects.exists()
    begin()
    check()
    assert mailed_titles() == [title, title]


@pytest.mark.parametrize(
    "codes",
    [["images_unreachable"], ["photo_unusable", "product_image"], ["images_unreachable", "photo_unusable"]],
    ids=str,
)
def test_fewer_renders_that_failed_because_of_images_are_no_incident(codes: list[str]) -> None:
    fail_otherwise()
    fail_because_of_images(*codes)
    run_schedule()
    assert mailed_titles() == []


def test_each_engine_and_each_reason_is_an_incident_of_its_own() -> None:
    open_breaker()
    GatewayState.objects.create(engine="fashn-v1.6", breaker="401")
    GatewayState.objects.create(engine="gone-from-the-settings", breaker="401")
    run_schedule()
    assert sorted(mailed_titles()) == [
        "Renders with fashn-v1.6 have stopped",
        "Renders with glass-v1 have stopped",
    ]
    GatewayState.objects.filter(pk="glass-v1").update(breaker="403")
    run_schedule()
    assert len(mailed_titles()) == 3
    assert "the subscription does not include this engine (403)" in last_mail()


def test_a_budget_that_varies_around_its_threshold_is_mailed_once(
    vton: Vton, budget_signals: list[dict[str, Any]]
) -> None:
    vton(DAILY_BUDGET=CAP)
    budget.reserve(NEAR - 1)
    run_schedule()
    assert mailed_titles() == []
    budget.reserve(1)
    for held in (NEAR, NEAR - 50_000, NEAR):
        BudgetPeriod.objects.update(held=held)
        run_schedule()
        wait_for_mails()
    assert mailed_titles() == [f"Most of the budget of {date_format(today())} is used"]
    assert "0.30 USD of 0.375 USD are spent or set aside for running renders (80 %), and" in last_mail()
    assert "VTON['DAILY_BUDGET']" in last_mail()
    near = {"kind": "day", "starts_on": today(), "used": Decimal("0.3"), "cap": CAP}
    assert budget_signals == [near]

    budget.reserve(1)
    for _ in range(2):
        run_schedule()
        assert mailed_titles()[1:] == [f"The budget of {date_format(today())} is used up"]
    assert budget_signals == [near]


def test_a_budget_that_is_used_up_at_once_is_mailed_once_and_signaled(
    vton: Vton, budget_signals: list[dict[str, Any]]
) -> None:
    vton(MONTHLY_BUDGET=Decimal("0.10"))
    budget.reserve(75_000)
    for _ in range(2):
        run_schedule()
    month = today().replace(day=1)
    assert mailed_titles() == [f"The budget of {date_format(month, 'YEAR_MONTH_FORMAT')} is used up"]
    assert "VTON['MONTHLY_BUDGET']" in last_mail()
    assert budget_signals == [
        {"kind": "month", "starts_on": month, "used": Decimal("0.075"), "cap": Decimal("0.1")}
    ]


def test_the_next_day_and_a_higher_cap_are_new_incidents(
    vton: Vton, budget_signals: list[dict[str, Any]]
) -> None:
    west, east = "Pacific/Pago_Pago", "Pacific/Kiritimati"  # 25 hours apart, so on different days.
    vton(DAILY_BUDGET=CAP, BUDGET_TIME_ZONE=west)
    budget.reserve(NEAR)
    run_schedule()
    wait_for_mails()
    vton(BUDGET_TIME_ZONE=east)
    run_schedule()
    assert not Incident.objects.exists()
    budget.reserve(NEAR)
    run_schedule()
    assert len(mailed_titles()) == len(budget_signals) == 2

    vton(DAILY_BUDGET=10 * CAP)
    run_schedule()
    assert len(mailed_titles()) == 2
    budget.reserve(9 * NEAR)
    run_schedule()
    assert len(mailed_titles()) == len(budget_signals) == 3


def test_no_cap_and_a_cap_of_zero_are_no_incidents(vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal(0))
    with transaction.atomic():
        BudgetPeriod.objects.create(kind="month", starts_on=today().replace(day=1), spent=10**9)
    run_schedule()
    assert mailed_titles() == []


def test_unknown_outcomes_are_mailed_once_a_day(files: StoredFiles) -> None:  # noqa: ARG001 - photos are stored
    first = factories.create_unresolved_tryon()
    for _ in range(2):
        run_schedule()
        wait_for_mails()
    factories.create_unresolved_tryon()
    run_schedule()
    assert mailed_titles() == [f"Try-ons of {date_format(today())} have an unknown outcome"]
    for row in TryOnRequest.objects.all():
        lifecycle.write_off(row, actor_id=None)
    assert list(find_incidents()) == []
    factories.create_unresolved_tryon()
    run_schedule()
    assert len(mailed_titles()) == 1
    assert str(first.pk)[:8] not in last_mail()


def test_an_unknown_outcome_is_an_incident_until_it_is_resolved(files: StoredFiles) -> None:  # noqa: ARG001 - as above
    lifecycle.write_off(factories.create_unresolved_tryon(), actor_id=None)
    run_schedule()
    assert mailed_titles() == []
    row = factories.create_unresolved_tryon()
    old = timezone.now() - timedelta(days=40)
    factories.set_state(row, State.FAILED, "outcome_unknown", finished_at=old, created_at=old)
    for _ in range(2):
        run_schedule()
        assert mailed_titles() == [f"Try-ons of {date_format(today(old))} have an unknown outcome"]
        assert Incident.objects.exists()
    lifecycle.write_off(row, actor_id=None)
    run_schedule()
    assert not Incident.objects.exists()


# Concurrency and errors ------------------------------------------------------------------------------


def test_concurrent_checks_open_one_incident_and_send_one_mail(
    vton: Vton, budget_signals: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    vton(DAILY_BUDGET=CAP)
    budget.reserve(NEAR)
    open_breaker()
    assert run_concurrently(*[incidents.check] * 6) == [None] * 6
    assert len(mailed_titles()) == 2
    assert len(budget_signals) == 1
    assert Incident.objects.count() == 2
    # The same holds if a mail is due again.
    Incident.objects.update(notify_at=timezone.now() - timedelta(seconds=1))
    assert run_concurrently(*[incidents.check] * 6) == [None] * 6
    assert len(mailed_titles()) == 4
    assert "failed" not in caplog.text


def test_a_check_without_changes_reads_little_and_writes_nothing(vton: Vton) -> None:
    vton(DAILY_BUDGET=CAP, MONTHLY_BUDGET=CAP)
    budget.reserve(NEAR)
    incidents.check()
    wait_for_mails()
    with CaptureQueriesContext(connection) as captured:
        incidents.check()
    statements = [query["sql"].split()[0] for query in captured]
    assert statements == ["SELECT"] * 13


def test_a_page_sends_the_mail_after_its_own_transaction() -> None:
    stop_workers()
    product = make_product("shirt", "top")
    with transaction.atomic():
        assert show_page(product) == ""
        assert not Incident.objects.exists()
    assert mailed_titles() == ["No worker is running"]


def test_a_check_that_fails_harms_neither_page_nor_worker(
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
            assert "<vton-try-on" in show_page(product)
            assert DispatcherLease.objects.count() == 0
        assert caplog.text.count("Checking for incidents failed") == 1
        run_schedule()
        assert caplog.text.count("Checking for incidents failed") == 2
        assert enqueued == ["django_vton.tasks.dispatch"]
    finally:
        with connection.schema_editor() as editor:
            editor.alter_db_table(Incident, "vton_elsewhere", "vton_incident")
