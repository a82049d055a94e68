"""Conversions are recorded once, and errors never reach the shop."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError, connection, transaction
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_vton import conversions, privacy
from django_vton.models import Attempt, Conversion, Shopper, TryOnRequest
from django_vton.models.states import State
from django_vton.products import TryOn, tryon_for
from django_vton.shoppers import SESSION_KEY, Visitor, merge_guest
from django_vton.signals import tryon_converted
from django_vton.utils.tokens import hash_token

from .tryons import make_product, product_ref

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest
    from pytest_django import DjangoCaptureOnCommitCallbacks

    from shop.models import Product

TOKEN = "the token of a guest"


@pytest.fixture
def request_of_guest(db: None) -> HttpRequest:  # noqa: ARG001 - the fixture opens the database
    request = RequestFactory().post("/cart/")
    request.user = AnonymousUser()
    request.session = SessionStore()
    request.session[SESSION_KEY] = TOKEN
    return request


@pytest.fixture
def received_signals() -> Iterator[list[dict[str, Any]]]:
    found: list[dict[str, Any]] = []

    def receive(**arguments: Any) -> None:
        found.append({name: arguments[name] for name in ("product", "kind", "reference", "order")})

    tryon_converted.connect(receive)
    yield found
    tryon_converted.disconnect(receive)


def create_completed_tryon(
    product: Product, *, state: State = State.COMPLETED, days: float = 0, **fields: Any
) -> TryOnRequest:
    shopper, _created = Shopper.objects.get_or_create(token_hash=hash_token(TOKEN))
    values = {"shopper": shopper, "main_product": product_ref(product)} | fields
    return TryOnRequest.objects.create(
        product=product_ref(product),
        engine="fashn-v1.6",
        state=state,
        image_count=1,
        created_at=timezone.now() - timedelta(days=days),
        **values,
    )


def recorded() -> list[tuple[str, str | None, str]]:
    return list(Conversion.objects.order_by("pk").values_list("kind", "reference", "order"))


def test_a_conversion_is_attributed_to_the_newest_try_on(
    request_of_guest: HttpRequest, shirt: Product
) -> None:
    newest = create_completed_tryon(shirt, days=1)
    create_completed_tryon(shirt, days=2)

    conversions.added(request_of_guest, shirt, "line 1")

    row = Conversion.objects.get()
    assert (row.request, row.kind, row.product, row.reference) == (
        newest,
        "added",
        product_ref(shirt),
        "line 1",
    )


def test_a_guests_try_on_counts_after_login(request_of_guest: HttpRequest, shirt: Product) -> None:
    create_completed_tryon(shirt)
    request_of_guest.user = User.objects.create_user("ada")
    merge_guest(request_of_guest, request_of_guest.user)

    conversions.added(request_of_guest, shirt)

    assert recorded() == [("added", "", "")]


def test_a_variant_counts_for_the_try_on_of_another_variant(
    request_of_guest: HttpRequest, shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    blue = make_product("blue-shirt", "top")
    monkeypatch.setattr(type(tryon_for(type(shirt))), "get_main", lambda _self, _product: shirt)
    create_completed_tryon(blue, main_product=product_ref(shirt))
    red = make_product("red-shirt", "top")

    conversions.added(request_of_guest, red)

    assert Conversion.objects.get().product == product_ref(red)


@pytest.mark.parametrize(
    "untold",
    [{"days": 31}, {"state": State.FAILED}, {"state": State.SUBMITTED}, {"shopper": None}],
    ids=["too long ago", "failed", "running", "somebody else's"],
)
def test_only_the_visitors_own_recent_completed_try_ons_count(
    request_of_guest: HttpRequest, shirt: Product, untold: dict[str, Any]
) -> None:
    create_completed_tryon(shirt, **untold)

    conversions.added(request_of_guest, shirt)

    assert not recorded()


def test_another_product_has_no_effect(
    request_of_guest: HttpRequest, shirt: Product, glasses: Product
) -> None:
    create_completed_tryon(shirt)

    conversions.added(request_of_guest, glasses)
    conversions.added(request_of_guest, Shopper.objects.get())

    assert not recorded()


def test_an_unknown_visitor_causes_no_query_and_no_session(shirt: Product) -> None:
    create_completed_tryon(shirt)
    request = RequestFactory().post("/cart/")
    request.user = AnonymousUser()
    request.session = SessionStore()

    with CaptureQueriesContext(connection) as queries:
        conversions.added(request, shirt)
        conversions.purchased(request)
        conversions.purchased()
        conversions.added(RequestFactory().get("/"), shirt)

    assert not [query["sql"] for query in queries if "vton" in query["sql"]]
    assert Shopper.objects.count() == 1
    assert request.session.session_key is None
    assert not request.session.modified


def test_a_conversion_takes_few_queries(request_of_guest: HttpRequest, shirt: Product) -> None:
    create_completed_tryon(shirt)

    def statements(reference: str) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            conversions.added(request_of_guest, shirt, reference)
        return [sql for query in queries if not (sql := query["sql"]).startswith(("SAVEPOINT", "RELEASE"))]

    assert len(statements("line 1")) == 2
    assert len(statements("line 2")) == 2


def test_a_repeated_call_counts_once(
    request_of_guest: HttpRequest,
    shirt: Product,
    received_signals: list[dict[str, Any]],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    create_completed_tryon(shirt)

    with django_capture_on_commit_callbacks(execute=True):
        for _ in range(2):
            conversions.added(request_of_guest, shirt, "line 1")
        for _ in range(2):
            conversions.purchased(reference="line 1", order="A-1")
        conversions.purchased(request_of_guest, reference="line 1", order="A-2")

    assert recorded() == [("added", "line 1", ""), ("purchased", "line 1", "A-1")]
    added = {"product": shirt, "kind": "added", "reference": "line 1", "order": ""}
    assert received_signals == [added, added | {"kind": "purchased", "order": "A-1"}]


def test_a_purchase_by_reference_needs_no_request(request_of_guest: HttpRequest, shirt: Product) -> None:
    create_completed_tryon(shirt)
    conversions.added(request_of_guest, shirt, "line 1")

    conversions.purchased(reference="line 2", order="A-1")
    assert len(recorded()) == 1
    conversions.purchased(reference="line 1", order="A-1")
    assert recorded()[1:] == [("purchased", "line 1", "A-1")]


def test_references_and_orders_may_be_numbers(request_of_guest: HttpRequest, shirt: Product) -> None:
    create_completed_tryon(shirt)

    conversions.added(request_of_guest, shirt, 7)
    conversions.purchased(reference=7, order=100_001)

    assert recorded() == [("added", "7", ""), ("purchased", "7", "100001")]


def test_without_a_reference_everything_the_visitor_added_is_purchased(
    request_of_guest: HttpRequest, shirt: Product, glasses: Product
) -> None:
    create_completed_tryon(shirt)
    create_completed_tryon(glasses)
    create_completed_tryon(shirt, shopper=Shopper.objects.create(token_hash="another"))
    for product in (shirt, glasses):
        conversions.added(request_of_guest, product)
    Conversion.objects.create(
        request=TryOnRequest.objects.get(shopper__token_hash="another"),
        kind="added",
        product=product_ref(shirt),
    )

    conversions.purchased(request_of_guest, order="A-1")

    bought = Conversion.objects.filter(kind="purchased")
    assert sorted(bought.values_list("product", flat=True)) == sorted(
        [product_ref(shirt), product_ref(glasses)]
    )


def test_erasing_a_try_on_removes_its_references(request_of_guest: HttpRequest, shirt: Product) -> None:
    request = create_completed_tryon(shirt)
    for line in ("line 1", "line 2"):
        conversions.added(request_of_guest, shirt, line)
        conversions.purchased(reference=line, order="A-1")
    shopper = request.shopper
    assert shopper is not None
    mine = privacy.export_shopper(shopper)["try_ons"][0]["conversions"]
    assert [(row["kind"], row["order"]) for row in mine][:2] == [("added", ""), ("purchased", "A-1")]

    privacy.erase_shopper(shopper)

    assert recorded() == [("added", None, ""), ("purchased", None, "")] * 2
    conversions.purchased(reference="line 1", order="A-1")
    assert len(recorded()) == 4


@pytest.mark.parametrize("table", ["vton_conversion", "vton_tryonrequest"])
@pytest.mark.parametrize("call", ["added", "purchased"])
def test_a_database_error_is_logged_and_keeps_the_shops_transaction(
    request_of_guest: HttpRequest,
    shirt: Product,
    call: str,
    table: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    create_completed_tryon(shirt)
    if call == "purchased":
        conversions.added(request_of_guest, shirt, "line 1")

    def broken(execute: Any, sql: str, *rest: Any) -> Any:
        """As a table that is missing: on PostgreSQL the rest of the transaction would be lost."""
        return execute(sql.replace(table, "vton_missing"), *rest)

    with transaction.atomic():
        Shopper.objects.create(token_hash="before")
        with connection.execute_wrapper(broken), caplog.at_level(logging.ERROR, "django_vton"):
            if call == "added":
                conversions.added(request_of_guest, shirt)
            else:
                conversions.purchased(reference="line 1")
        Shopper.objects.create(token_hash="after")

    assert "could not be recorded" in caplog.text
    assert Shopper.objects.filter(token_hash__in=["before", "after"]).count() == 2


def test_an_error_in_the_shops_get_main_is_logged(
    request_of_guest: HttpRequest, shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_self: TryOn, _product: Any) -> Any:
        raise DatabaseError("the shop's own")

    create_completed_tryon(shirt)
    monkeypatch.setattr(type(tryon_for(type(shirt))), "get_main", broken)

    conversions.added(request_of_guest, shirt)

    assert not recorded()


def test_a_conversion_creates_no_attempt_and_no_shopper(
    request_of_guest: HttpRequest, shirt: Product
) -> None:
    conversions.added(request_of_guest, shirt)

    assert Visitor.from_request(request_of_guest).find_shopper() is None
    assert not Attempt.objects.exists()
