"""Buttons of pages that were loaded before a batch changed: each click is answered in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from django_vton import batches
from django_vton.models import Batch

from .batches import CHANGE, LIST, REVIEW, action_url_name, get_batch_status, outdated
from .conftest import get_page, post_messages, visible_text

if TYPE_CHECKING:
    from django.test import Client

    from ..batches.runner import BatchRunner

DISCARDED = "This batch does not exist any more. It was discarded."


@pytest.mark.parametrize("name", ["pause", "cancel", "resume", "retry", "discard"])
def test_a_finished_batch_answers_each_button_of_an_old_page(
    merchant: Client, runner: BatchRunner, name: str
) -> None:
    batch = runner.start(1)
    assert "Cancel the remaining renders" in visible_text(get_page(merchant, CHANGE, batch.pk))
    runner.run(batch)
    assert "Cancel the remaining renders" not in visible_text(get_page(merchant, CHANGE, batch.pk))

    assert post_messages(merchant, action_url_name(name), {"max_price": "300000"}, batch.pk) == [
        outdated("finished")
    ]

    assert get_batch_status(batch) == "running"
    if name in {"cancel", "retry"}:
        response = merchant.get(reverse(action_url_name(name), args=[batch.pk]), follow=True)
        assert [str(message) for message in response.context["messages"]] == [outdated("finished")]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("change", {"do": "start"}),
        ("change", {"do": "save"}),
        ("discard", {}),
        ("products", {"do": "add_all"}),
        ("products", {"do": "remove", "product": "shop.product:1"}),
    ],
)
def test_the_pages_of_a_draft_say_that_it_was_started(
    merchant: Client, runner: BatchRunner, name: str, data: dict[str, str]
) -> None:
    batch = runner.start(1)
    before = Batch.objects.values().get()

    assert post_messages(merchant, action_url_name(name), data, batch.pk) == [outdated("running")]
    assert Batch.objects.values().get() == before


@pytest.mark.parametrize(
    "name", ["change", "products", "discard", "pause", "resume", "cancel", "retry", "review", "publish"]
)
def test_a_discarded_batch_answers_each_button_in_the_list(
    merchant: Client, runner: BatchRunner, name: str
) -> None:
    draft = batches.draft(runner.create_products(1), [runner.noa])
    draft_pk = draft.pk
    draft.delete()

    response = merchant.post(reverse(action_url_name(name), args=[draft_pk]), follow=True)

    assert response.redirect_chain == [(reverse(LIST), 302)]
    assert [str(message) for message in response.context["messages"]] == [DISCARDED]


def test_a_render_that_lost_its_images_answers_a_decision(merchant: Client, runner: BatchRunner) -> None:
    runner.harness.gateway.scenario(outcome="FAILED", times=1)
    batch = runner.start(1)
    runner.run(batch)
    render = batch.renders.get()

    for do in ("accept", "reject-pose", "undo", "publish", "unpublish"):
        messages = post_messages(merchant, REVIEW, {"do": f"{do}:{render.pk}"}, batch.pk)
        assert messages == ["Nothing was changed: this render has no images any more."]
