from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from django_vton import batches, intake, lifecycle
from django_vton.batches import feeding
from django_vton.batches.control import HOUSE_MODEL_INACTIVE
from django_vton.exceptions import Refused
from django_vton.models import Batch, BatchRender, PersonPhoto, TryOnRequest
from django_vton.models.states import State
from django_vton.shoppers import Visitor
from django_vton.utils import clock

from ..intake_helpers import run_before_statement

if TYPE_CHECKING:
    from .runner import BatchRunner

PRICE = 300_000
Status = BatchRender.Status


def test_a_paused_batch_finishes_running_renders_and_can_be_resumed(runner: BatchRunner) -> None:
    batch = runner.start(20)
    runner.feed()
    runner.harness.run_cycle()
    assert batches.pause(batch)
    assert not batches.pause(batch)
    paused = runner.run(batch)
    assert (paused.completed, paused.waiting, paused.running) == (
        feeding.MAX_QUEUED,
        20 - feeding.MAX_QUEUED,
        0,
    )
    assert batches.resume(batch)
    assert not batches.resume(batch)
    done = runner.run(batch)
    assert (done.completed, done.spent) == (20, 20 * PRICE)


@pytest.mark.parametrize("stop", [batches.pause, batches.cancel])
def test_a_batch_stopped_while_an_image_is_prepared_requests_nothing(
    runner: BatchRunner, monkeypatch: pytest.MonkeyPatch, stop: type
) -> None:
    batch = runner.start(3)
    assert feeding.step()
    prepare = intake.prepare_render

    def prepare_slowly(*args: object) -> intake.PreparedRender:
        prepared = prepare(*args)  # type: ignore[arg-type]
        assert stop(batch)
        return prepared

    monkeypatch.setattr(intake, "prepare_render", prepare_slowly)
    runner.feed()
    assert not TryOnRequest.objects.exists()
    assert not batch.renders.filter(status=Status.REQUESTED).exists()


