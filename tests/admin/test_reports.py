"""The reports page."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertNumQueries

from django_vton import privacy
from django_vton.admin import periods
from django_vton.models import Conversion
from django_vton.models.states import State

from . import factories
from .conftest import LIST, get_page, visible_text
from .report_data import DAYS, FEEDBACK, INVOICE, INVOICE_CSV, REPORTS, create_rated_tryon, get_csv

if TYPE_CHECKING:
    from django.test import Client

    from tests.conftest import Vton


def test_the_page_shows_all_reports(superuser: Client, vton: Vton) -> None:
    for seconds in (10, 20, 60):
        request = factories.complete_tryon(factories.create_tryon(factories.create_guest()))
        now = timezone.now()
        factories.set_state(
            request, State.COMPLETED, created_at=now, finished_at=now + timedelta(seconds=seconds)
        )
        Conversion.objects.create(request=request, kind="added", product=request.product, reference="1")
    Conversion.objects.create(request=request, kind="purchased", product=request.product, reference="1")
    Conversion.objects.create(request=request, kind="added", product=request.product, reference="2")
    factories.set_state(
        factories.create_tryon(factories.create_guest()), State.FAILED, "no_person", finished_at=now
    )

    vton(DAILY_BUDGET=Decimal("0.2"))
    html = get_page(superuser, REPORTS)

    text = visible_text(html)
    for expected in (
        "renders 4",
        "success rate 75.0 %",
        "median 20.0 s",
        "95th percentile 60.0 s",
        "spent 0.225 USD",
        "today's cap: 0.20 USD",
        "no person found in the photo 1 100.0 %",
        "requested by shoppers 4 completed 3 added to the basket 3 100.0 % bought 1 33.3 %",
        "Linen shirt 4 3 3 1 0 0",
    ):
        assert expected in text
    (url,) = set(re.findall(r'href="([^"]*\?product=[^"]*)"', html))
    assert "4 try-ons" in visible_text(superuser.get(url).content.decode())
    (url,) = set(re.findall(r'href="([^"]*\?day=[^"]*)"', html))
    assert "4 try-ons" in visible_text(superuser.get(url).content.decode())


def test_feedback_is_on_the_page_and_in_a_csv_file(superuser: Client) -> None:
    for value, reason in [
        *[("like", ""), ("like", ""), ("like", ""), ("", "")],
        *[("dislike", "fit"), ("dislike", "colour"), ("dislike", "fit"), ("dislike", ""), ("dislike", "fit")],
    ]:
        create_rated_tryon(value, reason)
    create_rated_tryon("dislike", "not_like_me", product="shop.product:8", title="=1+1")
    long_ago = create_rated_tryon("dislike", "poor_picture")
    factories.set_state(long_ago, State.COMPLETED, created_at=timezone.now() - timedelta(days=8))

    text = visible_text(get_page(superuser, REPORTS, period="7"))
    for expected in (
        "likes 3 33.3 % dislikes 6 66.7 %",
        "Fit 3 50.0 % Colour 1 16.7 % Doesn't look like me 1 16.7 % no reason given 1 16.7 %",
        "Linen shirt 9 9 0 0 3 5 Fit 3 Colour 1",
        "=1+1 1 1 0 0 0 1 Doesn't look like me 1",
    ):
        assert expected in text
    assert "Poor picture" not in text, "it was created before the period"
    assert "Poor picture 1" in visible_text(get_page(superuser, REPORTS, period="30"))
    shirt, other = (list(line.values()) for line in get_csv(superuser, FEEDBACK, period="7"))
    assert shirt == ["shop.product:42", "Linen shirt", "3", "5", "3", "1", "0", "0"]
    assert other == ["shop.product:8", "'=1+1", "0", "1", "0", "0", "1", "0"]


def test_feedback_on_an_erased_try_on_is_not_counted(superuser: Client) -> None:
    privacy.erase_tryon(create_rated_tryon("dislike", "fit"))

    assert "No feedback in this period." in visible_text(get_page(superuser, REPORTS))


def test_the_reports_work_without_data(superuser: Client) -> None:
    text = visible_text(get_page(superuser, REPORTS))

    assert "success rate -" in text
    assert "No failed renders." in text
    assert "No feedback in this period." in text
    assert "No dislikes." in text
    assert not get_csv(superuser, FEEDBACK)
    assert "No try-ons in this period." in text
    assert "Nothing was sent in this month." in visible_text(get_page(superuser, INVOICE))


@pytest.mark.parametrize("period", ["7", "30", "90", "2026-02", "2019-12"])
def test_a_period_includes_all_its_days(superuser: Client, period: str) -> None:
    chosen = periods.parse(period)
    lines = get_csv(superuser, DAYS, period=period)

    assert lines[0]["day"] == str(chosen.first)
    assert lines[-1]["day"] == str(chosen.last)
    assert len(lines) == (chosen.last - chosen.first).days + 1
    assert get_page(superuser, REPORTS, period=period)


@pytest.mark.parametrize(
    "period", ["", "31", "0", "-7", "2026-13", "0000-01", "9999-12", "x" * 500, "٢٠٢٦-٠٢", "7\0"]
)
def test_an_invalid_period_means_the_default(superuser: Client, period: str) -> None:
    assert "the last 30 days</option>" in get_page(superuser, REPORTS, period=period)
    assert get_page(superuser, INVOICE, period=period)
    assert get_csv(superuser, DAYS, period=period)
    assert not get_csv(superuser, FEEDBACK, period=period)
    get_csv(superuser, INVOICE_CSV, period=period)


def test_reports_need_the_permission_to_view_try_ons(client: Client, viewer: Client, admin_user: Any) -> None:
    assert admin_user
    nobody = type(admin_user).objects.create_user("nobody", is_staff=True)
    client.force_login(nobody)
    for name in (REPORTS, DAYS, FEEDBACK, INVOICE, INVOICE_CSV):
        assert client.get(reverse(name)).status_code == 403
        assert viewer.get(reverse(name)).status_code == 200
    assert reverse(REPORTS) in get_page(viewer, "admin:index")
    assert reverse(REPORTS) in get_page(viewer, LIST)
    assert reverse(REPORTS) not in client.get(reverse("admin:index")).content.decode()


def test_the_reports_need_a_fixed_number_of_queries(superuser: Client) -> None:
    def more(count: int) -> None:
        for number in range(count):
            request = factories.complete_tryon(
                factories.create_tryon(factories.create_guest(), product=f"shop.product:{number}")
            )
            Conversion.objects.create(request=request, kind="added", product="p", reference="")

    more(2)
    with CaptureQueriesContext(connection) as few:
        get_page(superuser, REPORTS)
    more(8)
    with assertNumQueries(len(few)):
        get_page(superuser, REPORTS)
    assert len(few) <= 14
