"""Set up a batch in the admin: house models, options, price and start."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from django.urls import reverse

from django_vton import batches
from django_vton.models import Batch, PersonPhoto, TryOnRequest

from .batches import CHANGE, action_url_name, get_batch_status, outdated, start_batch
from .conftest import get_page, post_messages, visible_text

if TYPE_CHECKING:
    from django.test import Client

    from ..batches.runner import BatchRunner
    from ..conftest import Vton


def test_the_price_covers_only_missing_renders(
    merchant: Client, runner: BatchRunner, mia: PersonPhoto
) -> None:
    first, second = runner.create_products(2)
    done = runner.start([first])
    runner.feed()
    assert TryOnRequest.objects.filter(batch=done).count() == 1
    draft = batches.draft([first, second, "shop.product:999"])

    text = visible_text(get_page(merchant, CHANGE, draft.pk))
    assert "Noa" in text
    assert "Mia" in text
    assert "Select at least one house model" in text

    chosen = [str(runner.noa.pk), str(mia.pk)]
    text = " ".join(
        post_messages(merchant, CHANGE, {"house_models": chosen, "name": "Glasses", "do": "save"}, draft.pk)
    )
    assert text == ""
    html = get_page(merchant, CHANGE, draft.pk)
    text = visible_text(html)
    assert "renders 4 already rendered (no charge) 1 price 0.90 USD maximum" in text
    assert "1.20 USD" in text
    assert "1 product cannot be tried on now and costs nothing" in text
    assert "The shop no longer has this product." in text
    assert "Start 4 renders for at most 1.20 USD" in text
    assert get_batch_status(draft) == Batch.Status.DRAFT


def test_only_suitable_house_models_are_offered(
    merchant: Client, runner: BatchRunner, mia: PersonPhoto
) -> None:
    PersonPhoto.objects.filter(pk=mia.pk).update(suits=["garment"])
    draft = batches.draft(runner.create_products(1))
    assert "Mia" not in visible_text(get_page(merchant, CHANGE, draft.pk))


def test_options_are_validated_and_change_the_price(merchant: Client, runner: BatchRunner) -> None:
    draft = batches.draft(runner.create_products(1), [runner.noa])
    noa_ = {"house_models": [str(runner.noa.pk)], "do": "save"}
    post_messages(
        merchant, CHANGE, {**noa_, "glass-v1.num_images": "3", "glass-v1.output_format": "png"}, draft.pk
    )
    draft.refresh_from_db()
    assert draft.options == {"glass-v1": {"num_images": 3, "output_format": "png"}}
    html = get_page(merchant, CHANGE, draft.pk)
    assert "for at most 0.90 USD" in visible_text(html)
    assert 'name="fashn-v1.6' not in html, "no product needs this engine"

    response = merchant.post(reverse(CHANGE, args=[draft.pk]), {**noa_, "glass-v1.num_images": "9"})
    assert "Must be a whole number from 1 to 4." in visible_text(response.content.decode())
    draft.refresh_from_db()
    assert draft.options["glass-v1"]["num_images"] == 3


def test_a_second_click_on_start_changes_nothing(merchant: Client, runner: BatchRunner) -> None:
    draft = batches.draft(runner.create_products(2), [runner.noa], name="Spring")
    assert start_batch(merchant, draft) == ["Started, for at most 0.60 USD."]
    began = Batch.objects.get()
    assert began.status == Batch.Status.RUNNING
    again = {"house_models": [str(runner.noa.pk)], "max_price": "600000", "do": "start", "name": "X"}
    assert post_messages(merchant, CHANGE, again, draft.pk) == [outdated("running")]
    assert Batch.objects.get().confirmed_at == began.confirmed_at
    assert Batch.objects.get().name == "Spring"
    runner.feed()
    assert TryOnRequest.objects.count() == 2


def test_a_changed_selection_must_be_confirmed_before_it_starts(
    merchant: Client, runner: BatchRunner, mia: PersonPhoto
) -> None:
    draft = batches.draft(runner.create_products(1), [runner.noa])
    both = [str(runner.noa.pk), str(mia.pk)]
    expected = "The selection or the price has changed. Please check again, then start."
    assert start_batch(merchant, draft, house_models=both) == [expected]
    assert get_batch_status(draft) == "draft"
    assert start_batch(merchant, draft) == ["Started, for at most 0.60 USD."]


def test_an_increased_price_must_be_confirmed_before_it_starts(
    merchant: Client, runner: BatchRunner, vton: Vton
) -> None:
    draft = batches.draft(runner.create_products(1), [runner.noa])
    get_page(merchant, CHANGE, draft.pk)
    vton(PRICES={"glass-v1": Decimal("0.50")})
    assert len(start_batch(merchant, draft, max_price="300000")) == 1
    assert get_batch_status(draft) == "draft"
    for seen in ("", "-1", "\0", "x", "9" * 5000):
        start_batch(merchant, draft, max_price=seen)
        assert get_batch_status(draft) == "draft", seen
    assert start_batch(merchant, draft) == ["Started, for at most 0.50 USD."]


def test_an_insufficient_budget_is_shown_before_and_after_the_start(
    merchant: Client, runner: BatchRunner, vton: Vton
) -> None:
    vton(DAILY_BUDGET=Decimal("0.45"))
    draft = batches.draft(runner.create_products(2), [runner.noa])
    text = visible_text(get_page(merchant, CHANGE, draft.pk))
    assert "left in the budget: Today 0.45 USD" in text
    assert "left in the budget: This month no cap" in text
    assert "The budget has 0.45 USD left. Renders that do not fit wait" in text
    start_batch(merchant, draft)
    runner.run(draft)
    text = visible_text(get_page(merchant, CHANGE, draft.pk))
    assert "Waiting · 1 of 2" in text
    assert (
        "The next render costs more than the budget has left: 0.15 USD. The batch continues automatically at"
        in text
    )


def test_only_drafts_can_be_discarded(merchant: Client, runner: BatchRunner) -> None:
    draft, running = batches.draft(["shop.product:1"]), runner.start(1)
    assert post_messages(merchant, action_url_name("discard"), {}, draft.pk) == ["The draft was discarded."]
    post_messages(merchant, action_url_name("discard"), {}, running.pk)
    assert list(Batch.objects.all()) == [running]
