from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton import batches, privacy
from django_vton.batches import feeding
from django_vton.conf import config
from django_vton.exceptions import Refused
from django_vton.models import Batch, BatchRender, PauseSwitch, TryOnRequest
from django_vton.models.states import State
from django_vton.worker import claims, dispatcher
from shop.models import Kind, Product

from ..doors import make_product
from ..lifecycle.desk import OneLook
from ..people import at_once

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto

    from ..conftest import Vton
    from .shelf import Shelf

PRICE = 300_000
Status = BatchRender.Status


def test_each_product_is_rendered_on_each_house_model(shelf: Shelf, mia: PersonPhoto) -> None:
    batch = shelf.start(3, shelf.noa, mia)
    assert batches.progress(batch).waiting == 6
    done = shelf.run(batch)
    assert (done.completed, done.total, done.spent, done.held) == (6, 6, 6 * PRICE, 0)
    assert done.is_finished
    assert done.is_prepared
    assert done.unreviewed == 6
    assert shelf.desk.charged() == shelf.desk.spent() == 6 * PRICE
    pairs = batch.renders.order_by("position").values_list("product", "photo__name")
    assert [name for _product, name in pairs] == ["Noa", "Mia"] * 3
    assert not claims.has_work()


def test_a_pump_does_all_of_it_by_itself(shelf: Shelf) -> None:
    batch = shelf.start(2)
    assert claims.has_work()
    dispatcher.drain()
    assert shelf.check(batch).completed == 2


def test_a_start_rings_and_does_nothing_else(shelf: Shelf, bell: list[str]) -> None:
    batch = shelf.start(5)
    assert bell == ["django_vton.tasks.dispatch"]
    assert not batch.renders.exists()
    assert not TryOnRequest.objects.exists()


def test_what_is_there_already_is_shared_and_not_paid_again(shelf: Shelf, mia: PersonPhoto) -> None:
    products = shelf.products(3)
    shelf.run(shelf.start(products[:2]))
    draft = batches.draft(products, [shelf.noa, mia])
    seen = batches.preview(draft)
    assert (seen.renders, seen.present, seen.price) == (6, 2, 4 * PRICE)
    assert seen.price_at_most == 6 * PRICE
    assert batches.missing(draft.products) == draft.products[2:]
    assert batches.missing(draft.products, [mia]) == draft.products
    assert batches.confirm(draft)
    assert not batches.confirm(draft)
    done = shelf.run(draft)
    assert (done.completed, done.shared, done.spent) == (6, 2, 4 * PRICE)
    assert shelf.desk.charged() == 6 * PRICE
    assert batches.missing(draft.products, [shelf.noa, mia]) == []


def test_a_shoppers_render_on_a_house_model_is_shared_as_well(shelf: Shelf) -> None:
    products = shelf.products(1)
    shelf.desk.ask(product=products[0], photo=None, photo_id=str(shelf.noa.pk))
    done = shelf.run(shelf.start(products))
    assert (done.completed, done.shared, done.spent) == (1, 1, 0)


def test_products_with_the_same_picture_are_paid_once(shelf: Shelf) -> None:
    twins = [make_product(slug, Kind.EYEWEAR) for slug in ("left", "right")]
    done = shelf.run(shelf.start(twins))
    assert (done.completed, done.spent) == (2, PRICE)


def test_two_feeders_release_each_render_once(shelf: Shelf, vton: Vton) -> None:
    vton(SUBMIT_CONCURRENCY=20)
    batch = shelf.start(12)
    assert at_once(shelf.feed, shelf.feed, shelf.feed) == [None, None, None]
    assert batch.renders.filter(status=Status.ASKED).count() == 12
    assert list(batch.renders.values_list("position", flat=True)) == list(range(12))
    assert shelf.run(batch).completed == shelf.desk.posts() == 12


def test_only_a_few_are_in_flight_and_hold_money(shelf: Shelf) -> None:
    batch = shelf.start(30)
    shelf.feed()
    most = feeding.AHEAD * config.SUBMIT_CONCURRENCY
    assert TryOnRequest.objects.count() == most
    now = shelf.check(batch)
    assert (now.running, now.waiting, now.held) == (most, 30 - most, most * PRICE)
    assert shelf.run(batch).completed == 30


def test_a_part_of_the_places_is_left_to_shoppers(shelf: Shelf, vton: Vton) -> None:
    vton(CONCURRENCY=10)
    batch = shelf.start(20)
    for _each in range(5):
        shelf.feed()
        shelf.desk.look()
    assert TryOnRequest.objects.active().count() == 8
    assert shelf.run(batch).completed == 20


