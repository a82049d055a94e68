"""The merchant's figures: what the page says is what was booked, and what a file holds is harmless."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertNumQueries

from django_vton import lifecycle, privacy
from django_vton.admin import chart, export, periods
from django_vton.intake import feedback
from django_vton.models import Attempt, BudgetPeriod, Conversion, Shopper, TryOnRequest
from django_vton.models.states import Money, State
from django_vton.monitoring import reports
from django_vton.pixazo import Answer, Status, Submission, Verdict
from django_vton.utils.periods import midnight, today
from tests import doors

from . import rows
from .conftest import LIST, page, text

if TYPE_CHECKING:
    from django.test import Client

    from tests.conftest import Vton

FIGURES = "admin:vton_conversion_changelist"
DAYS = "admin:vton_figures_days"
FEEDBACK = "admin:vton_figures_feedback"
INVOICE = "admin:vton_invoice"
INVOICE_FILE = "admin:vton_invoice_file"


def file(client: Client, name: str, **query: str) -> list[dict[str, str]]:
    response = client.get(reverse(name), query)
    assert response.status_code == 200
    data = doors.content(response)
    assert data.startswith(b"\xef\xbb\xbf"), "the mark by which Excel knows UTF-8"
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def sent() -> tuple[TryOnRequest, Attempt]:
    request = rows.tryon(rows.guest())
    return request, doors.submit(request, token=str(request.pk))


def accepted() -> tuple[TryOnRequest, Attempt, Answer]:
    request, attempt = sent()
    running = Answer(vendor_id=f"fashn-{request.pk}", status=Status.RUNNING, word="QUEUED")
    lifecycle.submit_answered(attempt, Submission(verdict=Verdict.ACCEPTED, answer=running), running)
    request.refresh_from_db()
    return request, attempt, running


def given_up(request: TryOnRequest, attempt: Attempt, *, charged: bool) -> None:
    answer = Answer(
        vendor_id=f"fashn-{request.pk}", status=Status.FAILED, word="FAILED", error_code="no_person"
    )
    assert lifecycle.render_failed(request, attempt, answer, charged=charged)


@pytest.fixture
def ends() -> dict[str, int]:
    """One render for each way to end, by real moves; the micro-USD that each kind of money should be."""
    rows.tryon(rows.guest())  # held
    doors.render(rows.tryon(rows.guest()))  # charged
    request, attempt, _answer = accepted()
    given_up(request, attempt, charged=True)
    request, attempt, _answer = accepted()
    given_up(request, attempt, charged=False)
    request, attempt, _answer = accepted()
    lifecycle.deadline_over(request, attempt)
    request, attempt = sent()
    assert lifecycle.submit_unknown(attempt, grace=timedelta(0))
    request.refresh_from_db()
    lifecycle.outcome_timed_out(request)
    request, attempt = sent()
    lifecycle.cancel(request)
    lifecycle.cancel(rows.tryon(rows.guest()))  # free
    request, attempt, answer = accepted()
    done = Answer(
        vendor_id=answer.vendor_id, status=Status.COMPLETED, word="COMPLETED", images=("http://x/1",)
    )
    assert lifecycle.rendered(request, attempt, done)
    lifecycle.cancel(request)  # charged: the vendor had finished
    price = 75_000
    return {"held": price, "charged": 3 * price, "free": 2 * price, "assumed": 3 * price}


@pytest.mark.django_db
def test_each_end_is_booked_as_what_is_known_of_it(ends: dict[str, int]) -> None:
    books = reports.books(today(), today())

    total = books.total
    found = {name: getattr(total, name) for name in ends}
    assert found == ends
    assert (total.renders, total.completed, total.failed) == (9, 1, 4)
    assert books.failures == {"no_person": 2, "deadline": 1, "outcome_unknown": 1}


def test_the_page_agrees_with_the_budget_to_the_cent(boss: Client, ends: dict[str, int]) -> None:
    assert ends
    yesterday = today() - timedelta(days=1)
    BudgetPeriod.objects.create(kind="day", starts_on=yesterday, held=33_333)
    month, _created = BudgetPeriod.objects.get_or_create(kind="month", starts_on=yesterday.replace(day=1))
    BudgetPeriod.objects.filter(pk=month.pk).update(held=F("held") + 33_333)
    request = rows.tryon(rows.guest(), source=TryOnRequest.objects.filter(state=State.COMPLETED).get())
    old = Attempt.objects.create(
        request=request,
        engine=request.engine,
        amount=33_333,
        budget_day=yesterday,
        answered_at=timezone.now(),
    )
    lifecycle.transition.settle(request, old, Money.SPENT)

    lines = {line["day"]: line for line in file(boss, DAYS, period="7")}
    assert len(lines) == 7
    for period in BudgetPeriod.objects.filter(kind="day"):
        line = lines[str(period.starts_on)]
        booked = Decimal(line["charged_usd"]) + Decimal(line["assumed_charged_usd"])
        assert booked * 1_000_000 == period.spent
        assert Decimal(line["held_usd"]) * 1_000_000 == period.held


def test_a_month_agrees_with_the_budget_and_the_file_with_the_page(
    boss: Client, ends: dict[str, int]
) -> None:
    month = BudgetPeriod.objects.get(kind="month")

    lines = file(boss, INVOICE_FILE)
    spent = sum(Decimal(line["amount_usd"]) for line in lines if line["booked"] in {"charged", "assumed"})
    assert spent * 1_000_000 == month.spent == ends["charged"] + ends["assumed"]
    assert len(lines) == 7, "two were never sent"
    html = page(boss, INVOICE)
    read = text(html)
    assert "the invoice decides" in read
    assert "spent 0.45 USD" in read
    assert html.count("<td><code>") == len(lines)
    for line in lines:
        assert line["vendor_id"] in html
        assert line["try_on"] in html
    assert {line["outcome"] for line in lines} >= {"completed", "failed: no_person", "canceled"}
    assert not file(boss, INVOICE_FILE, period="2019-01")


def test_a_price_that_changed_changes_no_day_that_is_past(boss: Client, vton: Vton) -> None:
    rows.complete(rows.tryon(rows.guest()))
    vton(PRICES={"fashn-v1.6": Decimal("9.99")})

    assert file(boss, DAYS, period="7")[-1]["charged_usd"] == "0.075"


def test_a_render_that_is_sent_twice_is_one_render(boss: Client) -> None:
    request, attempt = sent()
    lifecycle.submit_refused(attempt, Submission(verdict=Verdict.REFUSED), retry_at=timezone.now())
    assert request.attempts.count() == 2

    line = file(boss, DAYS, period="7")[-1]
    assert (line["renders"], line["free_usd"], line["held_usd"]) == ("1", "0.075", "0.075")


def test_the_page_reads_as_a_merchant_would(boss: Client, vton: Vton) -> None:
    for seconds in (10, 20, 60):
        request = rows.complete(rows.tryon(rows.guest()))
        now = timezone.now()
        rows.put(request, State.COMPLETED, created_at=now, finished_at=now + timedelta(seconds=seconds))
        Conversion.objects.create(request=request, kind="added", product=request.product, reference="1")
    Conversion.objects.create(request=request, kind="purchased", product=request.product, reference="1")
    Conversion.objects.create(request=request, kind="added", product=request.product, reference="2")
    rows.put(rows.tryon(rows.guest()), State.FAILED, "no_person", finished_at=now)

    vton(DAILY_BUDGET=Decimal("0.2"))
    html = page(boss, FIGURES)

    read = text(html)
    for words in (
        "renders 4",
        "success rate 75.0 %",
        "median 20.0 s",
        "95 of 100 within 60.0 s",
        "spent 0.225 USD",
        "today's cap: 0.20 USD",
        "no person found in the photo 1 100.0 %",
        "asked for by shoppers 4 completed 3 added to the basket 3 100.0 % bought 1 33.3 %",
        "Linen shirt 4 3 3 1 0 0",
    ):
        assert words in read
    (address,) = set(re.findall(r'href="([^"]*\?product=[^"]*)"', html))
    assert "4 try-ons" in text(boss.get(address).content.decode())
    (address,) = set(re.findall(r'href="([^"]*\?day=[^"]*)"', html))
    assert "4 try-ons" in text(boss.get(address).content.decode())


def judged(value: str, reason: str = "", **more: Any) -> TryOnRequest:
    request = rows.complete(rows.tryon(rows.guest(), **more))
    feedback.give(request, value, reason)
    return request


def test_likes_dislikes_and_reasons_are_on_the_page_and_in_a_file(boss: Client) -> None:
    for value, reason in [
        *[("like", ""), ("like", ""), ("like", ""), ("", "")],
        *[("dislike", "fit"), ("dislike", "colour"), ("dislike", "fit"), ("dislike", ""), ("dislike", "fit")],
    ]:
        judged(value, reason)
    judged("dislike", "not_like_me", product="shop.product:8", title="=1+1")
    long_ago = judged("dislike", "poor_picture")
    rows.put(long_ago, State.COMPLETED, created_at=timezone.now() - timedelta(days=8))

    read = text(page(boss, FIGURES, period="7"))
    for words in (
        "likes 3 33.3 % dislikes 6 66.7 %",
        "Fit 3 50.0 % Colour 1 16.7 % Doesn't look like me 1 16.7 % no reason given 1 16.7 %",
        "Linen shirt 9 9 0 0 3 5 Fit 3 Colour 1",
        "=1+1 1 1 0 0 0 1 Doesn't look like me 1",
    ):
        assert words in read
    assert "Poor picture" not in read, "that was before these days"
    assert "Poor picture 1" in text(page(boss, FIGURES, period="30"))
    shirt, other = (list(line.values()) for line in file(boss, FEEDBACK, period="7"))
    assert shirt == ["shop.product:42", "Linen shirt", "3", "5", "3", "1", "0", "0"]
    assert other == ["shop.product:8", "'=1+1", "0", "1", "0", "0", "1", "0"]


def test_feedback_on_an_erased_try_on_is_counted_no_longer(boss: Client) -> None:
    privacy.erase(judged("dislike", "fit"))

    assert "No feedback in these days." in text(page(boss, FIGURES))


def test_an_empty_shop_has_a_page(boss: Client) -> None:
    read = text(page(boss, FIGURES))

    assert "success rate -" in read
    assert "None failed." in read
    assert "No feedback in these days." in read
    assert "No dislikes." in read
    assert not file(boss, FEEDBACK)
    assert "Nobody tried anything on." in read
    assert "Nothing was sent in this month." in text(page(boss, INVOICE))


@pytest.mark.parametrize("period", ["7", "30", "90", "2026-02", "2019-12"])
def test_every_period_has_all_its_days(boss: Client, period: str) -> None:
    chosen = periods.of(period)
    lines = file(boss, DAYS, period=period)

    assert lines[0]["day"] == str(chosen.first)
    assert lines[-1]["day"] == str(chosen.last)
    assert len(lines) == (chosen.last - chosen.first).days + 1
    assert page(boss, FIGURES, period=period)


@pytest.mark.parametrize(
    "period", ["", "31", "0", "-7", "2026-13", "0000-01", "9999-12", "x" * 500, "٢٠٢٦-٠٢", "7\0"]
)
def test_what_is_no_period_is_the_default(boss: Client, period: str) -> None:
    assert "the last 30 days</option>" in page(boss, FIGURES, period=period)
    assert page(boss, INVOICE, period=period)
    assert file(boss, DAYS, period=period)
    assert not file(boss, FEEDBACK, period=period)
    file(boss, INVOICE_FILE, period=period)


@pytest.mark.django_db
def test_a_day_ends_at_the_shops_midnight(vton: Vton) -> None:
    vton(BUDGET_TIME_ZONE="Pacific/Auckland")
    # The clocks go back in that night: 25 hours, and begun at the evening before in UTC.
    begins, ends = datetime(2026, 4, 4, 11, tzinfo=UTC), datetime(2026, 4, 5, 12, tzinfo=UTC)
    second = timedelta(seconds=1)
    for moment in (begins - second, begins, begins + second, ends - second, ends):
        rows.put(rows.tryon(rows.guest()), State.QUEUED, created_at=moment)

    assert reports.funnel(date(2026, 4, 5), date(2026, 4, 5)).asked == 3


@pytest.mark.django_db
def test_asked_for_before_midnight_and_booked_after_it_is_a_render_of_the_new_day() -> None:
    request = rows.tryon(rows.guest())
    late = midnight(today()) - timedelta(seconds=1)
    rows.put(request, State.FAILED, "vendor", created_at=late)
    before = rows.tryon(rows.guest())
    rows.put(before, State.FAILED, "vendor", created_at=late)
    before.attempts.update(budget_day=today() - timedelta(days=1))

    total = reports.books(today(), today()).total
    assert (total.renders, total.failed, total.held) == (1, 1, 75_000)


def test_only_who_may_look_at_try_ons_sees_figures(client: Client, viewer: Client, admin_user: Any) -> None:
    assert admin_user
    nobody = type(admin_user).objects.create_user("nobody", is_staff=True)
    client.force_login(nobody)
    for name in (FIGURES, DAYS, FEEDBACK, INVOICE, INVOICE_FILE):
        assert client.get(reverse(name)).status_code == 403
        assert viewer.get(reverse(name)).status_code == 200
    assert reverse(FIGURES) in page(viewer, "admin:index")
    assert reverse(FIGURES) in page(viewer, LIST)
    assert reverse(FIGURES) not in client.get(reverse("admin:index")).content.decode()


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx"])
def test_nothing_in_a_file_is_a_formula(boss: Client, start: str) -> None:
    rows.complete(rows.tryon(rows.guest()))
    Attempt.objects.update(vendor_id=start, posted_at=timezone.now(), engine=start)

    (line,) = file(boss, INVOICE_FILE)
    assert line["vendor_id"] == line["engine"] == f"'{start}"
    assert line["amount_usd"] == "0.075"
    assert export.cell(Decimal("-1.5")) == Decimal("-1.5"), "numbers stay numbers"


def test_a_file_is_named_and_kept_by_nobody(boss: Client) -> None:
    response = boss.get(reverse(INVOICE_FILE), {"period": "2026-11"})

    assert response.headers["Content-Disposition"] == 'attachment; filename="try-on-2026-11.csv"'
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in response.headers["Cache-Control"]
    assert response.streaming
    doors.content(response)


def test_a_file_is_read_as_it_is_sent(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django_vton.admin.reports.CHUNK", 2)
    for number in range(7):
        rows.complete(rows.tryon(rows.guest()))
        Attempt.objects.filter(posted_at=None).update(
            posted_at=timezone.now() - timedelta(seconds=number), budget_day=today()
        )
    with CaptureQueriesContext(connection) as queries:
        response = boss.get(reverse(INVOICE_FILE))
        assert not [query for query in queries if "vton_attempt" in query["sql"]], "nothing before it is sent"
        lines = doors.content(response).decode().splitlines()
    assert len(lines) == 8
    assert [line.split(",")[2] for line in lines[1:]] == sorted(line.split(",")[2] for line in lines[1:])


def test_as_many_queries_for_many_rows(boss: Client) -> None:
    def more(count: int) -> None:
        for number in range(count):
            request = rows.complete(rows.tryon(rows.guest(), product=f"shop.product:{number}"))
            Conversion.objects.create(request=request, kind="added", product="p", reference="")

    more(2)
    with CaptureQueriesContext(connection) as few:
        page(boss, FIGURES)
    more(8)
    with assertNumQueries(len(few)):
        page(boss, FIGURES)
    assert len(few) <= 13


def test_pages_hold_under_a_strict_policy(boss: Client, ends: dict[str, int]) -> None:
    assert ends
    for name in (FIGURES, INVOICE):
        main = page(boss, name).partition('<div id="content"')[2].partition("<footer")[0]
        assert "vton-section" in main
        assert not re.search(r"<script|<style|\s(style|on\w+)=|https?://(?!testserver)", main)


@pytest.mark.django_db
def test_renders_of_house_models_are_asked_for_by_those_who_share_them() -> None:
    source = rows.house_render(rows.house_model())
    rows.put(rows.tryon(rows.guest(), source=source), State.COMPLETED, image_count=1)
    Shopper.objects.all().delete()

    counts = reports.funnel(today(), today())
    assert (counts.asked, counts.completed) == (1, 1), "also after it is erased"


# The chart ------------------------------------------------------------------------------------------


def bars(*amounts: tuple[int, int]) -> list[chart.Bar]:
    return [chart.Bar(str(n), f"day {n}", *amount) for n, amount in enumerate(amounts)]


@pytest.mark.parametrize(
    ("highest", "expected"),
    [(1, 1), (4, 1), (5, 2), (8, 2), (9, 5), (20, 5), (21, 10), (75_000, 20_000), (10**9, 5 * 10**8)],
)
def test_lines_are_round_numbers(highest: int, expected: int) -> None:
    assert chart.step(highest) == expected


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("count", [1, 7, 31, 90])
def test_bars_stay_in_the_frame(count: int, *, is_mirrored: bool) -> None:
    drawn = chart.draw(bars(*[(50_000, 25_000)] * count), 100_000, str, is_mirrored=is_mirrored)

    assert len(drawn["bars"]) == count
    assert len(drawn["labels"]) <= chart.LABELS + 1
    for bar in drawn["bars"]:
        left, width = float(bar["x"]), float(bar["width"])
        assert min(drawn["begins"], drawn["ends"]) <= left
        assert left + width <= max(drawn["begins"], drawn["ends"])
        assert chart.TOP <= bar["upper"]["y"] < bar["lower"]["y"] < chart.HEIGHT - chart.BOTTOM
        assert bar["upper"]["y"] + bar["upper"]["height"] == bar["lower"]["y"]


def test_a_cap_far_above_is_left_to_words() -> None:
    assert chart.draw(bars((10_000, 0)), 1_000_000, str)["cap"] is None
    near = chart.draw(bars((75_000, 0)), 100_000, str)
    assert chart.TOP <= near["cap"] < near["bars"][0]["lower"]["y"]


def test_days_without_a_cent_and_a_cap_of_nothing_are_drawn() -> None:
    for cap in (None, 0):
        drawn = chart.draw(bars((0, 0), (0, 0)), cap, str)
        assert drawn["bars"] == []
        assert drawn["cap"] is None
