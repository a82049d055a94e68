"""The admin pages need no more queries for a million try-ons than for ten thousand.

By default there are 2,000 rows. `ROUNDS=1 pytest tests/admin/test_large_table.py -s` creates 10,000 and
1,000,000, and prints the time of each page.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_vton.models import Attempt, BudgetPeriod, Shopper, TryOnRequest
from tests import tryons
from tests.faults.rounds import ROUNDS

from . import factories
from .conftest import LIST
from .large_table import create_year_of_tryons

if TYPE_CHECKING:
    from django.test import Client

pytestmark = pytest.mark.skipif(
    connection.vendor == "mysql", reason="the rows are created with SQL of SQLite and PostgreSQL"
)

SIZES = [10_000, 1_000_000] if ROUNDS else [2_000]
FIGURES = "admin:vton_conversion_changelist"


def urls(photo: str) -> dict[str, str]:
    """Return the URLs by name. Some filters match one row or none."""
    middle = Attempt.objects.order_by("-created_at")[1233]
    changelist = reverse(LIST)
    queries = {
        "list": "",
        "list, page 20": "p=20",
        "state failed": "state__exact=failed",
        "state queued (none)": "state__exact=queued",
        "needs attention": "attention=yes",
        "today": "day=today",
        "last 30 days": "day=30",
        "guests": "by=guest",
        "users (none)": "by=user",
        "the shop's": "by=shop",
        "erased (none)": "by=erased",
        "house model": f"house={photo}",
        "product": "product=shop.product:42",
        "engine": "engine=fashn-v1.6",
        "engine (none)": "engine=glass-v1",
        "search id": f"q={middle.request_id}",
        "search beginning of id": f"q={str(middle.request_id)[:8]}",
        "search vendor's id": f"q={middle.vendor_id}",
        "search product": "q=product:42",
        "search title": "q=shirt+number+42",
        "search nothing": "q=velvet",
    }
    found = {name: f"{changelist}?{query}" for name, query in queries.items()}
    found |= {f"figures, {period} days": f"{reverse(FIGURES)}?period={period}" for period in (7, 30, 90)}
    found |= {"invoice": reverse("admin:vton_invoice"), "state": reverse("admin:vton_health")}
    found["invoice as a file"] = reverse("admin:vton_invoice_csv")
    found["a try-on"] = reverse("admin:vton_tryonrequest_change", args=[middle.request_id])
    return found


def test_pages_need_no_more_queries_for_a_large_table(superuser: Client) -> None:
    photo = factories.create_house_model()
    table: dict[str, list[str]] = {}
    few: dict[str, int] = {}
    for size in SIZES:
        for model in (Attempt, TryOnRequest, Shopper, BudgetPeriod):
            model.objects.all()._raw_delete("default")
        create_year_of_tryons(size, photo)
        for name, url in urls(str(photo.pk)).items():
            warm = superuser.get(url)
            if warm.streaming:
                tryons.read_stream(warm)
            begins = time.perf_counter()
            with CaptureQueriesContext(connection) as queries:
                response = superuser.get(url)
                assert response.status_code == 200, (name, response.status_code)
                if response.streaming:
                    tryons.read_stream(response)
            table.setdefault(name, []).append(f"{1000 * (time.perf_counter() - begins):7.0f} ms")
            assert len(queries) <= few.setdefault(name, len(queries)) <= 30, name
            whole = [query["sql"] for query in queries if query["sql"].startswith("SELECT COUNT(*)")]
            assert not [sql for sql in whole if "vton_tryonrequest" in sql and "LIMIT" not in sql], name
    for name, times in table.items():
        print(f"{name:24} {few[name]:3} queries {' '.join(times)}")  # noqa: T201 - shown by -s


@pytest.mark.django_db
def test_the_generated_rows_look_like_real_rows() -> None:
    create_year_of_tryons(2_000, factories.create_house_model())

    assert TryOnRequest.objects.count() == Attempt.objects.count() == 2_000
    row = TryOnRequest.objects.select_related("shopper", "photo").order_by("-created_at")[1]
    assert (row.state, row.product, row.options, row.shopper is None) == (
        "completed",
        "shop.product:1",
        {},
        False,
    )
