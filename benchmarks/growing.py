"""One shop with one length of history, which does single pieces of work when told: the child of `growth`.

`python -m benchmarks.growing HISTORY` fills the environment's database and names its pieces of work. Then for
each line of its input, `time NAME` or `plan NAME`, it answers with one line of JSON: seconds, or the
queries with their plans. What changes rows is rolled back, so that it is the same work each time.
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
    from .years import Work

PERIODS = (7, 90)
LITERAL = re.compile(r"'[^']*'(::\w+)?|\b[0-9a-f]{32}\b|\b\d+\b")


def pieces(work: Work) -> dict[str, Callable[[], object]]:
    """Each piece of work by its name."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.core.cache import cache
    from django.test import Client
    from django.urls import reverse

    from django_vton import privacy
    from django_vton.billing import budget
    from django_vton.models import Attempt
    from django_vton.models.states import Money
    from django_vton.monitoring import typical_duration
    from django_vton.worker import claims

    shopper, staff = Client(), Client()
    shopper.cookies[settings.SESSION_COOKIE_NAME] = work.session
    staff.force_login(User.objects.get(pk=work.admin))

    def page(client: Client, name: str, *args: Any, query: str = "") -> Callable[[], object]:
        address = reverse(name, args=args) + query

        def get() -> None:
            response = client.get(address)
            assert response.status_code == 200, (address, response.status_code)

        return get

    def callback() -> None:
        answer = Client().post(
            reverse("vton:callback", args=[work.token]), b"{}", content_type="application/json"
        )
        assert answer.status_code == 200

    def close() -> None:
        attempt = Attempt.objects.get(pk=work.held)
        assert budget.close(attempt, Money.HELD, Money.SPENT)
        budget.reserve(75_000)
        budget.book([attempt], Money.HELD, Money.SPENT)

    def purge() -> None:
        done = privacy.purge(seconds=None)
        assert (done["try_ons"], done["photos"], done["guests"]) == (20, 20, 20), done

    def typical() -> None:
        cache.clear()
        typical_duration.typical_seconds("glass-v1")
        typical_duration.typical_seconds("fashn-v1.6")

    def claim() -> None:
        assert claims.has_work()
        assert len(claims.take(12, 4)) == 12

    tryons = "admin:vton_tryonrequest_changelist"
    listed = {
        "newest": "",
        "page 20": "?p=20",
        "failed": "?state__exact=failed",
        "queued": "?state__exact=queued",
        "needs attention": "?attention=yes",
        "today": "?day=today",
        "of guests": "?by=guest",
        "of users": "?by=user",
        "erased": "?by=erased",
        "house model": f"?house={work.house}",
        "product": "?product=shop.product:42",
        "engine without any": "?engine=glass-v1",
        "id": f"?q={work.tryon[:8]}",
        "vendor's id": f"?q={work.vendor_id.replace(' ', '+')}",
        "title": "?q=shirt+number+42",
        "no such words": "?q=velvet",
    }
    return {
        "claiming due rows": claim,
        "the callback": callback,
        "a poll": page(shopper, "vton:tryon", work.tryon),
        "a shopper's list": page(shopper, "vton:tryons"),
        "a shopper's list of a product": page(shopper, "vton:tryons", query="?product=shop.product:42"),
        "the dialog's start": page(shopper, "vton:start", query=f"?product={work.product}"),
        "typical seconds": typical,
        **{f"admin, list: {name}": page(staff, tryons, query=query) for name, query in listed.items()},
        "admin, a try-on": page(staff, "admin:vton_tryonrequest_change", work.tryon),
        "admin, state": page(staff, "admin:vton_state"),
        "admin, index": page(staff, "admin:index"),
        "admin, house models": page(staff, "admin:vton_housemodel_changelist"),
        **{
            f"admin, figures of {n} days": page(
                staff, "admin:vton_conversion_changelist", query=f"?period={n}"
            )
            for n in PERIODS
        },
        "admin, invoice": page(staff, "admin:vton_invoice"),
        "purge": purge,
        "budget": close,
    }


@contextmanager
def undone() -> Iterator[None]:
    """Whatever it changed, it did not."""
    from django.db import transaction

    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def plans(piece: Callable[[], object]) -> list[dict[str, Any]]:
    """The queries of a piece that read the large tables, each shape once, as the database would run them."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    explain = "EXPLAIN (COSTS OFF)" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    found: dict[str, dict[str, Any]] = {}
    with undone():
        with CaptureQueriesContext(connection) as queries:
            piece()
        for query in queries.captured_queries:
            sql = str(query["sql"])
            if re.match("SELECT|UPDATE|DELETE", sql) and re.search(
                "vton_(tryonrequest|attempt|shopper)", sql
            ):
                shape = LITERAL.sub("?", sql)
                with connection.cursor() as cursor:
                    if shape not in found:
                        cursor.execute(f"{explain} {sql}".replace("%", "%%"), [])
                        found[shape] = {
                            "sql": _short(shape),
                            "plan": [str(row[-1]) for row in cursor.fetchall()],
                        }
    return list(found.values())


def _short(sql: str) -> str:
    columns = re.sub(r"SELECT (DISTINCT )?.*? FROM", r"SELECT \1... FROM", sql, count=1).replace('"', "")
    return columns if len(columns) < 400 else columns[:400] + " ..."


def main() -> None:
    """Fill, then do as told."""
    django.setup()
    from django.conf import settings
    from django.db import connection

    from . import years

    # SQLite works in this process: its seconds are the processor's, which others take less from.
    clock = time.process_time if connection.vendor == "sqlite" else time.perf_counter

    settings.ALLOWED_HOSTS = ["*"]
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    work = pieces(years.fill(int(sys.argv[1])))
    print(json.dumps(list(work)), flush=True)
    for line in sys.stdin:
        task, _space, name = line.strip().partition(" ")
        if task == "plan":
            answer: Any = plans(work[name])
        else:
            with undone():
                began = clock()
                work[name]()
                answer = clock() - began
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
