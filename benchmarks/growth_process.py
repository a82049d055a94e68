"""A shop with a history of one size, which runs operations on request: the child process of `growth`.

`python -m benchmarks.growth_process HISTORY` fills the database and prints the names of its operations. For
each line of input, `time NAME` or `plan NAME`, it prints one line of JSON: the seconds, or the queries with
their plans. Changes are rolled back, so that each run does the same work.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from .history import SampleRows

PERIODS = (7, 90)
LITERAL = re.compile(r"'[^']*'(::\w+)?|\b[0-9a-f]{32}\b|\b\d+\b")


def operations(rows: SampleRows) -> dict[str, Callable[[], object]]:
    """Each operation by its name."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.cache import cache
    from django.test import Client
    from django.urls import reverse

    from django_vton import privacy
    from django_vton.billing import budget
    from django_vton.models import Attempt
    from django_vton.models.states import Money
    from django_vton.monitoring import metrics, typical_duration
    from django_vton.worker import claims

    shopper, staff = Client(), Client()
    shopper.cookies[settings.SESSION_COOKIE_NAME] = rows.session
    staff.force_login(User.objects.get(pk=rows.admin))

    def page(client: Client, name: str, *args: Any, query: str = "") -> Callable[[], object]:
        url = reverse(name, args=args) + query

        def get() -> None:
            response = client.get(url)
            assert response.status_code == 200, (url, response.status_code)

        return get

    def callback() -> None:
        response = Client().post(
            reverse("vton:callback", args=[rows.token]), b"{}", content_type="application/json"
        )
        assert response.status_code == 200

    def update_budget() -> None:
        attempt = Attempt.objects.get(pk=rows.held)
        assert Attempt.objects.filter(pk=rows.held, money=Money.HELD).update(money=Money.SPENT)
        budget.reserve(75_000)
        budget.update_periods([attempt], Money.HELD, Money.SPENT)

    def purge() -> None:
        deleted = privacy.purge(seconds=None)
        assert (deleted["try_ons"], deleted["photos"], deleted["guests"]) == (20, 20, 20), deleted

    def typical_durations() -> None:
        cache.clear()
        typical_duration.typical_seconds("glass-v1")
        typical_duration.typical_seconds("fashn-v1.6")

    def claim() -> None:
        assert claims.has_work()
        assert len(claims.claim_jobs(12, 4)) == 12

    tryons = "admin:vton_tryonrequest_changelist"
    lists = {
        "newest": "",
        "page 20": "?p=20",
        "failed": "?state__exact=failed",
        "queued": "?state__exact=queued",
        "needs attention": "?attention=yes",
        "today": "?day=today",
        "of guests": "?by=guest",
        "of users": "?by=user",
        "erased": "?by=erased",
        "house model": f"?house={rows.house_model}",
        "product": "?product=shop.product:42",
        "engine without any": "?engine=glass-v1",
        "id": f"?q={rows.tryon[:8]}",
        "vendor's id": f"?q={rows.vendor_id.replace(' ', '+')}",
        "title": "?q=shirt+number+42",
        "no match": "?q=velvet",
    }
    return {
        "claiming due rows": claim,
        "the callback": callback,
        "a poll": page(shopper, "vton:tryon", rows.tryon),
        "a shopper's list": page(shopper, "vton:tryons"),
        "a shopper's list of a product": page(shopper, "vton:tryons", query="?product=shop.product:42"),
        "the dialog's start": page(shopper, "vton:start", query=f"?product={rows.product}"),
        "typical duration": typical_durations,
        **{f"admin, list: {name}": page(staff, tryons, query=query) for name, query in lists.items()},
        "admin, a try-on": page(staff, "admin:vton_tryonrequest_change", rows.tryon),
        "admin, health": page(staff, "admin:vton_health"),
        "admin, index": page(staff, "admin:index"),
        "admin, house models": page(staff, "admin:vton_housemodel_changelist"),
        **{
            f"admin, reports of {n} days": page(
                staff, "admin:vton_conversion_changelist", query=f"?period={n}"
            )
            for n in PERIODS
        },
        "admin, invoice": page(staff, "admin:vton_invoice"),
        "metrics": metrics.exposition,
        "purge": purge,
        "budget": update_budget,
    }


@contextmanager
def rolled_back() -> Iterator[None]:
    """Roll back all changes."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def plans(operation: Callable[[], object]) -> list[dict[str, Any]]:
    """The plans of the queries on large tables; queries that differ only in values are listed once."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    explain = "EXPLAIN (COSTS OFF)" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    plans_by_shape: dict[str, dict[str, Any]] = {}
    with rolled_back():
        with CaptureQueriesContext(connection) as queries:
            operation()
        for query in queries.captured_queries:
            sql = str(query["sql"])
            if re.match("SELECT|UPDATE|DELETE", sql) and re.search(
                "vton_(tryonrequest|attempt|shopper)", sql
            ):
                shape = LITERAL.sub("?", sql)
                with connection.cursor() as cursor:
                    if shape not in plans_by_shape:
                        cursor.execute(f"{explain} {sql}".replace("%", "%%"), [])
                        plans_by_shape[shape] = {
                            "sql": _shorten(shape),
                            "plan": [str(row[-1]) for row in cursor.fetchall()],
                        }
    return list(plans_by_shape.values())


def _shorten(sql: str) -> str:
    columns = re.sub(r"SELECT (DISTINCT )?.*? FROM", r"SELECT \1... FROM", sql, count=1).replace('"', "")
    return columns if len(columns) < 400 else columns[:400] + " ..."


def main() -> None:
    """Create the rows, then run operations."""
    django.setup()
    from django.conf import settings
    from django.db import connection

    from . import history

    # SQLite runs in this process, so processor time includes it and depends less on other load.
    clock = time.process_time if connection.vendor == "sqlite" else time.perf_counter

    settings.ALLOWED_HOSTS = ["*"]
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    by_name = operations(history.create_rows(int(sys.argv[1])))
    print(json.dumps(list(by_name)), flush=True)
    for line in sys.stdin:
        command, _space, name = line.strip().partition(" ")
        if command == "plan":
            result: Any = plans(by_name[name])
        else:
            with rolled_back():
                began = clock()
                by_name[name]()
                result = clock() - began
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
