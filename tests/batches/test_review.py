from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.template import Context, Template
from django.test import Client
from django.utils import timezone

from django_vton import batches, privacy
from django_vton.conf import config
from django_vton.models import Batch, BatchRender, Publication, TryOnImage
from shop.models import Kind, Product, ProductPhoto
from shop.tryon import ProductTryOn

from ..intake_helpers import run_concurrently
from ..provenance import is_marked
from ..tryons import make_product, product_ref, read_stream

if TYPE_CHECKING:
    from django.core.files import File

    from .runner import BatchRunner


@pytest.fixture
def finished(runner: BatchRunner) -> Batch:
    """Three completed renders."""
    batch = runner.start(3)
    runner.run(batch)
    return batch


def renders(batch: Batch) -> list[BatchRender]:
    return list(batch.renders.order_by("position"))


def gallery(render: BatchRender) -> str:
    product = Product.objects.get(pk=render.product.rpartition(":")[2])
    return Template("{% load vton %}{% tryon_gallery product %}").render(Context({"product": product}))


def test_renders_are_accepted_rejected_and_made_unreviewed_again(finished: Batch) -> None:
    first, second, third = (render.pk for render in renders(finished))
    user = User.objects.create(username="merchant")
    assert batches.accept(finished, [first, second], user=user) == 2
    assert batches.accept(finished, [first]) == 0
    assert batches.reject(finished, [third]) == 1
    now = batches.progress(finished)
    assert (now.accepted, now.rejected, now.unreviewed) == (2, 1, 0)
    assert renders(finished)[0].reviewed_by == user
    assert batches.undo(finished, [second]) == 1
    assert batches.progress(finished).unreviewed == 1


def test_only_completed_renders_of_the_batch_can_be_reviewed(finished: Batch, runner: BatchRunner) -> None:
    other = runner.start(1)
    runner.feed()
    assert batches.accept(finished, other.renders.values_list("pk", flat=True)) == 0
    assert batches.accept(other, other.renders.values_list("pk", flat=True)) == 0


def test_accepted_renders_are_published_and_unpublished(finished: Batch) -> None:
    first, second, _third = renders(finished)
    batches.accept(finished, [first.pk])
    result = batches.publish_accepted(finished)
    assert (result.published, result.failed, result.is_complete) == (1, [], True)
    photo = ProductPhoto.objects.get()
    assert photo.product.pk == int(first.product.rpartition(":")[2])
    image = TryOnImage.objects.get(request=first.request_id)
    with photo.image.open("rb") as published, image.file.open("rb") as stored:
        copy, original = published.read(), stored.read()
    assert is_marked(copy, original)
    assert Publication.objects.get().handle == str(photo.pk)
    assert f"/try-on/images/{image.pk}/" in gallery(first)
    assert gallery(second) == ""
    assert read_stream(Client().get(f"/try-on/images/{image.pk}/")) == copy
    assert batches.progress(finished).published == 1

    assert batches.publish_accepted(finished).published == 0
    assert batches.publish(first) == ""
    assert ProductPhoto.objects.count() == 1
    assert batches.reject(finished, [first.pk]) == 0, "a published render must be unpublished first"

    assert batches.unpublish(first) == ""
    assert batches.unpublish(first) == ""
    assert not ProductPhoto.objects.exists()
    assert gallery(first) == ""
    assert Client().get(f"/try-on/images/{image.pk}/").status_code == 404
    assert batches.reject(finished, [first.pk]) == 1
    assert batches.publish(first)
    assert not ProductPhoto.objects.exists()


def test_two_clicks_publish_once(finished: Batch) -> None:
    render = renders(finished)[0]
    batches.accept(finished, [render.pk])
    copies = [BatchRender.objects.get(pk=render.pk) for _ in range(2)]
    assert run_concurrently(*[lambda copy=copy: batches.publish(copy) for copy in copies]) == ["", ""]
    assert ProductPhoto.objects.count() == 1


