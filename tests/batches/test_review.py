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

from ..doors import content, make_product, ref
from ..people import at_once

if TYPE_CHECKING:
    from django.core.files import File

    from .shelf import Shelf


@pytest.fixture
def made(shelf: Shelf) -> Batch:
    """Three renders to look at."""
    batch = shelf.start(3)
    shelf.run(batch)
    return batch


def renders(batch: Batch) -> list[BatchRender]:
    return list(batch.renders.order_by("position"))


def gallery(render: BatchRender) -> str:
    product = Product.objects.get(pk=render.product.rpartition(":")[2])
    return Template("{% load vton %}{% tryon_gallery product %}").render(Context({"product": product}))


def test_a_word_on_each_and_its_undoing(made: Batch) -> None:
    first, second, third = (render.pk for render in renders(made))
    user = User.objects.create(username="merchant")
    assert batches.accept(made, [first, second], user=user) == 2
    assert batches.accept(made, [first]) == 0
    assert batches.reject(made, [third]) == 1
    now = batches.progress(made)
    assert (now.accepted, now.rejected, now.unreviewed) == (2, 1, 0)
    assert renders(made)[0].reviewed_by == user
    assert batches.undo(made, [second]) == 1
    assert batches.progress(made).unreviewed == 1


def test_only_pictures_of_this_batch_are_reviewed(made: Batch, shelf: Shelf) -> None:
    other = shelf.start(1)
    shelf.feed()
    assert batches.accept(made, other.renders.values_list("pk", flat=True)) == 0
    assert batches.accept(other, other.renders.values_list("pk", flat=True)) == 0


def test_accepted_renders_go_into_the_shop_and_come_out_again(made: Batch) -> None:
    first, second, _third = renders(made)
    batches.accept(made, [first.pk])
    outcome = batches.publish_accepted(made)
    assert (outcome.done, outcome.problems, outcome.is_all) == (1, [], True)
    photo = ProductPhoto.objects.get()
    assert photo.product.pk == int(first.product.rpartition(":")[2])
    image = TryOnImage.objects.get(request=first.request_id)
    with photo.image.open("rb") as there, image.file.open("rb") as ours:
        assert there.read() == ours.read()
    assert Publication.objects.get().handle == str(photo.pk)
    assert f"/try-on/images/{image.pk}/" in gallery(first)
    assert gallery(second) == ""
    assert content(Client().get(f"/try-on/images/{image.pk}/"))
    assert batches.progress(made).published == 1

    assert batches.publish_accepted(made).done == 0
    assert batches.publish(first) == ""
    assert ProductPhoto.objects.count() == 1
    assert batches.reject(made, [first.pk]) == 0, "what is published is taken back first"

    assert batches.unpublish(first) == ""
    assert batches.unpublish(first) == ""
    assert not ProductPhoto.objects.exists()
    assert gallery(first) == ""
    assert Client().get(f"/try-on/images/{image.pk}/").status_code == 404
    assert batches.reject(made, [first.pk]) == 1
    assert batches.publish(first)
    assert not ProductPhoto.objects.exists()


def test_two_clicks_publish_once(made: Batch) -> None:
    render = renders(made)[0]
    batches.accept(made, [render.pk])
    copies = [BatchRender.objects.get(pk=render.pk) for _each in range(2)]
    assert at_once(*[lambda copy=copy: batches.publish(copy) for copy in copies]) == ["", ""]
    assert ProductPhoto.objects.count() == 1


