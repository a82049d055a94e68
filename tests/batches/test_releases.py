"""House models whose release ends: nothing is offered, made or shown with them any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from django_vton import batches, lifecycle, tasks
from django_vton.batches import feeding
from django_vton.exceptions import Refused
from django_vton.models import Batch, Incident, PersonPhoto, Publication, TryOnImage, TryOnRequest
from django_vton.models.photos import release_today
from django_vton.models.states import State
from django_vton.rendering import render
from shop.models import ProductPhoto
from shop.tryon import ProductTryOn

from ..admin.conftest import get_status
from ..monitoring.incidents import STAFF, mailed_titles
from ..tryons import TRY_ONS, get_start, product_ref

if TYPE_CHECKING:
    from django.test import Client

    from ..conftest import Vton
    from ..faults.simulation import Clock
    from .runner import BatchRunner

DAY = timedelta(days=1)


def end_release(photo: PersonPhoto, days: int = -1) -> None:
    """Set the last day of the release, in so many days from today."""
    PersonPhoto.objects.filter(pk=photo.pk).update(release_ends=release_today() + days * DAY)


def test_a_house_model_is_offered_until_the_last_day_of_its_release(
    runner: BatchRunner, client: Client
) -> None:
    (product,) = runner.create_products(1)
    url = reverse("vton:photo-file", args=[runner.noa.pk])

    def offered() -> list[str]:
        return [model["name"] for model in get_start(client, product).json()["house_models"]]

    end_release(runner.noa, 0)
    assert offered() == ["Noa"]
    assert get_status(client, url) == 200

    end_release(runner.noa)
    assert offered() == []
    assert get_status(client, url) == 404
    order = {"product": product_ref(product), "photo_id": str(runner.noa.pk)}
    response = client.post(TRY_ONS, order)
    assert (response.status_code, response.json()["code"]) == (400, "photo_gone")
    with pytest.raises(Refused) as refusal:
        render(product, runner.noa)
    assert "its release has ended" in str(refusal.value.detail)
    with pytest.raises(Refused):
        batches.start([product], [runner.noa])
    assert not TryOnRequest.objects.exists()


def test_a_render_that_waits_when_the_release_ends_is_not_sent(runner: BatchRunner) -> None:
    batch = runner.start(1)
    runner.feed()
    end_release(runner.noa)

    runner.harness.run_cycle()

    row = runner.harness.reload(TryOnRequest.objects.get(batch=batch), State.FAILED, "photo_gone")
    assert runner.harness.money_states(row) == ["free"]
    assert runner.harness.post_count() == 0


@pytest.mark.parametrize("steps", [0, 1], ids=["no row exists", "its rows wait"])
def test_a_batch_pauses_before_its_next_render_and_can_go_on_later(
    runner: BatchRunner, mia: PersonPhoto, steps: int
) -> None:
    """Before the hourly task, and without refusing or leaving out what was ordered."""
    batch = runner.start(1, runner.noa, mia)
    for _ in range(steps):
        feeding.step()
    end_release(runner.noa)
    runner.feed()
    batch.refresh_from_db()
    assert (batch.status, batch.waiting_for) == (Batch.Status.PAUSED, "house_model_inactive")

    PersonPhoto.objects.filter(pk=runner.noa.pk).update(release_ends=None, is_active=True)
    batches.resume(batch)
    assert runner.run(batch).completed == 2


def test_a_failed_render_is_not_sent_again_after_the_release(runner: BatchRunner) -> None:
    runner.harness.gateway.scenario(outcome="FAILED", times=1)
    batch = runner.start(1)
    runner.run(batch)
    row = TryOnRequest.objects.get(batch=batch)
    assert lifecycle.retryable(TryOnRequest.objects.filter(pk=row.pk)).exists()

    end_release(runner.noa)

    assert not lifecycle.retry(row, actor_id=None)
    assert runner.harness.post_count() == 1


def test_the_hourly_task_removes_published_renders_and_pauses_batches(runner: BatchRunner) -> None:
    batch = runner.start(1)
    runner.run(batch)
    shown = batch.renders.get()
    batches.accept(batch, [shown.pk])
    assert batches.publish(shown) == ""
    waiting = runner.start(2)
    end_release(runner.noa, 0)
    tasks.purge()
    assert ProductPhoto.objects.count() == 1

    end_release(runner.noa)
    tasks.purge()

    assert not ProductPhoto.objects.exists()
    assert not Publication.objects.exists()
    assert TryOnImage.objects.get().published_at is None
    assert not PersonPhoto.objects.get(pk=runner.noa.pk).is_active
    waiting.refresh_from_db()
    assert (waiting.status, waiting.waiting_for) == (Batch.Status.PAUSED, "house_model_inactive")
    # Resumed by a person, it is not paused again.
    batches.resume(waiting)
    tasks.purge()
    waiting.refresh_from_db()
    assert waiting.status == Batch.Status.RUNNING
    assert runner.run(waiting).completed == 0


def test_a_render_that_the_shop_cannot_remove_is_tried_again_in_an_hour(
    runner: BatchRunner, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    batch = runner.start(1)
    runner.run(batch)
    shown = batch.renders.get()
    batches.accept(batch, [shown.pk])
    assert batches.publish(shown) == ""
    end_release(runner.noa)

    def locked(*_args: object) -> None:
        raise ValueError("the gallery is locked")

    with monkeypatch.context() as patch:
        patch.setattr(ProductTryOn, "unpublish", locked)
        tasks.purge()
    assert "is still in the shop" in caplog.text
    assert Publication.objects.count() == 1

    tasks.purge()
    assert not Publication.objects.exists()


def test_staff_are_told_two_weeks_before_the_end_and_on_the_last_day(
    runner: BatchRunner, clock: Clock, vton: Vton
) -> None:
    vton(NOTIFY=[STAFF])
    end_release(runner.noa, 15)
    told = []
    for _day in range(18):
        tasks.wake()
        tasks.purge()
        told.append([title for title in mailed_titles() if "release" in title])
        clock.now[0] += DAY

    soon, ended = told[-1]
    assert soon.startswith("The release of house model Noa ends on ")
    assert ended.endswith(" is its last day")
    assert [len(titles) for titles in told] == [0] + 14 * [1] + 3 * [2]
    assert not Incident.objects.filter(name__startswith="release.").exists()