def test_an_error_in_the_shops_publish_is_reported_and_rolled_back(
    finished: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches.accept(finished, [render.pk for render in renders(finished)])
    bad = renders(finished)[1].product
    original = ProductTryOn.publish

    def publish(self: ProductTryOn, product: Product, image: File[bytes]) -> str:
        handle = original(self, product, image)
        if product_ref(product) == bad:
            raise ValueError("no room in the gallery")
        return handle

    monkeypatch.setattr(ProductTryOn, "publish", publish)
    result = batches.publish_accepted(finished)
    assert (result.published, [render.product for render in result.failed]) == (2, [bad])
    failed = renders(finished)[1]
    assert "no room in the gallery" in failed.problem
    assert failed.review == BatchRender.Review.ACCEPTED
    assert ProductPhoto.objects.count() == 2, "what it wrote before it failed is rolled back"
    monkeypatch.undo()
    assert batches.publish_accepted(finished).published == 1
    assert renders(finished)[1].problem == ""


@pytest.mark.parametrize("handle", [object(), {1, 2}])
def test_a_handle_that_is_not_json_is_reported(
    finished: Batch, monkeypatch: pytest.MonkeyPatch, handle: Any
) -> None:
    monkeypatch.setattr(ProductTryOn, "publish", lambda *_args: handle)
    render = renders(finished)[0]
    batches.accept(finished, [render.pk])
    assert "JSON" in batches.publish(render)
    assert not Publication.objects.exists()


def test_an_error_in_the_shops_unpublish_keeps_the_render_published(
    finished: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    render = renders(finished)[0]
    batches.accept(finished, [render.pk])
    batches.publish(render)
    monkeypatch.setattr(ProductTryOn, "unpublish", lambda *_args: 1 / 0)
    assert "division by zero" in batches.unpublish(render)
    assert batches.progress(finished).published == 1


def test_a_crash_before_the_publication_is_stored_rolls_the_shops_row_back(
    finished: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between the shop's `publish` and our row. The next try publishes once."""

    class Crash(BaseException):
        pass

    def crash(**_values: Any) -> None:
        raise Crash

    render = renders(finished)[0]
    batches.accept(finished, [render.pk])
    monkeypatch.setattr(Publication.objects, "create", crash)
    with pytest.raises(Crash):
        batches.publish(render)
    assert not ProductPhoto.objects.exists()
    monkeypatch.undo()
    assert batches.publish(render) == ""
    assert ProductPhoto.objects.count() == 1


def test_a_deleted_product_can_be_unpublished_but_not_published(finished: Batch) -> None:
    first, second, _third = renders(finished)
    batches.accept(finished, [first.pk, second.pk])
    batches.publish(first)
    Product.objects.all().delete()
    assert batches.publish(second) == "We couldn't find this product."
    assert batches.unpublish(first) == ""
    assert not Publication.objects.exists()


def test_two_products_that_share_a_render_are_published_separately(runner: BatchRunner) -> None:
    batch = runner.start([make_product(slug, Kind.EYEWEAR) for slug in ("left", "right")])
    runner.run(batch)
    left, right = renders(batch)
    assert left.request_id == right.request_id
    batches.accept(batch, [left.pk, right.pk])
    assert batches.publish(left) == ""
    assert gallery(right) == ""
    assert batches.publish_accepted(batch).published == 1
    assert gallery(left)
    assert gallery(right)
    batches.unpublish(left)
    assert gallery(left) == ""
    assert gallery(right)
    assert TryOnImage.objects.get().published_at is not None


def test_publishing_stops_when_the_time_is_up_and_continues_after_a_position(finished: Batch) -> None:
    batches.accept(finished, [render.pk for render in renders(finished)])
    assert batches.publish_accepted(finished, seconds=0).is_complete is False
    part = batches.publish_accepted(finished, after=0)
    assert (part.published, part.last_position, part.is_complete) == (2, 2, True)


def test_only_rejected_renders_expire(finished: Batch) -> None:
    first, _second, third = renders(finished)
    batches.accept(finished, [first.pk])
    batches.publish(first)
    batches.reject(finished, [third.pk])
    later = timezone.now() + config.RESULT_RETENTION + timedelta(days=1)
    assert privacy.purge(later, seconds=None)["try_ons"] == 1
    assert [render.request.images.count() for render in renders(finished) if render.request] == [1, 1, 0]
    assert batches.accept(finished, [third.pk]) == 0, "its image is deleted"
    finished.delete()
    assert privacy.purge(later, seconds=None)["try_ons"] == 1
    assert gallery(first), "published images stay without their batch"


def test_an_old_draft_is_deleted(runner: BatchRunner) -> None:
    draft = batches.draft(runner.create_products(1), [runner.noa])
    running = runner.start(1)
    later = timezone.now() + config.RESULT_RETENTION + timedelta(days=1)
    privacy.purge(later, seconds=None)
    assert list(Batch.objects.all()) == [running]
    assert draft.pk