def test_the_shops_own_error_is_told_and_changes_nothing(
    made: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches.accept(made, [render.pk for render in renders(made)])
    bad = renders(made)[1].product
    whole = ProductTryOn.publish

    def publish(self: ProductTryOn, product: Product, image: File[bytes]) -> str:
        handle = whole(self, product, image)
        if ref(product) == bad:
            raise ValueError("no room in the gallery")
        return handle

    monkeypatch.setattr(ProductTryOn, "publish", publish)
    outcome = batches.publish_accepted(made)
    assert (outcome.done, [render.product for render in outcome.problems]) == (2, [bad])
    told = renders(made)[1]
    assert "no room in the gallery" in told.problem
    assert told.review == BatchRender.Review.ACCEPTED
    assert ProductPhoto.objects.count() == 2, "what it wrote before it failed is taken back"
    monkeypatch.undo()
    assert batches.publish_accepted(made).done == 1
    assert renders(made)[1].problem == ""


@pytest.mark.parametrize("handle", [object(), {1, 2}])
def test_a_handle_that_cannot_be_kept_is_told(
    made: Batch, monkeypatch: pytest.MonkeyPatch, handle: Any
) -> None:
    monkeypatch.setattr(ProductTryOn, "publish", lambda *_args: handle)
    render = renders(made)[0]
    batches.accept(made, [render.pk])
    assert "JSON" in batches.publish(render)
    assert not Publication.objects.exists()


def test_an_error_of_unpublish_leaves_it_published(made: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    render = renders(made)[0]
    batches.accept(made, [render.pk])
    batches.publish(render)
    monkeypatch.setattr(ProductTryOn, "unpublish", lambda *_args: 1 / 0)
    assert "division by zero" in batches.unpublish(render)
    assert batches.progress(made).published == 1


def test_a_crash_before_the_note_leaves_neither(made: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dead between the shop's publish() and the handle: the shop's row is gone with ours, and comes once."""

    class Dead(BaseException):
        pass

    def die(**_values: Any) -> None:
        raise Dead

    render = renders(made)[0]
    batches.accept(made, [render.pk])
    monkeypatch.setattr(Publication.objects, "create", die)
    with pytest.raises(Dead):
        batches.publish(render)
    assert not ProductPhoto.objects.exists()
    monkeypatch.undo()
    assert batches.publish(render) == ""
    assert ProductPhoto.objects.count() == 1


def test_a_product_that_is_gone(made: Batch) -> None:
    first, second, _third = renders(made)
    batches.accept(made, [first.pk, second.pk])
    batches.publish(first)
    Product.objects.all().delete()
    assert batches.publish(second) == "We couldn't find this product."
    assert batches.unpublish(first) == ""
    assert not Publication.objects.exists()


def test_products_with_the_same_picture_are_published_each(shelf: Shelf) -> None:
    batch = shelf.start([make_product(slug, Kind.EYEWEAR) for slug in ("left", "right")])
    shelf.run(batch)
    left, right = renders(batch)
    assert left.request_id == right.request_id
    batches.accept(batch, [left.pk, right.pk])
    assert batches.publish(left) == ""
    assert gallery(right) == ""
    assert batches.publish_accepted(batch).done == 1
    assert gallery(left)
    assert gallery(right)
    batches.unpublish(left)
    assert gallery(left) == ""
    assert gallery(right)
    assert TryOnImage.objects.get().published_at is not None


def test_a_long_list_is_published_in_parts(made: Batch) -> None:
    batches.accept(made, [render.pk for render in renders(made)])
    assert batches.publish_accepted(made, seconds=0).is_all is False
    part = batches.publish_accepted(made, after=0)
    assert (part.done, part.last, part.is_all) == (2, 2, True)


def test_what_is_published_or_not_refused_does_not_expire(made: Batch) -> None:
    first, _second, third = renders(made)
    batches.accept(made, [first.pk])
    batches.publish(first)
    batches.reject(made, [third.pk])
    later = timezone.now() + config.RESULT_RETENTION + timedelta(days=1)
    assert privacy.purge(later, seconds=None)["try_ons"] == 1
    assert [render.request.images.count() for render in renders(made) if render.request] == [1, 1, 0]
    assert batches.accept(made, [third.pk]) == 0, "its picture is gone"
    made.delete()
    assert privacy.purge(later, seconds=None)["try_ons"] == 1
    assert gallery(first), "published is published"


def test_a_draft_that_nobody_starts_goes(shelf: Shelf) -> None:
    draft = batches.draft(shelf.products(1), [shelf.noa])
    running = shelf.start(1)
    later = timezone.now() + config.RESULT_RETENTION + timedelta(days=1)
    privacy.purge(later, seconds=None)
    assert list(Batch.objects.all()) == [running]
    assert draft.pk
