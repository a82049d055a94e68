"""The list of all try-ons: filters, pages without a count, and what is done to a chosen one."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_vton import lifecycle
from django_vton.models import ProductImage, Shopper, TryOnRequest
from django_vton.models.states import Money, State

from . import rows
from .conftest import LIST, Staff, page, text, told
from .doubt import state

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoCaptureOnCommitCallbacks

    from tests.conftest import Vton

DETAIL = "admin:vton_tryonrequest_change"
YES = {"confirmed": "yes"}


def chosen(action: str, *requests: TryOnRequest, **more: Any) -> dict[str, Any]:
    return {"action": action, "_selected_action": [str(request.pk) for request in requests], **more}


def failed(code: str = "vendor", **fields: Any) -> TryOnRequest:
    """The vendor gave it up, and it is charged."""
    shopper = rows.guest()
    picture = ProductImage.objects.create(source_digest=uuid.uuid4().hex, product="shop.product:42")
    values = {"photo": rows.own_photo(shopper), "product_image": picture} | fields
    request = rows.tryon(shopper, **values)
    sent = rows.attempt(request, posted_at=timezone.now(), answered_at=timezone.now())
    lifecycle.transition.settle(request, sent, Money.SPENT)
    return rows.put(request, State.FAILED, code, due_at=None, finished_at=timezone.now())


@pytest.fixture
def merchandiser(staff: Staff) -> Client:
    return staff("spend")


@pytest.fixture
def operator(staff: Staff) -> Client:
    return staff("operate")


# Retry ----------------------------------------------------------------------------------------------


def test_what_failed_at_the_vendor_goes_again_after_a_question(
    merchandiser: Client, bell: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    request, other = failed(), failed("no_person")

    answer = merchandiser.post(reverse(LIST), chosen("retry", request, other)).content.decode()
    assert "0.075 USD together" in text(answer)
    assert 'value="Yes, render again for 0.075 USD"' in answer
    assert state(request) == (State.FAILED, "vendor", [Money.SPENT])
    assert str(other.pk) not in answer, "it would fail again"

    with django_capture_on_commit_callbacks(execute=True):
        messages = told(merchandiser, LIST, chosen("retry", request, other, **YES))

    assert messages == ["1 try-on is rendered again. 1 was left as it is."]
    assert state(request) == (State.QUEUED, "", [Money.SPENT, Money.HELD])
    assert state(other) == (State.FAILED, "no_person", [Money.SPENT])
    assert bell
    read = text(page(merchandiser, DETAIL, request.pk))
    assert "To be rendered once more, paid anew failed → queued" in read
    assert "by vera" in read


@pytest.mark.parametrize("code", ["outcome_unknown", "deadline", "moderated", "photo_unusable", "own_code"])
def test_what_is_in_doubt_or_would_fail_again_is_left(merchandiser: Client, code: str) -> None:
    request = failed(code)

    (words,) = told(merchandiser, LIST, chosen("retry", request, **YES))

    assert words.startswith("None of them can be rendered again.")
    assert state(request) == (State.FAILED, code, [Money.SPENT])
    assert 'value="retry"' not in page(merchandiser, DETAIL, request.pk)


@pytest.mark.parametrize("gone", ["photo", "picture", "expired", "engine", "erased", "shared", "completed"])
def test_without_what_it_needs_nothing_is_sent(merchandiser: Client, gone: str) -> None:
    request = failed()
    assert 'value="retry"' in page(merchandiser, DETAIL, request.pk)
    row = TryOnRequest.objects.filter(pk=request.pk)
    photo = request.photo
    assert photo is not None
    if gone == "expired":
        type(photo).objects.update(expires_at=timezone.now())
    changes: dict[str, dict[str, Any]] = {
        "photo": {"photo": None},
        "picture": {"product_image": None},
        "engine": {"engine": "gone"},
        "erased": {"erased_at": timezone.now()},
        "shared": {"source": failed()},
        "completed": {"state": State.COMPLETED, "image_count": 1},
    }
    row.update(**changes.get(gone, {"claims": 0}))
    request.refresh_from_db()

    assert not lifecycle.retry(request, actor_id=None)
    told(merchandiser, LIST, chosen("retry", request, **YES))
    assert request.attempts.count() == 1
    assert 'value="retry"' not in page(merchandiser, DETAIL, request.pk)


def test_it_is_paid_at_todays_price_and_only_within_the_budget(merchandiser: Client, vton: Vton) -> None:
    first, second = failed(), failed()
    vton(PRICES={"fashn-v1.6": Decimal("0.1")}, DAILY_BUDGET=Decimal("0.25"))

    messages = told(merchandiser, LIST, chosen("retry", first, second, **YES))

    assert messages == [
        "The budget of today or of this month has no room for more.",
        "1 try-on is rendered again. 1 was left as it is.",
    ]
    states = sorted(state(request)[0] for request in (first, second))
    assert states == [State.FAILED, State.QUEUED]
    again = TryOnRequest.objects.get(state=State.QUEUED)
    assert [attempt.amount for attempt in again.attempts.order_by("number")] == [75_000, 100_000]


def test_who_shared_a_failed_render_waits_for_it_again(merchandiser: Client) -> None:
    source = failed()
    photo = rows.house_model()
    rows.put(source, State.FAILED, "vendor", shopper=None, photo=photo, cache_key="the key")
    follower = rows.put(rows.tryon(rows.guest(), source=source, photo=photo), State.FAILED, "vendor")
    erased = rows.put(
        rows.tryon(rows.guest(), source=source), State.FAILED, "vendor", erased_at=timezone.now()
    )

    told(merchandiser, LIST, chosen("retry", source, **YES))

    assert state(follower)[:2] == (State.QUEUED, "")
    assert state(erased)[:2] == (State.FAILED, "vendor")
    source.refresh_from_db()
    assert source.shared_key == "the key"


def test_two_who_retry_pay_once(merchandiser: Client) -> None:
    request = failed()

    assert lifecycle.retry(TryOnRequest.objects.get(pk=request.pk), actor_id=None)
    assert not lifecycle.retry(request, actor_id=None)
    assert request.attempts.count() == 2
    assert told(merchandiser, LIST, chosen("retry", request, **YES))
    assert request.attempts.count() == 2


def test_retrying_needs_the_permission_to_spend(operator: Client) -> None:
    request = failed()

    assert 'value="retry"' not in page(operator, DETAIL, request.pk) + page(operator, LIST)
    operator.post(reverse(LIST), chosen("retry", request, **YES))
    assert state(request) == (State.FAILED, "vendor", [Money.SPENT])


# Ask now --------------------------------------------------------------------------------------------


def test_what_waits_is_asked_for_at_once(
    operator: Client, bell: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    later = timezone.now() + timedelta(minutes=5)
    made = rows.put(rows.tryon(rows.guest()), State.SUBMITTED, due_at=later)
    fetched = rows.put(rows.tryon(rows.guest()), State.RENDERED, due_at=later)
    flown = rows.put(rows.tryon(rows.guest()), State.SUBMITTED, due_at=later, lease_until=later)
    queued = rows.put(rows.tryon(rows.guest()), State.QUEUED, due_at=later)
    assert 'value="ask_now"' in page(operator, DETAIL, made.pk)
    assert 'value="ask_now"' not in page(operator, DETAIL, queued.pk)

    with django_capture_on_commit_callbacks(execute=True):
        messages = told(operator, LIST, chosen("ask_now", made, fetched, flown, queued))

    assert messages == ["2 try-ons are asked for now. 2 wait for no answer."]
    assert bell
    waiting = TryOnRequest.objects.filter(due_at=later)
    assert set(waiting) == {flown, queued}
    assert set(TryOnRequest.objects.filter(due_at__lte=timezone.now())) == {made, fetched}
    assert made.events.get(name="asked").actor is not None


# Filters and pages ----------------------------------------------------------------------------------


@pytest.fixture
def askers(db: None) -> dict[str, TryOnRequest]:  # noqa: ARG001 - the fixture opens the database
    ann = Shopper.objects.create(user=User.objects.create_user("ann"))
    house = rows.house_model()
    found = {
        "guest": rows.tryon(rows.guest(), title="guest"),
        "user": rows.tryon(ann, title="user", product="shop.product:7"),
        "shop": rows.tryon(None, title="shop", photo=house),
        "erased": rows.put(rows.tryon(None, title="erased"), State.CANCELED, erased_at=timezone.now()),
    }
    now = timezone.now()
    rows.put(found["user"], State.QUEUED, created_at=now - timedelta(days=1))
    rows.put(found["erased"], State.CANCELED, created_at=now - timedelta(days=20))
    return found


def titles(client: Client, **query: str) -> set[str]:
    response = client.get(reverse(LIST), query)
    assert response.status_code == 200
    return {request.product_title for request in response.context["cl"].result_list}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"by": "guest"}, {"guest"}),
        ({"by": "user"}, {"user"}),
        ({"by": "shop"}, {"shop"}),
        ({"by": "erased"}, {"erased"}),
        ({"by": "x"}, {"guest", "user", "shop", "erased"}),
        ({"day": "today"}, {"guest", "shop"}),
        ({"day": "yesterday"}, {"user"}),
        ({"day": "7"}, {"guest", "user", "shop"}),
        ({"day": "30"}, {"guest", "user", "shop", "erased"}),
        ({"day": "2019-02-03"}, set()),
        ({"day": "2019-02-31"}, {"guest", "user", "shop", "erased"}),
        ({"day": "0001-01-01"}, {"guest", "user", "shop", "erased"}),
        ({"product": "shop.product:7"}, {"user"}),
        ({"product": "shop.product:7", "by": "guest"}, set()),
        ({"q": "7"}, {"user"}),
        ({"q": "PRODUCT:7"}, {"user"}),
        ({"q": "\0"}, {"guest", "user", "shop", "erased"}),
        ({"q": "USE"}, {"user"}),
        ({"q": "%"}, set()),
        ({"q": "ffffffff-ffff-ffff-ffff-ffffffffffff"}, set()),
    ],
)
def test_filters_and_search(
    boss: Client, askers: dict[str, TryOnRequest], query: dict[str, str], expected: set[str]
) -> None:
    assert askers
    assert titles(boss, **query) == expected


def test_by_house_model(boss: Client, askers: dict[str, TryOnRequest]) -> None:
    photo = askers["shop"].photo_id
    assert f"?house={photo}" in page(boss, LIST)

    assert titles(boss, house=str(photo)) == {"shop"}
    assert titles(boss, house="x") == set(askers)


def test_any_day_can_be_asked_for_and_keeps_the_other_filters(
    boss: Client, askers: dict[str, TryOnRequest]
) -> None:
    day = timezone.localdate(askers["user"].created_at - timedelta(days=1)).isoformat()
    html = page(boss, LIST, day=day, by="user", q="use", p="1")

    form = html.partition('<form class="vton-day"')[2].partition("</form>")[0]
    fields = dict(re.findall(r'name="(\w+)"[^>]* value="([^"]*)"', form))
    assert fields == {"by": "user", "q": "use", "day": day}


def test_pages_go_on_to_the_oldest_and_back(boss: Client) -> None:
    now = timezone.now()
    TryOnRequest.objects.bulk_create(
        TryOnRequest(
            product="p",
            main_product="p",
            product_title=f"number {n}",
            engine="fashn-v1.6",
            created_at=now - timedelta(seconds=n),
        )
        for n in range(101)
    )

    seen: list[str] = []
    address = reverse(LIST)
    while address:
        html = boss.get(address).content.decode()
        seen += re.findall(r">number (\d+)<", html)
        older = re.search(r'<a href="([^"]*)" rel="next">Older</a>', html)
        address = f"{reverse(LIST)}{older[1]}" if older else ""
    assert seen == [str(n) for n in range(101)]
    assert "1 try-on, page 3" in text(html)
    (newer,) = re.findall(r'<a href="([^"]*)" rel="prev">Newer</a>', html)
    assert "50 try-ons, page 2" in text(boss.get(f"{reverse(LIST)}{newer}").content.decode())


@pytest.mark.parametrize("number", ["4", "99999999", "0", "-1"])
def test_a_page_that_is_none_leads_to_the_first(boss: Client, number: str) -> None:
    rows.tryon(rows.guest())
    assert boss.get(reverse(LIST), {"p": number}).status_code == 302


def test_nothing_is_counted_and_nothing_is_chosen_beyond_the_page(boss: Client) -> None:
    TryOnRequest.objects.bulk_create(
        TryOnRequest(product="p", main_product="p", engine="fashn-v1.6") for _ in range(60)
    )

    with CaptureQueriesContext(connection) as queries:
        html = page(boss, LIST)

    assert not [query["sql"] for query in queries if query["sql"].startswith("SELECT COUNT(*)")]
    assert "0 of 50 selected" in html
    assert 'class="question' not in html
    assert "results" not in text(html)