def test_a_render_that_is_no_longer_waiting_is_not_requested(
    runner: BatchRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = runner.start(1)
    assert feeding.step()
    prepare = intake.prepare_render

    def prepare_slowly(*args: object) -> intake.PreparedRender:
        prepared = prepare(*args)  # type: ignore[arg-type]
        batch.renders.update(status=Status.DROPPED)
        return prepared

    monkeypatch.setattr(intake, "prepare_render", prepare_slowly)
    assert feeding.step()
    assert not TryOnRequest.objects.exists()
    assert batch.renders.get().status == Status.DROPPED


def test_canceling_drops_waiting_renders_free_and_keeps_submitted_ones(runner: BatchRunner) -> None:
    batch = runner.start(20)
    runner.feed()
    runner.harness.run_cycle()
    runner.feed()
    sent = TryOnRequest.objects.exclude(state=State.QUEUED).count()
    queued = TryOnRequest.objects.filter(state=State.QUEUED).count()
    assert sent
    assert queued
    assert batches.cancel(batch)
    assert not batches.cancel(batch)
    assert not batches.resume(batch)
    assert batches.retry(batch) == 0
    done = runner.run(batch)
    assert (done.completed, done.canceled, done.dropped) == (sent, queued, 20 - sent - queued)
    assert done.spent == runner.harness.charged() == sent * PRICE
    assert done.held == 0
    assert done.is_finished


def test_a_batch_canceled_before_its_rows_exist_counts_all_as_dropped(runner: BatchRunner) -> None:
    batch = runner.start(5)
    batches.cancel(batch)
    done = runner.run(batch)
    assert (done.dropped, done.total, done.is_finished) == (5, 5, True)
    draft = batches.draft(runner.create_products(1), [runner.noa])
    assert batches.cancel(draft)
    assert not batches.confirm(draft)


def test_a_draft_whose_house_models_cannot_be_used_any_more_says_so(runner: BatchRunner) -> None:
    draft = batches.draft(runner.create_products(1), [runner.noa])
    PersonPhoto.objects.filter(pk=runner.noa.pk).update(release_ends=date(2020, 1, 1))
    with pytest.raises(Refused) as refusal:
        batches.confirm(draft)
    assert "their releases have ended" in str(refusal.value.detail)


def test_a_batch_whose_only_house_model_cannot_be_used_any_more_pauses_and_can_go_on_later(
    runner: BatchRunner,
) -> None:
    photo = PersonPhoto.objects.filter(pk=runner.noa.pk)
    batch = runner.start(1)
    photo.update(release_ends=date(2020, 1, 1))
    runner.feed()
    batch.refresh_from_db()
    assert (batch.status, batch.waiting_for) == (Batch.Status.PAUSED, HOUSE_MODEL_INACTIVE)
    photo.update(release_ends=None, is_active=True)
    batches.resume(batch)
    assert runner.run(batch).completed == 1


def test_a_render_that_a_shopper_waits_for_survives_the_canceled_batch(runner: BatchRunner) -> None:
    products = runner.create_products(2)
    batch = runner.start(products)
    runner.feed()
    shopper = runner.harness.order(product=products[0], photo=None, photo_id=str(runner.noa.pk))
    batches.cancel(batch)
    done = runner.run(batch)
    assert (done.completed, done.canceled, done.spent) == (1, 1, PRICE)
    runner.harness.reload(shopper, State.COMPLETED)


def test_a_shopper_who_cancels_a_shared_render_does_not_cancel_it_for_the_batch(runner: BatchRunner) -> None:
    products = runner.create_products(1)
    batch = runner.start(products)
    runner.feed()
    shopper = runner.harness.order(product=products[0], photo=None, photo_id=str(runner.noa.pk))
    assert lifecycle.cancel(shopper)
    assert runner.run(batch).completed == 1


def test_the_last_waiting_shopper_cancels_a_render_of_a_canceled_batch(runner: BatchRunner) -> None:
    products = runner.create_products(1)
    batch = runner.start(products)
    runner.feed()
    visitor = Visitor()
    shopper = runner.harness.order(visitor, product=products[0], photo=None, photo_id=str(runner.noa.pk))
    batches.cancel(batch)
    assert TryOnRequest.objects.get(batch=batch).state == State.QUEUED
    lifecycle.cancel(shopper)
    assert runner.run(batch).canceled == 1
    assert runner.harness.post_count() == 0


def test_a_render_that_another_batch_waits_for_survives_the_canceled_batch(runner: BatchRunner) -> None:
    products = runner.create_products(1)
    first = runner.start(products)
    runner.feed()
    second = runner.start(products)
    runner.feed()
    batches.cancel(first)
    assert runner.run(second).completed == 1
    assert runner.check(first).spent == PRICE
    assert runner.check(second).shared == 1


def test_only_failed_renders_are_retried_and_paid_again(runner: BatchRunner) -> None:
    runner.harness.gateway.scenario(outcome="FAILED", times=2)
    batch = runner.start(4)
    failed = runner.run(batch)
    assert (failed.completed, failed.failed, failed.spent, failed.retryable) == (2, 2, 4 * PRICE, 2)
    kept = set(batch.renders.filter(request__state=State.COMPLETED).values_list("request", flat=True))
    assert batches.retry(batch) == 2
    assert batches.retry(batch) == 0
    done = runner.run(batch)
    assert (done.completed, done.failed, done.spent) == (4, 0, 6 * PRICE)
    assert done.spent == runner.harness.charged()
    assert kept < set(batch.renders.values_list("request", flat=True))


def test_a_render_with_an_unknown_outcome_is_retried_only_on_request(runner: BatchRunner) -> None:
    runner.harness.gateway.scenario(submit="close", times=1)
    batch = runner.start(2)
    runner.run(batch)
    unknown = TryOnRequest.objects.get(state=State.UNKNOWN)
    runner.harness.set_posted(unknown, timedelta(minutes=5))
    runner.harness.make_due(unknown)
    runner.harness.run_cycle()
    progress = runner.check(batch)
    assert (progress.completed, progress.failed, progress.unknown_outcomes, progress.retryable) == (
        1,
        1,
        1,
        0,
    )
    assert batches.retry(batch) == 0
    assert batches.retry(batch, include_unknown=True) == 1
    done = runner.run(batch)
    assert (done.completed, done.spent) == (2, 3 * PRICE)


def test_a_retry_of_a_paused_batch_waits_until_it_is_resumed(runner: BatchRunner) -> None:
    runner.harness.gateway.scenario(outcome="FAILED", times=1)
    batch = runner.start(1)
    runner.run(batch)
    batches.pause(batch)
    assert batches.retry(batch) == 1
    assert runner.run(batch).waiting == 1
    batches.resume(batch)
    assert runner.run(batch).completed == 1


def test_a_retry_while_the_batch_finishes_is_not_lost(runner: BatchRunner) -> None:
    runner.harness.gateway.scenario(outcome="FAILED", times=1)
    batch = runner.start(1)
    runner.run(batch)
    Batch.objects.filter(pk=batch.pk).update(due_at=clock.now())

    def retry() -> None:
        assert batches.retry(batch) == 1

    with run_before_statement('UPDATE "vton_batch" SET "due_at"', retry):
        feeding.step()
    assert runner.run(batch).completed == 1


def test_canceling_one_render_leaves_the_rest_of_the_batch(runner: BatchRunner, mia: PersonPhoto) -> None:
    batch = runner.start(2, mia)
    runner.feed()
    row = TryOnRequest.objects.filter(batch=batch).first()
    assert row is not None
    lifecycle.cancel(row)
    done = runner.run(batch)
    assert (done.completed, done.canceled, done.total) == (1, 1, 2)


@pytest.mark.parametrize("with_unknown", [False, True])
def test_a_canceled_batch_retries_nothing(runner: BatchRunner, *, with_unknown: bool) -> None:
    runner.harness.gateway.scenario(outcome="FAILED", times=1)
    batch = runner.start(2)
    failed = runner.run(batch)
    assert (failed.failed, failed.retryable) == (1, 1)
    Batch.objects.filter(pk=batch.pk).update(status=Batch.Status.CANCELED)

    assert batches.retry(batch, include_unknown=with_unknown) == 0
    done = runner.run(batch)
    assert (done.completed, done.failed, done.waiting, done.spent) == (1, 1, 0, 2 * PRICE)
    assert runner.harness.post_count() == 2


def test_a_finished_batch_cannot_be_canceled(runner: BatchRunner) -> None:
    batch = runner.start(1)
    runner.run(batch)

    assert not batches.cancel(batch)

    batch.refresh_from_db()
    assert batch.status == Batch.Status.RUNNING
