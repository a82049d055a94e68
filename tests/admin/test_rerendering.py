"""Render the rejected renders of a batch again: other pictures, for the price that was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from django_vton import batches
from django_vton.models import Attempt, Batch, PersonPhoto, TryOnRequest
from django_vton.models.states import State
from django_vton.pixazo import Glass, Option

from .batches import CHANGE, PRODUCTS, REVIEW, action_url_name, outdated, start_batch
from .conftest import Staff, get_page, get_status, post_messages, visible_text

if TYPE_CHECKING:
    from django.test import Client

    from django_vton.models import BatchRender

    from ..batches.runner import BatchRunner
    from ..conftest import Vton

RERENDER = action_url_name("rerender")


@pytest.fixture
def batch(runner: BatchRunner, mia: PersonPhoto) -> Batch:
    """Two glasses on two house models."""
    batch = runner.start(2, runner.noa, mia, name="Spring")
    runner.run(batch)
    return batch


def renders(batch: Batch) -> list[BatchRender]:
    return list(batch.renders.order_by("position").select_related("request"))


def reject(client: Client, batch: Batch, *rows: BatchRender) -> None:
    for render in rows:
        assert post_messages(client, REVIEW, {"do": f"reject-pose:{render.pk}"}, batch.pk) == []


def create_draft(client: Client, batch: Batch) -> Batch:
    response = client.post(reverse(RERENDER, args=[batch.pk]))
    draft = Batch.objects.latest("pk")
    assert response["Location"] == reverse(CHANGE, args=[draft.pk])
    return draft


def request_of(render: BatchRender) -> TryOnRequest:
    return TryOnRequest.objects.get(batch_renders=render)


def picture(render: BatchRender) -> bytes:
    (image,) = request_of(render).shown_images
    with image.file.open("rb") as file:
        data: bytes = file.read()
    return data


def test_the_rejected_renders_are_rendered_again_for_the_price_that_was_shown(
    merchant: Client, runner: BatchRunner, batch: Batch
) -> None:
    one, _two, _three, four = renders(batch)
    reject(merchant, batch, one, four)
    assert "Re-render the rejected (2)…" in visible_text(get_page(merchant, CHANGE, batch.pk))

    draft = create_draft(merchant, batch)
    text = visible_text(get_page(merchant, CHANGE, draft.pk))
    assert "2 rejected renders · Spring" in text
    assert "Start 2 renders for at most 0.60 USD" in text
    assert "0 price 0.60 USD" in text, "none exists"
    assert not runner.harness.gateway.ledger.entries[4:], "a draft costs nothing"
    assert start_batch(merchant, draft) == ["Started, for at most 0.60 USD."]
    now = runner.run(draft)

    assert (now.completed, now.shared, now.spent) == (2, 0, 600_000)
    again = renders(draft)
    assert [(it.product, it.photo, it.review) for it in again] == [
        (it.product, it.photo, "") for it in (one, four)
    ]
    for old, new in zip((one, four), again, strict=True):
        assert old.request != new.request
        assert picture(old) != picture(new)
    text = visible_text(get_page(merchant, CHANGE, draft.pk))
    assert "Renders again what was rejected in: Spring" in text
    text = visible_text(get_page(merchant, CHANGE, batch.pk))
    assert "Rejected renders are rendered again in: Spring: rejected renders (running)" in text
    assert "Re-render the rejected" not in text
    assert post_messages(merchant, RERENDER, {}, batch.pk) == [outdated("finished")]


def test_another_option_is_paid_at_its_own_price(merchant: Client, runner: BatchRunner, batch: Batch) -> None:
    reject(merchant, batch, renders(batch)[0])
    draft = create_draft(merchant, batch)
    chosen = {"glass-v1.num_images": "2"}
    expected = "The selection or the price has changed. Please check again, then start."
    assert start_batch(merchant, draft, **chosen) == [expected]
    assert "Start 1 render for at most 0.60 USD" in visible_text(get_page(merchant, CHANGE, draft.pk))
    assert start_batch(merchant, draft, **chosen) == ["Started, for at most 0.60 USD."]
    assert runner.run(draft).spent == 600_000
    (render,) = renders(draft)
    assert request_of(render).options["num_images"] == 2


def test_a_rejected_picture_is_given_to_nobody_again(runner: BatchRunner, batch: Batch) -> None:
    one, two, *_others = renders(batch)
    batches.reject(batch, [one.pk], reason="artefact")
    other = batches.draft([one.product], [runner.noa])
    assert batches.preview(other).price == 300_000
    batches.confirm(other)
    assert runner.run(other).spent == 300_000
    (new,) = renders(other)
    assert new.request not in {one.request, two.request}

    # The earlier one is accepted after all. By now, the new one is shared.
    batches.accept(batch, [one.pk])
    third = batches.start([one.product], [runner.noa])
    assert runner.run(third).spent == 0
    assert renders(third)[0].request == new.request


def test_a_withdrawn_rejection_shares_the_picture_again(runner: BatchRunner, batch: Batch) -> None:
    one = renders(batch)[0]
    for withdraw in (batches.undo, batches.accept):
        batches.reject(batch, [one.pk])
        assert request_of(one).shared_key is None
        withdraw(batch, [one.pk])
    again = batches.start([one.product], [runner.noa])
    assert runner.run(again).spent == 0
    assert renders(again)[0].request == one.request

    # As long as another batch rejects it, it is not shared.
    batches.reject(again, [renders(again)[0].pk])
    batches.undo(batch, [one.pk])
    assert request_of(one).shared_key is None


def test_a_rejection_alone_does_not_make_a_product_miss_a_render(runner: BatchRunner, batch: Batch) -> None:
    refs = [render.product for render in renders(batch)]
    batches.reject(batch, [render.pk for render in renders(batch)])
    assert batches.missing(refs) == []
    assert batches.missing(refs, [runner.noa]) == []
    assert batches.missing(refs, [runner.noa], options={"glass-v1": {"num_images": 2}}) == refs


def test_a_second_click_shows_the_same_draft_and_a_discarded_one_is_created_again(
    merchant: Client, batch: Batch
) -> None:
    reject(merchant, batch, renders(batch)[0])
    draft = create_draft(merchant, batch)
    assert create_draft(merchant, batch) == draft
    assert merchant.get(reverse(PRODUCTS, args=[draft.pk]))["Location"] == reverse(CHANGE, args=[draft.pk])
    post_messages(merchant, action_url_name("discard"), {}, draft.pk)
    assert create_draft(merchant, batch) != draft
    assert Batch.objects.count() == 2


def test_renders_on_an_inactive_house_model_are_left_out(
    merchant: Client, runner: BatchRunner, batch: Batch
) -> None:
    reject(merchant, batch, *renders(batch))
    PersonPhoto.objects.filter(pk=runner.noa.pk).update(is_active=False)
    draft = create_draft(merchant, batch)
    assert {render.photo for render in renders(draft)} == set(PersonPhoto.objects.active_house_models())
    assert "Start 2 renders" in visible_text(get_page(merchant, CHANGE, draft.pk))


def test_a_picture_rejected_twice_is_rendered_a_third_time(
    merchant: Client, runner: BatchRunner, batch: Batch
) -> None:
    reject(merchant, batch, renders(batch)[0])
    second = create_draft(merchant, batch)
    start_batch(merchant, second)
    runner.run(second)
    reject(merchant, second, renders(second)[0])
    third = create_draft(merchant, second)
    start_batch(merchant, third)
    assert runner.run(third).spent == 300_000
    assert Attempt.objects.count() == 6
    assert TryOnRequest.objects.filter(state=State.COMPLETED).count() == 6


def test_an_engine_with_a_seed_gets_another_one(batch: Batch, vton: Vton) -> None:
    seed = Option(name="seed", kind="integer", label="Seed", minimum=1, maximum=10**9)

    class GlassWithSeed(Glass):
        options = (*Glass.options, seed)  # type: ignore[assignment]  # one option more

    vton(ENGINES={"glass-v1": GlassWithSeed})
    batches.reject(batch, [renders(batch)[0].pk])
    seeds = []
    for _ in range(2):
        draft = batches.rerender(batch, options={"glass-v1": {"num_images": 2}})
        assert draft is not None
        assert draft.options["glass-v1"]["num_images"] == 2
        seeds.append(draft.options["glass-v1"]["seed"])
        draft.delete()
    assert seeds[0] != seeds[1]


def test_staff_see_a_rejected_picture_after_its_house_model_was_deleted(
    staff: Staff, runner: BatchRunner, batch: Batch
) -> None:
    one = renders(batch)[0]
    batches.reject(batch, [one.pk])
    runner.noa.delete()
    (image,) = request_of(one).shown_images
    assert get_status(staff("change_batch"), reverse("vton:image", args=[image.pk])) == 200


def test_rendering_again_needs_the_permission_to_spend(staff: Staff, batch: Batch) -> None:
    reviewer = staff("change_batch")
    reject(reviewer, batch, renders(batch)[0])
    assert "Re-render the rejected" not in get_page(reviewer, CHANGE, batch.pk)
    assert reviewer.post(reverse(RERENDER, args=[batch.pk])).status_code == 403
    assert reviewer.get(reverse(RERENDER, args=[batch.pk])).status_code == 405
    assert Batch.objects.count() == 1
