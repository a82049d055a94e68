"""How many renders a batch may have active, and what happens if some are not possible."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton import batches
from django_vton.batches import feeding
from django_vton.models import BatchRender, PauseSwitch, TryOnRequest
from django_vton.models.states import State
from django_vton.worker import claims, dispatcher, submit_concurrency
from shop.models import Kind, Product

from ..intake_helpers import run_concurrently
from ..lifecycle.harness import StopAfterOneCycle

if TYPE_CHECKING:
    from ..conftest import Vton
    from .runner import BatchRunner

PRICE = 300_000
Status = BatchRender.Status


def test_two_feeders_release_each_render_once(runner: BatchRunner) -> None:
    number = feeding.MAX_QUEUED
    batch = runner.start(number)
    assert run_concurrently(runner.feed, runner.feed, runner.feed) == [None, None, None]
    assert batch.renders.filter(status=Status.REQUESTED).count() == number
    assert list(batch.renders.values_list("position", flat=True)) == list(range(number))
    assert runner.run(batch).completed == runner.harness.post_count() == number


def test_a_feeder_with_an_outdated_batch_creates_no_rows(runner: BatchRunner) -> None:
    outdated = runner.start(3)
    assert feeding.step()

    feeding._create_rows(outdated)

    assert list(outdated.renders.values_list("position", flat=True)) == [0, 1, 2]


def test_only_a_few_renders_are_active_and_hold_budget(runner: BatchRunner) -> None:
    batch = runner.start(30)
    runner.feed()
    limit = feeding.MAX_QUEUED
    assert TryOnRequest.objects.count() == limit
    now = runner.check(batch)
    assert (now.running, now.waiting, now.held) == (limit, 30 - limit, limit * PRICE)
    assert runner.run(batch).completed == 30


def test_batches_leave_capacity_to_shoppers(runner: BatchRunner, vton: Vton) -> None:
    vton(CONCURRENCY=10)
    batch = runner.start(20)
    for _ in range(5):
        runner.feed()
        runner.harness.run_cycle()
    assert TryOnRequest.objects.active().count() == 8
    assert runner.run(batch).completed == 20


def test_a_shopper_does_not_wait_for_a_batch(runner: BatchRunner) -> None:
    """A try-on requested in the middle of a batch of 100 is sent before the rest of the batch."""
    batch = runner.start(100)
    runner.feed()
    for _ in range(3):
        runner.harness.run_cycle()
        runner.feed()
    shopper = runner.harness.order()
    before = TryOnRequest.objects.exclude(state=State.QUEUED).count()
    while not TryOnRequest.objects.filter(pk=shopper.pk).exclude(state=State.QUEUED).exists():
        runner.harness.run_cycle()
        runner.feed()
    sent = TryOnRequest.objects.exclude(state=State.QUEUED).count() - before
    assert sent <= 2 * feeding.MAX_QUEUED
    assert batches.progress(batch).waiting > 50


def test_batches_take_turns(runner: BatchRunner) -> None:
    long, short = runner.start(30), runner.start(2)
    runner.feed()
    assert batches.progress(short).running == 2
    assert runner.run(long).completed == 30


def test_a_batch_waits_for_budget_until_the_cap_is_raised(runner: BatchRunner, vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal("1.00"))
    batch = runner.start(5)
    held = runner.run(batch)
    assert (held.completed, held.waiting, held.spent) == (3, 2, 3 * PRICE)
    assert held.waiting_for == "budget_exhausted"
    assert held.waiting_until is not None
    assert not held.is_finished
    assert not claims.has_work(), "it must not keep a worker busy"

    runner.make_due(batch)
    assert claims.has_work()
    assert runner.run(batch).completed == 3

    vton(DAILY_BUDGET=Decimal("1.20"))
    runner.make_due(batch)
    assert runner.run(batch).completed == 4
    vton(DAILY_BUDGET=None)
    runner.make_due(batch)
    done = runner.run(batch)
    assert (done.completed, done.spent, done.waiting_for, done.waiting_until) == (5, 5 * PRICE, "", None)


def test_a_postponed_batch_is_tried_again_within_a_minute(runner: BatchRunner, vton: Vton) -> None:
    vton(DAILY_BUDGET=Decimal("0.01"))
    batch = runner.start(1)
    runner.feed()
    batch.refresh_from_db()
    assert batch.due_at is not None
    assert 0 < (batch.due_at - timezone.now()).total_seconds() < 60


def test_the_pause_switch_postpones_a_batch(runner: BatchRunner) -> None:
    switch = PauseSwitch.objects.create(is_paused=True)
    batch = runner.start(1)
    held = runner.run(batch)
    assert (held.waiting, held.waiting_for, held.waiting_until) == (1, "paused", None)
    switch.delete()
    runner.make_due(batch)
    assert runner.run(batch).completed == 1


def test_an_open_breaker_keeps_no_worker_busy(runner: BatchRunner) -> None:
    runner.harness.gateway.scenario(submit_status=402, times=None)
    batch = runner.start(30)
    dispatcher.drain()
    assert not claims.has_work()
    # The renders that the breaker keeps in the queue, and those being sent when it opened.
    assert runner.check(batch).running <= feeding.MAX_QUEUED + submit_concurrency.START


def test_impossible_products_are_refused_with_a_reason_and_the_others_are_rendered(
    runner: BatchRunner,
) -> None:
    good, without_image, deleted, hidden, unsuited, broken = products = runner.create_products(6)
    Product.objects.filter(pk=without_image.pk).update(photo="")
    Product.objects.filter(pk=hidden.pk).update(is_public=False)
    Product.objects.filter(pk=unsuited.pk).update(kind=Kind.ACCESSORY)
    broken.photo.storage.delete(str(broken.photo.name))
    refs = batches.draft(products).products
    Product.objects.filter(pk=deleted.pk).delete()
    draft = batches.draft(
        [*refs, f"shop.product:{10**30}", "no product", "shop.product:x", "auth.user:1"], [runner.noa]
    )
    assert len(batches.preview(draft).unavailable) == 8
    assert batches.confirm(draft)
    done = runner.run(draft)
    assert (done.completed, done.refused, done.spent) == (1, 9, PRICE)
    refused = draft.renders.filter(status=Status.REFUSED)
    assert all(render.refusal_code and render.problem for render in refused)
    problems = dict(refused.values_list("product", "problem"))
    assert problems[refs[1]] == "This product has no picture."
    assert "switched off" in problems[refs[3]]
    assert "cannot be read" in problems[refs[5]]
    assert good.pk

    Product.objects.filter(pk=hidden.pk).update(is_public=True)
    assert batches.retry(draft) == 9
    assert runner.run(draft).completed == 2


@pytest.mark.parametrize("name", ["get_options", "get_url", "get_main", "get_engine", "get_image"])
def test_an_error_in_the_shops_code_refuses_only_its_own_product(
    runner: BatchRunner, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from shop.tryon import ProductTryOn

    products = runner.create_products(2)
    original = getattr(ProductTryOn, name)
    monkeypatch.setattr(
        ProductTryOn,
        name,
        lambda self, product: original(self, product) if product.pk == products[1].pk else 1 / 0,
    )
    batch = runner.start(products)
    done = runner.run(batch)
    assert (done.completed, done.refused) == (1, 1)
    assert "division by zero" in batch.renders.get(status=Status.REFUSED).problem


def test_an_error_in_the_shops_get_queryset_postpones_only_its_own_batch(
    runner: BatchRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    from shop.tryon import ProductTryOn

    products = runner.create_products(1)
    other, batch = runner.start(2), runner.start(products)
    assert feeding.step()
    monkeypatch.setattr(ProductTryOn, "get_queryset", lambda _self: 1 / 0)
    runner.feed()
    held = batches.progress(batch)
    assert (held.waiting, held.waiting_for, claims.has_work()) == (1, "unavailable", False)
    monkeypatch.undo()
    assert other.pk
    runner.make_due(batch)
    assert runner.run(batch).completed == 1


def test_a_stopped_dispatcher_feeds_no_batch(runner: BatchRunner) -> None:
    runner.start(3)
    stop = StopAfterOneCycle()
    stop.set()
    dispatcher.run(stop=stop)
    assert not TryOnRequest.objects.exists()