def test_a_shopper_does_not_wait_for_a_batch(shelf: Shelf) -> None:
    """Asked in the middle of a batch of 100, a try-on is sent before the rest of it."""
    batch = shelf.start(100)
    shelf.feed()
    for _each in range(3):
        shelf.desk.look()
        shelf.feed()
    shopper = shelf.desk.ask()
    before = TryOnRequest.objects.exclude(state=State.QUEUED).count()
    while not TryOnRequest.objects.filter(pk=shopper.pk).exclude(state=State.QUEUED).exists():
        shelf.desk.look()
        shelf.feed()
    sent = TryOnRequest.objects.exclude(state=State.QUEUED).count() - before
    assert sent <= 2 * feeding.AHEAD * config.SUBMIT_CONCURRENCY
    assert batches.progress(batch).waiting > 50


def test_batches_take_turns(shelf: Shelf) -> None:
    long, short = shelf.start(30), shelf.start(2)
    shelf.feed()
    assert batches.progress(short).running == 2
    assert shelf.run(long).completed == 30


def test_a_budget_that_ends_holds_the_batch_until_it_is_raised(shelf: Shelf, vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal("1.00"))
    batch = shelf.start(5)
    held = shelf.run(batch)
    assert (held.completed, held.waiting, held.spent) == (3, 2, 3 * PRICE)
    assert held.waits_for == "budget_exhausted"
    assert held.waits_until is not None
    assert not held.is_finished
    assert not claims.has_work(), "a worker is not kept busy by it"

    shelf.look_again(batch)
    assert claims.has_work()
    assert shelf.run(batch).completed == 3

    vton(DAILY_BUDGET=Decimal("1.20"))
    shelf.look_again(batch)
    assert shelf.run(batch).completed == 4
    vton(DAILY_BUDGET=None)
    shelf.look_again(batch)
    done = shelf.run(batch)
    assert (done.completed, done.spent, done.waits_for, done.waits_until) == (5, 5 * PRICE, "", None)


def test_a_held_batch_is_looked_at_within_the_minute(shelf: Shelf, vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal("0.01"))
    batch = shelf.start(1)
    shelf.feed()
    batch.refresh_from_db()
    assert batch.due_at is not None
    assert 0 < (batch.due_at - timezone.now()).total_seconds() < 60


def test_the_staffs_switch_holds_it(shelf: Shelf) -> None:
    switch = PauseSwitch.objects.create(is_paused=True)
    batch = shelf.start(1)
    held = shelf.run(batch)
    assert (held.waiting, held.waits_for, held.waits_until) == (1, "paused", None)
    switch.delete()
    shelf.look_again(batch)
    assert shelf.run(batch).completed == 1


def test_an_open_breaker_keeps_no_worker_busy(shelf: Shelf) -> None:
    shelf.desk.gateway.scenario(submit_status=402, times=None)
    batch = shelf.start(30)
    dispatcher.drain()
    assert not claims.has_work()
    # Those that the breaker keeps in the queue, and those that were on their way when it opened.
    assert shelf.check(batch).running <= (feeding.AHEAD + 1) * config.SUBMIT_CONCURRENCY


def test_a_product_that_cannot_be_tried_on_is_refused_and_the_others_go_on(shelf: Shelf) -> None:
    good, bare, gone, hidden, unsuited, broken = products = shelf.products(6)
    Product.objects.filter(pk=bare.pk).update(photo="")
    Product.objects.filter(pk=hidden.pk).update(is_public=False)
    Product.objects.filter(pk=unsuited.pk).update(kind=Kind.ACCESSORY)
    broken.photo.storage.delete(str(broken.photo.name))
    refs = batches.draft(products).products
    Product.objects.filter(pk=gone.pk).delete()
    draft = batches.draft(
        [*refs, f"shop.product:{10**30}", "no product", "shop.product:x", "auth.user:1"], [shelf.noa]
    )
    assert len(batches.preview(draft).impossible) == 8
    assert batches.confirm(draft)
    done = shelf.run(draft)
    assert (done.completed, done.refused, done.spent) == (1, 9, PRICE)
    refused = draft.renders.filter(status=Status.REFUSED)
    assert all(render.refusal and render.problem for render in refused)
    said = dict(refused.values_list("product", "problem"))
    assert said[refs[1]] == "This product has no picture."
    assert "switched off" in said[refs[3]]
    assert "cannot be read" in said[refs[5]]
    assert good.pk

    Product.objects.filter(pk=hidden.pk).update(is_public=True)
    assert batches.retry(draft) == 9
    assert shelf.run(draft).completed == 2


