"""Staff change rows that another transaction has locked, on PostgreSQL with a short lock timeout."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import inf
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import psycopg
import pytest

from ..faults.cluster import own_database
from ..live_shop import wait_until
from .test_isolation import POSTGRESQL, IsolatedShop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

T = TypeVar("T")
BATCH = "/admin/vton/batch/"
PAUSE_SWITCH = "/admin/vton/pauseswitch/1/change/"
CONFLICT = "the same data was being changed elsewhere"

DATA = """
from datetime import timedelta
from django.contrib.auth.models import User
from django.utils import timezone
from django_vton import batches
from django_vton.models import BatchRule, BatchRender, PauseSwitch, PersonPhoto
PauseSwitch.objects.get_or_create(pk=1)
mateo = PersonPhoto.objects.get(name="Mateo")
rule = BatchRule.objects.create(name="Each day", daily_budget=1_000_000, hour=1, is_enabled=True)
rule.house_models.add(mateo)
drafts = [batches.draft(["shop.product:1"], [mateo]).pk for _ in range(3)]
print(BatchRender.objects.get().pk, rule.pk, *drafts)
"""


EXPIRED = """
from django.utils import timezone
from django_vton.models import Shopper, TryOnRequest
shopper = Shopper.objects.create(token_hash="0" * 64)
fields = {"product": "shop.product:1", "engine": "fashn-v1.6", "state": "failed"}
TryOnRequest.objects.create(shopper=shopper, expires_at=timezone.now(), **fields)
"""


class Staff:
    """A superuser who is logged in."""

    def __init__(self, shop: IsolatedShop) -> None:
        self.http = shop.shopper().http
        self.http.get("/admin/login/")
        self._use_token()
        response = self.http.post("/admin/login/", data={"username": "admin", "password": "tests"})
        assert response.status_code == 302, response.text
        self._use_token()

    def _use_token(self) -> None:
        self.http.headers["X-CSRFToken"] = self.http.cookies["csrftoken"]

    def post(self, path: str, **data: Any) -> httpx.Response:
        return self.http.post(path, data=data, headers={"Referer": f"{self.http.base_url}{path.lstrip('/')}"})


class StaffedShop(IsolatedShop):
    """Has a render of a finished batch, a rule and three drafts."""

    def use(self, options: str) -> None:
        url = self.env["DATABASE_URL"].partition("?")[0]
        self.start_web(f"{url}?options={quote(POSTGRESQL[options])}")

    def prepare(self) -> None:
        self.use("read committed, short lock timeout")
        self.start_workers()
        self.manage("vton_batch", "--product", self.shirt, "--on", "Mateo", "--yes")
        self.wait_for("SELECT count(*) FROM vton_tryonrequest WHERE state = 'completed'", 1)
        for number in (1, 2):
            self.stop(f"worker {number}")
        self.render, self.rule, *self.drafts = map(int, self.run_code(DATA).split())
        ((self.batch,),) = self.sql(f"SELECT batch_id FROM vton_batchrender WHERE id = {self.render}")  # noqa: S608 - a test's
        self.staff = Staff(self)

    def wait_for(self, query: str, value: Any) -> None:
        wait_until(lambda: self.sql(query) == [(value,)], f"{query} is {value}")

    def while_locked(
        self, rows: str, act: Callable[[], T], *, transactions: float = 2, change: str = ""
    ) -> T:
        """Lock `rows`, or what a LOCK statement names, and begin `act`.

        Once `act` has begun so many transactions that need them, or has ended, make the `change` and commit.
        """
        url = self.env["DATABASE_URL"].partition("?")[0]
        waiting = (
            "SELECT pid, xact_start FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        with (
            psycopg.connect(url) as other,
            psycopg.connect(url, autocommit=True) as watch,
            ThreadPoolExecutor(1) as thread,
        ):
            lock = rows if rows.startswith("LOCK") else f"SELECT 1 FROM {rows} FOR UPDATE"  # noqa: S608 - as above
            other.execute(lock.encode())
            running = thread.submit(act)
            found: set[Any] = set()

            def is_over() -> bool:
                found.update(watch.execute(waiting.encode()).fetchall())
                return running.done() or len(found) >= transactions

            wait_until(is_over, "it has met the lock", every=0.01)
            assert found, "it needed no lock"
            if change:
                other.execute(change.encode())
            other.commit()
            return running.result()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StaffedShop]:
    folder = tmp_path_factory.mktemp("staff")
    with (
        own_database("postgresql", folder) as url,
        StaffedShop(folder, "tests.deployments.settings_isolation", DATABASE_URL=url) as shop,
    ):
        shop.prepare()
        yield shop


def test_reviews_and_publishing_wait_for_locks(shop: StaffedShop) -> None:
    steps = {
        "accept": ("vton_batchrender", "accepted", 0),
        "publish": ("vton_tryonimage", "accepted", 1),
        "unpublish": ("vton_tryonimage", "accepted", 0),
        "undo": ("vton_batchrender", "", 0),
        "reject-other": ("vton_batchrender", "rejected", 0),
    }
    for do, (rows, review, published) in steps.items():
        post = partial(shop.staff.post, f"{BATCH}{shop.batch}/review/", do=f"{do}:{shop.render}")
        response = shop.while_locked(rows, post)
        assert response.status_code == 302, (do, response.text[:200])
        assert shop.sql("SELECT review FROM vton_batchrender") == [(review,)], do
        assert shop.sql("SELECT count(*) FROM vton_publication") == [(published,)], do
    rerender = f"{BATCH}{shop.batch}/rerender/"
    shop.while_locked(f"vton_batch WHERE id = {shop.batch}", lambda: shop.staff.post(rerender))
    assert shop.sql("SELECT count(*) FROM vton_batch WHERE repeats_id IS NOT NULL") == [(1,)]


def test_drafts_and_rules_wait_for_locks(shop: StaffedShop) -> None:
    changed, discarded, _unchanged = shop.drafts
    rule = f"/admin/vton/batchrule/{shop.rule}/change/"
    steps: list[tuple[str, str, dict[str, Any], str, Any]] = [
        (
            f"vton_batch WHERE id = {changed}",
            f"{BATCH}{changed}/products/",
            {"do": "remove", "product": "shop.product:1"},
            "SELECT count(*) FROM vton_batch WHERE status = 'draft' AND products::text = '[]'",
            1,
        ),
        (
            f"vton_batch WHERE id = {changed}",
            f"{BATCH}{changed}/change/",
            {"do": "save", "name": "Another name"},
            "SELECT count(*) FROM vton_batch WHERE name = 'Another name'",
            1,
        ),
        (
            f"vton_batch WHERE id = {discarded}",
            f"{BATCH}{discarded}/discard/",
            {},
            "SELECT count(*) FROM vton_batch WHERE status = 'draft' AND repeats_id IS NULL",
            2,
        ),
        ("vton_batchrule", rule, {"do": "off"}, "SELECT is_enabled FROM vton_batchrule", False),
        (
            "vton_batchrule",
            rule,
            {"name": "Each night", "house_models": [], "hour": "2", "daily_budget": "1"},
            "SELECT name FROM vton_batchrule",
            "Each night",
        ),
    ]
    for rows, path, data, query, expected in steps:
        if "house_models" in data:
            ((mateo,),) = shop.sql("SELECT id FROM vton_personphoto WHERE name = 'Mateo'")
            data["house_models"] = [str(mateo)]
        response = shop.while_locked(rows, partial(shop.staff.post, path, **data))
        assert response.status_code == 302, (path, response.text[:200])
        assert shop.sql(query) == [(expected,)], path


def test_a_conflict_in_the_admins_own_transaction_is_answered_in_words(shop: StaffedShop) -> None:
    response = shop.while_locked("vton_pauseswitch", lambda: shop.staff.post(PAUSE_SWITCH, is_paused="on"))
    assert response.status_code == 302, response.text[:200]
    assert CONFLICT in shop.staff.http.get(response.headers["Location"]).text
    assert shop.sql("SELECT is_paused FROM vton_pauseswitch") == [(False,)]


def test_a_lock_that_lasts_is_answered_in_words(shop: StaffedShop) -> None:
    path = f"{BATCH}{shop.batch}/review/"
    before = shop.sql("SELECT review FROM vton_batchrender")
    shop.staff.http.headers["Accept"] = "application/json"
    data = {"do": f"reject-pose:{shop.render}"}
    response = shop.while_locked("vton_batchrender", lambda: shop.staff.post(path, **data), transactions=inf)
    del shop.staff.http.headers["Accept"]
    assert response.status_code == 503, response.text[:200]
    assert CONFLICT in response.json()["problem"]
    assert int(response.headers["Retry-After"]) > 0
    response = shop.while_locked("vton_batchrender", lambda: shop.staff.post(path, **data), transactions=inf)
    assert CONFLICT in shop.staff.http.get(response.headers["Location"]).text
    assert shop.sql("SELECT review FROM vton_batchrender") == before
    assert "Traceback" not in shop.log("web"), shop.log("web")


def test_the_purge_waits_for_locks_and_leaves_what_stays_locked(shop: StaffedShop) -> None:
    shop.run_code(EXPIRED)
    rows = "vton_tryonrequest WHERE shopper_id IS NOT NULL"
    left = f"SELECT count(*) FROM {rows}"  # noqa: S608 - a test's
    shop.while_locked(rows, partial(shop.manage, "vton_purge"), transactions=inf)
    assert shop.sql(left) == [(1,)]
    shop.while_locked(rows, partial(shop.manage, "vton_purge"))
    assert shop.sql(left) == [(0,)]


def test_a_concurrent_change_is_answered_in_words_if_transactions_are_serializable(shop: StaffedShop) -> None:
    shop.use("serializable")
    shop.sql("UPDATE vton_pauseswitch SET is_paused = true")
    response = shop.while_locked(
        "vton_pauseswitch",
        lambda: shop.staff.post(PAUSE_SWITCH, is_paused="on"),
        transactions=1,
        change="UPDATE vton_pauseswitch SET is_paused = false",
    )
    assert response.status_code == 302, response.text[:200]
    assert CONFLICT in shop.staff.http.get(response.headers["Location"]).text
    assert shop.sql("SELECT is_paused FROM vton_pauseswitch") == [(False,)]


def test_the_transaction_of_a_request_is_rolled_back(shop: StaffedShop) -> None:
    shop.env["ATOMIC_REQUESTS"] = "1"
    shop.use("read committed, short lock timeout")
    draft = shop.drafts[-1]
    name = f"SELECT name, status FROM vton_batch WHERE id = {draft}"  # noqa: S608 - a test's
    before = shop.sql(name)
    ((mateo,),) = shop.sql("SELECT id FROM vton_personphoto WHERE name = 'Mateo'")
    data = {"do": "start", "max_price": "9000000", "name": "Started", "house_models": [str(mateo)]}
    # The name is stored before the batch is started, each in a savepoint of its own.
    response = shop.while_locked(
        "LOCK TABLE vton_batchnotice IN EXCLUSIVE MODE",
        partial(shop.staff.post, f"{BATCH}{draft}/change/", **data),
    )
    assert response.status_code == 302, response.text[:200]
    assert CONFLICT in shop.staff.http.get(response.headers["Location"]).text
    assert shop.sql(name) == before
