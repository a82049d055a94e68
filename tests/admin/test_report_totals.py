"""The totals of the reports equal the budget's amounts."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.db.models import F
from django.utils import timezone

from django_vton import lifecycle
from django_vton.models import Attempt, BudgetPeriod, Shopper, TryOnRequest
from django_vton.models.states import Money, State
from django_vton.monitoring import reports
from django_vton.pixazo import SubmitOutcome, SubmitResult, VendorResponse, VendorStatus
from django_vton.utils.periods import start_of_day, today
from tests import tryons

from . import factories
from .conftest import get_page, visible_text
from .report_data import (
    DAYS,
    INVOICE,
    INVOICE_CSV,
    REPORTS,
    create_claimed_tryon,
    create_submitted_tryon,
    fail_render,
    get_csv,
)

if TYPE_CHECKING:
    from django.test import Client

    from tests.conftest import Vton


@pytest.fixture
def amounts() -> dict[str, int]:
    """End renders in every possible way, by real transitions. Return the expected amounts in micro-USD."""
    factories.create_tryon(factories.create_guest())  # held
    tryons.complete_tryon(factories.create_sendable_tryon())  # charged
    request, attempt, _answer = create_submitted_tryon()
    fail_render(attempt, is_charged=True)
    request, attempt, _answer = create_submitted_tryon()
    fail_render(attempt, is_charged=False)
    request, attempt, _answer = create_submitted_tryon()
    lifecycle.fail_at_deadline(attempt)
    request, attempt = create_claimed_tryon()
    assert lifecycle.mark_unknown(attempt, timeout=timedelta(0))
    request.refresh_from_db()
    lifecycle.end_unknown_outcome(request)
    request, attempt = create_claimed_tryon()
    lifecycle.cancel(request)
    lifecycle.cancel(factories.create_tryon(factories.create_guest()))  # free
    request, attempt, response = create_submitted_tryon()
    done = VendorResponse(
        vendor_id=response.vendor_id,
        status=VendorStatus.COMPLETED,
        raw_status="COMPLETED",
        images=("http://x/1",),
    )
    assert lifecycle.mark_rendered([(attempt, done, None)])
    lifecycle.cancel(request)  # charged: the vendor had finished
    price = 75_000
    return {"held": price, "charged": 3 * price, "free": 2 * price, "assumed": 3 * price}


@pytest.mark.django_db
def test_each_way_to_end_is_reported_as_charged_assumed_free_or_held(amounts: dict[str, int]) -> None:
    daily = reports.daily_report(today(), today())

    total = daily.total
    found = {name: getattr(total, name) for name in amounts}
    assert found == amounts
    assert (total.renders, total.completed, total.failed) == (9, 1, 4)
    assert daily.failures == {"no_person": 2, "deadline": 1, "outcome_unknown": 1}


def test_the_days_equal_the_budget_periods(superuser: Client, amounts: dict[str, int]) -> None:
    assert amounts
    yesterday = today() - timedelta(days=1)
    BudgetPeriod.objects.create(kind="day", starts_on=yesterday, held=33_333)
    month, _created = BudgetPeriod.objects.get_or_create(kind="month", starts_on=yesterday.replace(day=1))
    BudgetPeriod.objects.filter(pk=month.pk).update(held=F("held") + 33_333)
    request = factories.create_tryon(
        factories.create_guest(), source=TryOnRequest.objects.filter(state=State.COMPLETED).get()
    )
    old = Attempt.objects.create(
        request=request,
        engine=request.engine,
        amount=33_333,
        budget_day=yesterday,
        answered_at=timezone.now(),
    )
    lifecycle.transition.settle([old], Money.SPENT)

    lines = {line["day"]: line for line in get_csv(superuser, DAYS, period="7")}
    assert len(lines) == 7
    for period in BudgetPeriod.objects.filter(kind="day"):
        line = lines[str(period.starts_on)]
        booked = Decimal(line["charged_usd"]) + Decimal(line["assumed_charged_usd"])
        assert booked * 1_000_000 == period.spent
        assert Decimal(line["held_usd"]) * 1_000_000 == period.held


def test_the_invoice_check_equals_the_budget_and_its_csv_file(
    superuser: Client, amounts: dict[str, int]
) -> None:
    month = BudgetPeriod.objects.get(kind="month")

    lines = get_csv(superuser, INVOICE_CSV)
    spent = sum(Decimal(line["amount_usd"]) for line in lines if line["booked"] in {"charged", "assumed"})
    assert spent * 1_000_000 == month.spent == amounts["charged"] + amounts["assumed"]
    assert len(lines) == 7, "the two try-ons that were never sent are missing"
    html = get_page(superuser, INVOICE)
    text = visible_text(html)
    assert "the invoice is authoritative" in text
    assert "spent 0.45 USD" in text
    assert html.count("<td><code>") == len(lines)
    for line in lines:
        assert line["vendor_id"] in html
        assert line["try_on"] in html
    assert {line["outcome"] for line in lines} >= {"completed", "failed: no_person", "canceled"}
    assert not get_csv(superuser, INVOICE_CSV, period="2019-01")


def test_a_changed_price_does_not_change_past_amounts(superuser: Client, vton: Vton) -> None:
    factories.complete_tryon(factories.create_tryon(factories.create_guest()))
    vton(PRICES={"fashn-v1.6": Decimal("9.99")})

    assert get_csv(superuser, DAYS, period="7")[-1]["charged_usd"] == "0.075"


def test_a_render_with_two_attempts_counts_once(superuser: Client) -> None:
    request, attempt = create_claimed_tryon()
    lifecycle.mark_refused(attempt, SubmitResult(outcome=SubmitOutcome.REFUSED), retry_at=timezone.now())
    assert request.attempts.count() == 2

    line = get_csv(superuser, DAYS, period="7")[-1]
    assert (line["renders"], line["free_usd"], line["held_usd"]) == ("1", "0.075", "0.075")


@pytest.mark.django_db
def test_a_day_ends_at_midnight_in_the_shops_time_zone(vton: Vton) -> None:
    vton(BUDGET_TIME_ZONE="Pacific/Auckland")
    # The clocks go back in that night, so the day has 25 hours. In UTC it starts on the evening before.
    begins, ends = datetime(2026, 4, 4, 11, tzinfo=UTC), datetime(2026, 4, 5, 12, tzinfo=UTC)
    second = timedelta(seconds=1)
    for moment in (begins - second, begins, begins + second, ends - second, ends):
        factories.set_state(factories.create_tryon(factories.create_guest()), State.QUEUED, created_at=moment)

    assert reports.funnel(date(2026, 4, 5), date(2026, 4, 5)).requested == 3


@pytest.mark.django_db
def test_a_render_belongs_to_the_day_of_its_reservation() -> None:
    request = factories.create_tryon(factories.create_guest())
    late = start_of_day(today()) - timedelta(seconds=1)
    factories.set_state(request, State.FAILED, "vendor", created_at=late)
    before = factories.create_tryon(factories.create_guest())
    factories.set_state(before, State.FAILED, "vendor", created_at=late)
    before.attempts.update(budget_day=today() - timedelta(days=1))

    total = reports.daily_report(today(), today()).total
    assert (total.renders, total.failed, total.held) == (1, 1, 75_000)


@pytest.mark.django_db
def test_shared_renders_count_for_the_shoppers_who_share_them() -> None:
    source = factories.create_house_render(factories.create_house_model())
    factories.set_state(
        factories.create_tryon(factories.create_guest(), source=source), State.COMPLETED, image_count=1
    )
    Shopper.objects.all().delete()

    counts = reports.funnel(today(), today())
    assert (counts.requested, counts.completed) == (1, 1), "it still counts after it is erased"


def test_the_reports_work_under_a_strict_content_security_policy(
    superuser: Client, amounts: dict[str, int]
) -> None:
    assert amounts
    for name in (REPORTS, INVOICE):
        main = get_page(superuser, name).partition('<div id="content"')[2].partition("<footer")[0]
        assert "vton-section" in main
        assert not re.search(r"<script|<style|\s(style|on\w+)=|https?://(?!testserver)", main)