@pytest.mark.parametrize("name", ["get_options", "get_url", "get_main", "get_engine", "get_image"])
def test_the_shops_own_error_is_no_others_trouble(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from shop.tryon import ProductTryOn

    products = shelf.products(2)
    whole = getattr(ProductTryOn, name)
    monkeypatch.setattr(
        ProductTryOn,
        name,
        lambda self, product: whole(self, product) if product.pk == products[1].pk else 1 / 0,
    )
    batch = shelf.start(products)
    done = shelf.run(batch)
    assert (done.completed, done.refused) == (1, 1)
    assert "division by zero" in batch.renders.get(status=Status.REFUSED).problem


def test_a_shop_that_cannot_tell_its_products_holds_only_its_own_batch(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shop.tryon import ProductTryOn

    products = shelf.products(1)
    other, batch = shelf.start(2), shelf.start(products)
    assert feeding.step()
    monkeypatch.setattr(ProductTryOn, "get_queryset", lambda _self: 1 / 0)
    shelf.feed()
    held = batches.progress(batch)
    assert (held.waiting, held.waits_for, claims.has_work()) == (1, "unavailable", False)
    monkeypatch.undo()
    assert other.pk
    shelf.look_again(batch)
    assert shelf.run(batch).completed == 1


def test_a_house_model_for_garments_is_not_asked_to_wear_glasses(shelf: Shelf, mia: PersonPhoto) -> None:
    mia.suits = ["garment"]
    mia.save()
    products = shelf.products(2)
    draft = batches.draft(products, [shelf.noa, mia])
    assert batches.preview(draft).renders == 2
    batches.confirm(draft)
    done = shelf.run(draft)
    assert (done.total, done.completed, done.refused) == (2, 2, 0)


def test_an_erased_house_model_ends_its_renders_and_no_others(shelf: Shelf, mia: PersonPhoto) -> None:
    batch = shelf.start(10, shelf.noa, mia)
    shelf.feed()
    privacy.delete_photo(mia)
    done = shelf.run(batch)
    assert done.completed == 10
    assert done.canceled + done.refused == 10
    assert done.spent == shelf.desk.charged() == 10 * PRICE


def test_a_house_model_erased_before_its_rows_are_written_has_none(shelf: Shelf, mia: PersonPhoto) -> None:
    batch = shelf.start(2, shelf.noa, mia)
    privacy.delete_photo(mia)
    done = shelf.run(batch)
    assert (done.total, done.completed) == (2, 2)


def test_options_belong_to_their_engine(shelf: Shelf, vton: Vton) -> None:
    with pytest.raises(Refused, match="options_invalid"):
        shelf.start(1, options={"fashn-v1.6": {"num_samples": 99}})
    with pytest.raises(Refused, match="options_invalid"):
        shelf.start(1, options={"none": {}})
    assert not Batch.objects.exists()
    vton(PUBLIC_BASE_URL="http://127.0.0.1:9")
    shirt = make_product("tee", Kind.TOP)
    batch = shelf.start([*shelf.products(1), shirt], options={"fashn-v1.6": {"num_samples": 2}})
    shelf.feed()
    assert list(TryOnRequest.objects.order_by("engine").values_list("options__num_samples", flat=True)) == [
        2,
        None,
    ]
    assert batches.progress(batch).held == 2 * 75_000 + PRICE


def test_nothing_chosen_is_refused(shelf: Shelf) -> None:
    for products, models in (([], [shelf.noa]), (shelf.products(1), [])):
        with pytest.raises(Refused, match="request_invalid"):
            batches.start(products, models)
    assert not Batch.objects.exists()


def test_rows_come_in_chunks_and_numbers_in_few_queries(
    shelf: Shelf, django_assert_num_queries: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "CHUNK", 4)
    batch = shelf.start(10)
    assert feeding.step()
    assert (batch.renders.count(), batches.progress(batch).waiting) == (4, 10)
    assert not batches.progress(batch).is_prepared
    assert feeding.step()
    assert feeding.step()
    assert batch.renders.count() == batches.progress(batch).total == 10
    assert batches.progress(batch).is_prepared
    with django_assert_num_queries(4):  # type: ignore[operator]
        batches.progress(batch)


def test_a_stopped_pump_feeds_nothing_more(shelf: Shelf) -> None:
    shelf.start(3)
    stop = OneLook()
    stop.set()
    dispatcher.run(stop=stop)
    assert not TryOnRequest.objects.exists()
