"""Which second engine a try-on is stored with, and what a shop offers while its first engine is stopped."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.template import Context, Template
from django.utils import timezone

from django_vton import batches
from django_vton.batches import feeding
from django_vton.exceptions import BudgetExhausted, Refused
from django_vton.gateway.engines import get_engine
from django_vton.intake import availability, fallbacks, merchants
from django_vton.models import GatewayState, TryOnRequest
from django_vton.monitoring.live.findings import Contact
from django_vton.monitoring.live.tryon import paid_steps
from django_vton.pixazo import Engine
from django_vton.products import find
from django_vton.web import button_visibility
from shop.tryon import ProductTryOn

from ..further_engines.mirror import Mirror
from ..intake_helpers import order_tryon, user_visitor
from ..lifecycle.second_engine import FIRST, Second
from ..tryons import product_ref

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto
    from shop.models import Product

    from ..conftest import PhotoMaker, Vton

SECOND = Mirror.name
"""It makes one or two images, as its option `count` says. It shares no option with the first engine."""


class Single(Engine):
    """Always makes one image."""

    name = Mirror.name
    kind = Mirror.kind
    label = Mirror.label
    price = Mirror.price
    typical_seconds = Mirror.typical_seconds
    submit_path = Mirror.submit_path
    person_field = Mirror.person_field
    product_field = Mirror.product_field


class Greedy(Mirror):
    """Makes three images, whatever is requested."""

    def image_count(self, options: Any) -> int:
        return 3


@pytest.fixture(autouse=True)
def _second_engine(vton: Vton, monkeypatch: pytest.MonkeyPatch) -> None:
    vton(ENGINES={SECOND: Mirror, Second.name: Second})
    monkeypatch.setattr(ProductTryOn, "fallback", SECOND)


def stop(engine: str) -> None:
    """It has been stopped for an hour."""
    now = timezone.now()
    times = {
        "stopped_at": now - timedelta(hours=1),
        "refused_at": now,
        "wait_until": now + timedelta(hours=1),
    }
    GatewayState.objects.create(engine=engine, breaker="402", **times)
    button_visibility.clear_cache()


def choose(shirt: Product, requested: dict[str, Any]) -> dict[str, Any] | None:
    described = find(product_ref(shirt))
    options = get_engine(FIRST).clean_options(requested)
    chosen = fallbacks.choose(described, options, requested)
    return None if chosen is None else chosen.options


@pytest.mark.parametrize(
    ("requested", "chosen"),
    [
        ({}, {"count": 1, "pose": "keep"}),
        ({"num_samples": 2}, {"count": 2, "pose": "keep"}),
        ({"num_samples": 5}, {"count": 1, "pose": "keep"}),
        ({"category": "top"}, {"count": 1, "pose": "keep"}),
        ({"moderation_level": "strict"}, {"count": 1, "pose": "keep"}),
    ],
)
def test_the_second_engine_makes_as_many_images_or_one(
    shirt: Product, requested: dict[str, Any], chosen: dict[str, Any]
) -> None:
    assert choose(shirt, requested) == chosen


def test_the_shop_chooses_the_options_but_not_the_number(
    shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"pose": "front", "count": 2}
    monkeypatch.setattr(ProductTryOn, "get_fallback_options", lambda _self, _product: options)
    assert choose(shirt, {}) == {"count": 1, "pose": "front"}


def test_requested_options_are_kept_if_the_second_engine_allows_them(
    shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProductTryOn, "fallback", Second.name)
    assert choose(shirt, {"output_format": "png"}) == {"num_images": 1, "output_format": "png"}
    assert choose(shirt, {"category": "top"}) == {"num_images": 1, "output_format": "jpeg"}


@pytest.mark.parametrize("number", [1, 3])
def test_an_engine_without_a_number_of_images_makes_one(shirt: Product, vton: Vton, number: int) -> None:
    vton(ENGINES={SECOND: Single})
    assert choose(shirt, {"num_samples": number}) == {}


def test_an_engine_that_makes_more_images_than_are_counted_is_not_used(shirt: Product, vton: Vton) -> None:
    vton(ENGINES={SECOND: Greedy})
    assert choose(shirt, {"num_samples": 2}) is None
    assert choose(shirt, {"num_samples": 3}) is not None


@pytest.mark.parametrize("name", ["", FIRST, "glass-v1", "unknown"])
def test_a_second_engine_that_cannot_be_used_prevents_no_order(
    shirt: Product, phone_photo: PhotoMaker, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(ProductTryOn, "get_fallback", lambda _self, _product: name)
    row = order_tryon(shirt, user_visitor(), phone_photo()).request
    assert (row.engine, row.other_engine, row.other_cache_key) == (FIRST, "", "")


def test_wrong_options_for_the_second_engine_prevent_no_order(
    shirt: Product, phone_photo: PhotoMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProductTryOn, "get_fallback_options", lambda _self, _product: {"unknown": 1})
    assert order_tryon(shirt, user_visitor(), phone_photo()).request.other_engine == ""


def test_an_order_is_stored_with_its_second_engine(shirt: Product, phone_photo: PhotoMaker) -> None:
    row = order_tryon(shirt, user_visitor(), phone_photo(), options={"num_samples": 2}).request
    assert (row.engine, row.options) == (
        FIRST,
        {"category": "top", "moderation_level": "moderate", "num_samples": 2},
    )
    assert (row.other_engine, row.other_options) == (SECOND, {"count": 2, "pose": "keep"})
    assert row.other_cache_key not in {"", row.cache_key}


def test_a_merchant_chooses_options_for_both_engines(shirt: Product, house_model: PersonPhoto) -> None:
    options: dict[str, dict[str, Any]] = {FIRST: {"num_samples": 2}, SECOND: {"pose": "front"}}
    row = merchants.prepare_render(product_ref(shirt), house_model, options).row
    assert (row.options["num_samples"], row.other_options) == (2, {"count": 2, "pose": "front"})
    accepted = merchants.request_render(merchants.prepare_render(product_ref(shirt), house_model, options))
    assert (accepted.request.other_engine, accepted.request.other_options) == (SECOND, row.other_options)


def test_a_product_whose_second_engine_works_is_offered(shirt: Product, phone_photo: PhotoMaker) -> None:
    stop(FIRST)
    assert "vton-try-on" in button(shirt)
    availability.require_available_for(find(product_ref(shirt)))
    order_tryon(shirt, user_visitor(), phone_photo())
    stop(SECOND)
    assert "vton-try-on" not in button(shirt)
    for check in (
        lambda: availability.require_available_for(find(product_ref(shirt))),
        lambda: order_tryon(shirt, user_visitor(), phone_photo(shade=1)),
    ):
        with pytest.raises(Refused) as refused:
            check()
        assert (refused.value.code, refused.value.retry_after) == ("unavailable", 60)


def button(shirt: Product) -> str:
    return Template("{% load vton %}{% tryon product %}").render(Context({"product": shirt}))


def test_while_the_first_engine_is_stopped_the_budget_must_cover_the_second(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(DAILY_BUDGET=Decimal("0.10"))
    described = find(product_ref(shirt))
    availability.require_available_for(described)
    stop(FIRST)
    with pytest.raises(BudgetExhausted):
        availability.require_available_for(described)
    with pytest.raises(BudgetExhausted):
        order_tryon(shirt, user_visitor(), phone_photo())


def test_batches_go_on_with_the_second_engine(shirt: Product, house_model: PersonPhoto) -> None:
    stop(FIRST)
    batch = batches.start([shirt], [house_model])
    while feeding.step():
        pass
    [render] = batch.renders.all()
    assert render.request is not None
    assert render.request.other_engine == SECOND


def test_the_proof_of_one_engine_does_not_fall_back(shirt: Product, house_model: PersonPhoto) -> None:
    """`vton_doctor --live` has told the price of this engine only."""
    prepared = merchants.prepare_render(product_ref(shirt), house_model, {})
    assert prepared.row.other_engine == SECOND
    next(iter(paid_steps(Contact(get_engine(FIRST), prepared=prepared))))
    assert TryOnRequest.objects.get().other_engine == ""
