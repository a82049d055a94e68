from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from django_vton import batches, intake, lifecycle
from django_vton.batches import feeding
from django_vton.models import Batch, BatchRender, TryOnRequest
from django_vton.models.states import State
from django_vton.shoppers import Visitor

from ..people import meanwhile

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto

    from .shelf import Shelf

PRICE = 300_000
Status = BatchRender.Status


def test_a_paused_batch_ends_what_flies_and_goes_on_later(shelf: Shelf) -> None:
    batch = shelf.start(20)
    shelf.feed()
    shelf.desk.look()
    assert batches.pause(batch)
    assert not batches.pause(batch)
    paused = shelf.run(batch)
    assert (paused.completed, paused.waiting, paused.running) == (
        feeding.AHEAD * 4,
        20 - feeding.AHEAD * 4,
        0,
    )
    assert batches.resume(batch)
    assert not batches.resume(batch)
    done = shelf.run(batch)
    assert (done.completed, done.spent) == (20, 20 * PRICE)


@pytest.mark.parametrize("stop", [batches.pause, batches.cancel])
def test_a_batch_that_is_stopped_while_a_picture_is_prepared_releases_nothing(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, stop: type
) -> None:
    batch = shelf.start(3)
    assert feeding.step()
    prepare = intake.prepare_render

    def slowly(*args: object) -> intake.Prepared:
        prepared = prepare(*args)  # type: ignore[arg-type]
        assert stop(batch)
        return prepared

    monkeypatch.setattr(intake, "prepare_render", slowly)
    shelf.feed()
    assert not TryOnRequest.objects.exists()
    assert not batch.renders.filter(status=Status.ASKED).exists()


