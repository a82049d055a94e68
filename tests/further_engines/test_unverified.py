"""The engines declared from public sources, with a gateway that was written from these independently."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command

from django_vton.billing import budget
from django_vton.models import Attempt, BudgetPeriod, GatewayState, TryOnRequest
from django_vton.models.states import Money, State
from django_vton.pixazo.engines.idm_vton import IdmVton
from django_vton.pixazo.engines.kling import Kling

from ..lifecycle.invariants import check_books
from ..tryons import post_tryon
from .shop import sell_with

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client
    from pytest_django.live_server_helper import LiveServer

    from django_vton.sandbox import Gateway
    from shop.models import Product

    from ..conftest import PhotoMaker, Vton

    TryOn = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.django_db(transaction=True)

OPTIONS: dict[str, dict[str, Any]] = {
    "idm-vton": {"garment_des": "a green shirt", "category": "upper_body"},
    "clothing-vton": {"garment_des": "a green shirt", "category": "dresses", "crop": True, "seed": 7},
    "kling": {},
}
PRICES = {"idm-vton": 50_000, "clothing-vton": 100_000, "kling": 100_000}


class HastyIdmVton(IdmVton):
    submit_seconds = 0.4


class FrankKling(Kling):
    code_statuses = {1102: 402}


@pytest.fixture
def order(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    vton: Vton,
    live_server: LiveServer,
    gateway: Gateway,  # noqa: ARG001 - its URL is set
    monkeypatch: pytest.MonkeyPatch,
) -> TryOn:
    """`order("kling")` orders a try-on with this engine, runs the worker and returns the try-on."""

    def make(name: str, engine: object = None) -> dict[str, Any]:
        # Without a price of the shop, IDM-VTON has that of its declaration.
        prices = {} if name == "idm-vton" else {name: Decimal("0.10")}
        vton(ENGINES={name: engine or {}}, PRICES=prices, PUBLIC_BASE_URL=live_server.url)
        sell_with(monkeypatch, name, **OPTIONS[name])
        answer = post_tryon(guest, shirt, phone_photo())
        assert answer.status_code == 202, answer.content
        call_command("vton_worker", once=True)
        found: dict[str, Any] = guest.get(answer["Location"]).json()
        return found

    return make


def check_paid_once(gateway: Gateway, name: str) -> Attempt:
    """Assert that the one try-on was charged once, and that the shop's books say the same."""
    attempt = Attempt.objects.get()
    (entry,) = gateway.ledger.entries
    assert (attempt.engine, attempt.money, attempt.amount) == (name, Money.SPENT, PRICES[name])
    assert (entry.engine, entry.amount) == (name, PRICES[name])
    today = BudgetPeriod.objects.get(kind=budget.Kind.DAY)
    assert (today.held, today.spent) == (0, PRICES[name])
    check_books(gateway)
    return attempt


@pytest.mark.parametrize("name", OPTIONS)
def test_a_try_on_is_rendered_and_paid_once(order: TryOn, gateway: Gateway, guest: Client, name: str) -> None:
    tryon = order(name)

    assert (tryon["status"], tryon["engine"], tryon["error"]) == ("completed", name, None)
    (image,) = tryon["images"]
    assert b"".join(guest.get(image["url"]).streaming_content)  # type: ignore[attr-defined]
    attempt = check_paid_once(gateway, name)
    (entry,) = gateway.ledger.entries
    assert attempt.vendor_id == entry.request_id
    assert OPTIONS[name].items() <= entry.body.items()


@pytest.mark.parametrize("name", ["idm-vton", "clothing-vton"])
def test_an_answer_with_the_result_is_not_polled(order: TryOn, gateway: Gateway, name: str) -> None:
    assert order(name)["status"] == "completed"
    assert (gateway.ledger.totals["asks"], gateway.ledger.totals["media_fetches"]) == (0, 1)


@pytest.mark.parametrize("name", ["idm-vton", "clothing-vton"])
def test_an_answer_before_the_result_is_polled(order: TryOn, gateway: Gateway, name: str) -> None:
    gateway.scenario(submit="queued")
    assert order(name)["status"] == "completed"
    assert gateway.ledger.totals["asks"] >= 1
    check_paid_once(gateway, name)


def test_an_answer_without_an_id_is_known_by_its_result(order: TryOn, gateway: Gateway) -> None:
    gateway.scenario(submit="no_id")
    assert order("idm-vton")["status"] == "completed"
    assert Attempt.objects.get().vendor_id.startswith("result-")


def test_an_answer_that_takes_longer_than_declared_is_never_asked_for_again(
    order: TryOn, gateway: Gateway
) -> None:
    gateway.scenario(seconds=1.5)
    assert order("idm-vton", HastyIdmVton)["status"] == "processing"
    assert TryOnRequest.objects.get().state == State.UNKNOWN
    assert gateway.ledger.wait_for(lambda ledger: ledger.entries[0].state == "completed")

    call_command("vton_worker", once=True)

    assert gateway.ledger.totals["submits"] == 1
    assert Attempt.objects.get().money == Money.HELD
    check_books(gateway)


def test_an_answer_may_take_longer_than_the_sandbox_usually_does(order: TryOn, gateway: Gateway) -> None:
    gateway.scenario(seconds=1.5)
    assert order("idm-vton")["status"] == "completed"
    check_paid_once(gateway, "idm-vton")


def test_a_callback_to_the_url_in_the_body_completes_a_try_on(order: TryOn, gateway: Gateway) -> None:
    assert order("kling")["status"] == "completed"
    totals = gateway.ledger.totals
    assert (totals["callbacks_sent"], totals["callbacks_acknowledged"], totals["asks"]) == (1, 1, 1)
    assert (gateway.ledger.entries[0].callback or {})["has_path"]


def test_a_refusal_in_a_200_costs_nothing(order: TryOn, gateway: Gateway) -> None:
    gateway.scenario(submit_code=1201, submit_error="Invalid parameters")
    tryon = order("kling")
    assert (tryon["status"], tryon["error"]["code"]) == ("failed", "vendor")
    assert Attempt.objects.get().money == Money.FREE
    today = BudgetPeriod.objects.get(kind=budget.Kind.DAY)
    assert (today.held, today.spent, gateway.ledger.totals["submits"]) == (0, 0, 1)
    check_books(gateway)


def test_a_code_for_an_empty_wallet_stops_the_engine(order: TryOn, gateway: Gateway) -> None:
    gateway.scenario(submit_code=1102, submit_error="Account balance not enough", times=None)
    assert order("kling", FrankKling)["status"] == "queued"
    assert GatewayState.objects.get(engine="kling").breaker == "402"
    assert gateway.ledger.totals["amount"] == 0
    check_books(gateway)


def test_a_failed_render_has_the_reason_of_the_vendor(order: TryOn, gateway: Gateway) -> None:
    gateway.scenario(outcome="FAILED", error="Content moderation", times=None)
    assert order("kling")["error"]["code"] == "moderated"
    check_paid_once(gateway, "kling")
