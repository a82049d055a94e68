"""What a batch renders, shares and pays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_vton import batches, privacy
from django_vton.batches import feeding
from django_vton.exceptions import Refused
from django_vton.models import Batch, BatchRender, TryOnRequest
from django_vton.worker import claims, dispatcher
from shop.models import Kind, Product

from ..tryons import make_product

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto

    from ..conftest import Vton
    from .runner import BatchRunner

PRICE = 300_000
Status = BatchRender.Status


def test_each_product_is_rendered_on_each_house_model(runner: BatchRunner, mia: PersonPhoto) -> None:
    batch = runner.start(3, runner.noa, mia)
    assert batches.progress(batch).waiting == 6
    done = runner.run(batch)
    assert (done.completed, done.total, done.spent, done.held) == (6, 6, 6 * PRICE, 0)
    assert done.is_finished
    assert done.is_prepared
    assert done.unreviewed == 6
    assert runner.harness.charged() == runner.harness.spent() == 6 * PRICE
    pairs = batch.renders.order_by("position").values_list("product", "photo__name")
    assert [name for _product, name in pairs] == ["Noa", "Mia"] * 3
    assert not claims.has_work()


def test_a_dispatcher_renders_a_whole_batch(runner: BatchRunner) -> None:
    batch = runner.start(2)
    assert claims.has_work()
    dispatcher.drain()
    assert runner.check(batch).completed == 2


def test_starting_a_batch_only_wakes_a_worker(runner: BatchRunner, enqueued: list[str]) -> None:
    batch = runner.start(5)
    assert enqueued == ["django_vton.tasks.dispatch"]
    assert not batch.renders.exists()
    assert not TryOnRequest.objects.exists()


def test_existing_renders_are_shared_and_not_paid_again(runner: BatchRunner, mia: PersonPhoto) -> None:
    products = runner.create_products(3)
    runner.run(runner.start(products[:2]))
    draft = batches.draft(products, [runner.noa, mia])
    preview = batches.preview(draft)
    assert (preview.renders, preview.existing, preview.price) == (6, 2, 4 * PRICE)
    assert preview.max_price == 6 * PRICE
    assert batches.missing(draft.products) == draft.products[2:]
    assert batches.missing(draft.products, [mia]) == draft.products
    assert batches.confirm(draft)
    assert not batches.confirm(draft)
    done = runner.run(draft)
    assert (done.completed, done.shared, done.spent) == (6, 2, 4 * PRICE)
    assert runner.harness.charged() == 6 * PRICE
    assert batches.missing(draft.products, [runner.noa, mia]) == []


def test_a_shoppers_render_on_a_house_model_is_shared_with_the_batch(runner: BatchRunner) -> None:
    products = runner.create_products(1)
    runner.harness.order(product=products[0], photo=None, photo_id=str(runner.noa.pk))
    done = runner.run(runner.start(products))
    assert (done.completed, done.shared, done.spent) == (1, 1, 0)


def test_two_products_with_the_same_image_are_paid_once(runner: BatchRunner) -> None:
    twins = [make_product(slug, Kind.EYEWEAR) for slug in ("left", "right")]
    done = runner.run(runner.start(twins))
    assert (done.completed, done.spent) == (2, PRICE)


def test_the_estimate_counts_products_with_the_same_image_file_once(
    runner: BatchRunner, mia: PersonPhoto
) -> None:
    one, two, other = runner.create_products(3)
    Product.objects.filter(pk=two.pk).update(photo=one.photo.name)
    draft = batches.draft([one, two, other], [runner.noa, mia])

    preview = batches.preview(draft)
    assert (preview.renders, preview.shared, preview.existing) == (6, 2, 0)
    assert (preview.price, preview.max_price) == (4 * PRICE, 4 * PRICE)

    batches.confirm(draft)
    assert runner.run(draft).spent == 4 * PRICE
    again = batches.preview(draft)
    assert (again.shared, again.existing, again.price, again.max_price) == (2, 4, 0, 4 * PRICE)


def test_a_house_model_for_garments_is_not_used_for_glasses(runner: BatchRunner, mia: PersonPhoto) -> None:
    mia.suits = ["garment"]
    mia.save()
    products = runner.create_products(2)
    draft = batches.draft(products, [runner.noa, mia])
    assert batches.preview(draft).renders == 2
    batches.confirm(draft)
    done = runner.run(draft)
    assert (done.total, done.completed, done.refused) == (2, 2, 0)


def test_deleting_a_house_model_cancels_only_its_renders(runner: BatchRunner, mia: PersonPhoto) -> None:
    batch = runner.start(10, runner.noa, mia)
    runner.feed()
    privacy.delete_photo(mia)
    done = runner.run(batch)
    assert done.completed == 10
    assert done.canceled + done.refused == 10
    assert done.spent == runner.harness.charged() == 10 * PRICE


def test_a_house_model_deleted_before_the_rows_exist_gets_none(runner: BatchRunner, mia: PersonPhoto) -> None:
    batch = runner.start(2, runner.noa, mia)
    privacy.delete_photo(mia)
    done = runner.run(batch)
    assert (done.total, done.completed) == (2, 2)


def test_options_apply_to_their_engine_only(runner: BatchRunner, vton: Vton) -> None:
    with pytest.raises(Refused, match="options_invalid"):
        runner.start(1, options={"fashn-v1.6": {"num_samples": 99}})
    with pytest.raises(Refused, match="options_invalid"):
        runner.start(1, options={"none": {}})
    assert not Batch.objects.exists()
    vton(PUBLIC_BASE_URL="http://127.0.0.1:9")
    shirt = make_product("tee", Kind.TOP)
    batch = runner.start([*runner.create_products(1), shirt], options={"fashn-v1.6": {"num_samples": 2}})
    runner.feed()
    assert list(TryOnRequest.objects.order_by("engine").values_list("options__num_samples", flat=True)) == [
        2,
        None,
    ]
    assert batches.progress(batch).held == 2 * 75_000 + PRICE


def test_a_batch_without_products_or_house_models_is_refused(runner: BatchRunner) -> None:
    for products, models in (([], [runner.noa]), (runner.create_products(1), [])):
        with pytest.raises(Refused, match="request_invalid"):
            batches.start(products, models)
    assert not Batch.objects.exists()


def test_rows_are_created_in_chunks_and_counted_in_four_queries(
    runner: BatchRunner, django_assert_num_queries: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "CHUNK_SIZE", 4)
    batch = runner.start(10)
    assert feeding.step()
    assert (batch.renders.count(), batches.progress(batch).waiting) == (4, 10)
    assert not batches.progress(batch).is_prepared
    assert feeding.step()
    assert feeding.step()
    assert batch.renders.count() == batches.progress(batch).total == 10
    assert batches.progress(batch).is_prepared
    with django_assert_num_queries(4):  # type: ignore[operator]
        batches.progress(batch)