def test_a_render_that_another_feeder_took_is_left_alone(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = shelf.start(1)
    assert feeding.step()
    prepare = intake.prepare_render

    def slowly(*args: object) -> intake.Prepared:
        prepared = prepare(*args)  # type: ignore[arg-type]
        batch.renders.update(status=Status.DROPPED)
        return prepared

    monkeypatch.setattr(intake, "prepare_render", slowly)
    assert feeding.step()
    assert not TryOnRequest.objects.exists()
    assert batch.renders.get().status == Status.DROPPED


def test_the_rest_is_dropped_free_and_what_is_at_the_vendor_is_kept(shelf: Shelf) -> None:
    batch = shelf.start(20)
    shelf.feed()
    shelf.desk.look()
    shelf.feed()
    sent = TryOnRequest.objects.exclude(state=State.QUEUED).count()
    queued = TryOnRequest.objects.filter(state=State.QUEUED).count()
    assert sent
    assert queued
    assert batches.cancel(batch)
    assert not batches.cancel(batch)
    assert not batches.resume(batch)
    assert batches.retry(batch) == 0
    done = shelf.run(batch)
    assert (done.completed, done.canceled, done.dropped) == (sent, queued, 20 - sent - queued)
    assert done.spent == shelf.desk.charged() == sent * PRICE
    assert done.held == 0
    assert done.is_finished


def test_a_batch_that_is_canceled_before_its_rows_are_written(shelf: Shelf) -> None:
    batch = shelf.start(5)
    batches.cancel(batch)
    done = shelf.run(batch)
    assert (done.dropped, done.total, done.is_finished) == (5, 5, True)
    draft = batches.draft(shelf.products(1), [shelf.noa])
    assert batches.cancel(draft)
    assert not batches.confirm(draft)


def test_a_render_that_a_shopper_waits_for_is_not_canceled_with_the_batch(shelf: Shelf) -> None:
    products = shelf.products(2)
    batch = shelf.start(products)
    shelf.feed()
    shopper = shelf.desk.ask(product=products[0], photo=None, photo_id=str(shelf.noa.pk))
    batches.cancel(batch)
    done = shelf.run(batch)
    assert (done.completed, done.canceled, done.spent) == (1, 1, PRICE)
    shelf.desk.reload(shopper, State.COMPLETED)


def test_a_shopper_who_waits_no_more_takes_nothing_from_the_batch(shelf: Shelf) -> None:
    products = shelf.products(1)
    batch = shelf.start(products)
    shelf.feed()
    shopper = shelf.desk.ask(product=products[0], photo=None, photo_id=str(shelf.noa.pk))
    assert lifecycle.cancel(shopper)
    assert shelf.run(batch).completed == 1


def test_the_last_who_waits_ends_what_a_canceled_batch_left(shelf: Shelf) -> None:
    products = shelf.products(1)
    batch = shelf.start(products)
    shelf.feed()
    visitor = Visitor()
    shopper = shelf.desk.ask(visitor, product=products[0], photo=None, photo_id=str(shelf.noa.pk))
    batches.cancel(batch)
    assert TryOnRequest.objects.get(batch=batch).state == State.QUEUED
    lifecycle.cancel(shopper)
    assert shelf.run(batch).canceled == 1
    assert shelf.desk.posts() == 0


def test_another_batch_that_waits_keeps_it(shelf: Shelf) -> None:
    products = shelf.products(1)
    first = shelf.start(products)
    shelf.feed()
    second = shelf.start(products)
    shelf.feed()
    batches.cancel(first)
    assert shelf.run(second).completed == 1
    assert shelf.check(first).spent == PRICE
    assert shelf.check(second).shared == 1


def test_only_what_failed_is_tried_again_and_is_paid_anew(shelf: Shelf) -> None:
    shelf.desk.gateway.scenario(outcome="FAILED", times=2)
    batch = shelf.start(4)
    failed = shelf.run(batch)
    assert (failed.completed, failed.failed, failed.spent, failed.retryable) == (2, 2, 4 * PRICE, 2)
    kept = set(batch.renders.filter(request__state=State.COMPLETED).values_list("request", flat=True))
    assert batches.retry(batch) == 2
    assert batches.retry(batch) == 0
    done = shelf.run(batch)
    assert (done.completed, done.failed, done.spent) == (4, 0, 6 * PRICE)
    assert done.spent == shelf.desk.charged()
    assert kept < set(batch.renders.values_list("request", flat=True))


def test_a_render_in_doubt_is_tried_again_only_on_somebodys_word(shelf: Shelf) -> None:
    shelf.desk.gateway.scenario(submit="close", times=1)
    batch = shelf.start(2)
    shelf.run(batch)
    unknown = TryOnRequest.objects.get(state=State.UNKNOWN)
    shelf.desk.posted(unknown, timedelta(minutes=5))
    shelf.desk.due(unknown)
    shelf.desk.look()
    doubt = shelf.check(batch)
    assert (doubt.completed, doubt.failed, doubt.in_doubt, doubt.retryable) == (1, 1, 1, 0)
    assert batches.retry(batch) == 0
    assert batches.retry(batch, in_doubt=True) == 1
    done = shelf.run(batch)
    assert (done.completed, done.spent) == (2, 3 * PRICE)


def test_a_retry_in_a_pause_waits_for_its_end(shelf: Shelf) -> None:
    shelf.desk.gateway.scenario(outcome="FAILED", times=1)
    batch = shelf.start(1)
    shelf.run(batch)
    batches.pause(batch)
    assert batches.retry(batch) == 1
    assert shelf.run(batch).waiting == 1
    batches.resume(batch)
    assert shelf.run(batch).completed == 1


def test_a_retry_at_the_moment_when_the_batch_ends_is_not_forgotten(shelf: Shelf) -> None:
    shelf.desk.gateway.scenario(outcome="FAILED", times=1)
    batch = shelf.start(1)
    shelf.run(batch)
    Batch.objects.filter(pk=batch.pk).update(due_at=timezone.now())

    def retry() -> None:
        assert batches.retry(batch) == 1

    with meanwhile('UPDATE "vton_batch" SET "due_at"', retry):
        feeding.step()
    assert shelf.run(batch).completed == 1


def test_an_operators_cancel_is_one_renders_end(shelf: Shelf, mia: PersonPhoto) -> None:
    batch = shelf.start(2, mia)
    shelf.feed()
    row = TryOnRequest.objects.filter(batch=batch).first()
    assert row is not None
    lifecycle.cancel(row)
    done = shelf.run(batch)
    assert (done.completed, done.canceled, done.total) == (1, 1, 2)
