"""The list of try-ons: filters, search, and pages without a count."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_vton.models import Shopper, TryOnRequest
from django_vton.models.states import State

from . import factories
from .conftest import LIST, get_page, visible_text

if TYPE_CHECKING:
    from django.test import Client


DETAIL = "admin:vton_tryonrequest_change"


@pytest.fixture
def askers(db: None) -> dict[str, TryOnRequest]:  # noqa: ARG001 - the fixture opens the database
    ann = Shopper.objects.create(user=User.objects.create_user("ann"))
    house = factories.create_house_model()
    found = {
        "guest": factories.create_tryon(factories.create_guest(), title="guest"),
        "user": factories.create_tryon(ann, title="user", product="shop.product:7"),
        "shop": factories.create_tryon(None, title="shop", photo=house),
        "erased": factories.set_state(
            factories.create_tryon(None, title="erased"), State.CANCELED, erased_at=timezone.now()
        ),
    }
    now = timezone.now()
    factories.set_state(found["user"], State.QUEUED, created_at=now - timedelta(days=1))
    factories.set_state(found["erased"], State.CANCELED, created_at=now - timedelta(days=20))
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
def test_filters_and_search_select_try_ons(
    superuser: Client, askers: dict[str, TryOnRequest], query: dict[str, str], expected: set[str]
) -> None:
    assert askers
    assert titles(superuser, **query) == expected


def test_the_list_is_filtered_by_house_model(superuser: Client, askers: dict[str, TryOnRequest]) -> None:
    photo = askers["shop"].photo_id
    assert f"?house={photo}" in get_page(superuser, LIST)

    assert titles(superuser, house=str(photo)) == {"shop"}
    assert titles(superuser, house="x") == set(askers)


def test_the_date_field_keeps_the_other_filters(superuser: Client, askers: dict[str, TryOnRequest]) -> None:
    day = timezone.localdate(askers["user"].created_at - timedelta(days=1)).isoformat()
    html = get_page(superuser, LIST, day=day, by="user", q="use", p="1")

    form = html.partition('<form id="vton-day"')[2].partition("</form>")[0]
    (date_field,) = re.findall(r'<input form="vton-day" [^>]+>', html)
    fields = dict(re.findall(r'name="(\w+)"[^>]* value="([^"]*)"', form + date_field))
    assert fields == {"by": "user", "q": "use", "day": day}


def test_the_links_to_older_and_newer_rows_reach_every_page(superuser: Client) -> None:
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
    url = reverse(LIST)
    while url:
        html = superuser.get(url).content.decode()
        seen += re.findall(r">number (\d+)<", html)
        older = re.search(r'<a href="([^"]*)" rel="next">Older</a>', html)
        url = f"{reverse(LIST)}{older[1]}" if older else ""
    assert seen == [str(n) for n in range(101)]
    assert "1 try-on, page 3" in visible_text(html)
    (newer,) = re.findall(r'<a href="([^"]*)" rel="prev">Newer</a>', html)
    assert "50 try-ons, page 2" in visible_text(superuser.get(f"{reverse(LIST)}{newer}").content.decode())


@pytest.mark.parametrize("number", ["4", "99999999", "0", "-1"])
def test_an_invalid_page_redirects_to_the_first(superuser: Client, number: str) -> None:
    factories.create_tryon(factories.create_guest())
    assert superuser.get(reverse(LIST), {"p": number}).status_code == 302


def test_the_list_runs_no_count_query_and_select_all_selects_only_the_page(superuser: Client) -> None:
    TryOnRequest.objects.bulk_create(
        TryOnRequest(product="p", main_product="p", engine="fashn-v1.6") for _ in range(60)
    )

    with CaptureQueriesContext(connection) as queries:
        html = get_page(superuser, LIST)

    assert not [query["sql"] for query in queries if query["sql"].startswith("SELECT COUNT(*)")]
    assert "0 of 50 selected" in html
    assert 'class="question' not in html
    assert "results" not in visible_text(html)
