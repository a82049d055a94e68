"""The contact sheet: a word on each render, and into the shop and out again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_vton.admin.batches import review
from django_vton.models import Batch, BatchRender, Publication, TryOnRequest
from django_vton.models.states import State
from shop.models import ProductPhoto
from shop.tryon import ProductTryOn

from ..doors import make_product, ref
from . import rows
from .conftest import Staff, page, text, told

if TYPE_CHECKING:
    from django.test import Client

    from tests.people import Files

REVIEW, PUBLISH = "admin:vton_batch_review", "admin:vton_batch_publish"


@pytest.fixture
def reviewer(staff: Staff) -> Client:
    """Somebody who may not spend."""
    return staff("change_batch")


@pytest.fixture
def batch(db: None, files: Files) -> Batch:  # noqa: ARG001 - the fixtures open the database, and store files
    return finished(3)


def finished(number: int) -> Batch:
    """A batch whose renders are all there."""
    noa = rows.house_model()
    batch = Batch.objects.create(status="running", total=number, written=number)
    for position in range(number):
        product = make_product(f"product-{batch.pk}-{position}", "top")
        made = rows.complete(
            rows.tryon(None, photo=noa, shared_key=f"{batch.pk}-{position}", product=ref(product))
        )
        title, names = product.name, {"status": "asked", "request": made, "photo": noa}
        BatchRender.objects.create(
            batch=batch, position=position, product=ref(product), product_title=title, **names
        )
    return batch


def first(batch: Batch) -> BatchRender:
    return batch.renders.order_by("position")[0]


def say(client: Client, batch: Batch, do: str) -> list[str]:
    return told(client, REVIEW, {"do": do}, batch.pk)


def test_a_word_by_button_and_its_undoing(reviewer: Client, batch: Batch) -> None:
    render = first(batch)
    for do, expected in (("accept", "accepted"), ("reject", "rejected"), ("undo", "")):
        assert say(reviewer, batch, f"{do}:{render.pk}") == []
        render.refresh_from_db()
        assert render.review == expected
    assert str(render.reviewed_by) == "vera"


def test_a_button_leads_back_to_its_picture(reviewer: Client, batch: Batch) -> None:
    address = f"{reverse(REVIEW, args=[batch.pk])}?show=unreviewed&page=1"
    response = reviewer.post(address, {"do": f"accept:{first(batch).pk}"})
    assert response["Location"] == f"{address}#render-{first(batch).pk}"


def test_the_script_gets_the_card_and_the_counts(reviewer: Client, batch: Batch) -> None:
    data = {"do": f"accept:{first(batch).pk}"}
    answer = reviewer.post(
        reverse(REVIEW, args=[batch.pk]), data, headers={"accept": "application/json"}
    ).json()
    assert f'id="render-{first(batch).pk}"' in answer["card"]
    assert "vton-is-accepted" in answer["card"]
    assert "Publish 1 accepted render" in answer["publish"]
    assert answer["problem"] == ""
    assert answer["counts"] == {"unreviewed": 2, "accepted": 1, "rejected": 0, "published": 0, "failed": 0}


@pytest.mark.parametrize("do", ["", "accept", "accept:", "accept:x", "accept:999999", "burn:1", "accept:²"])
def test_nonsense_changes_nothing(reviewer: Client, batch: Batch, do: str) -> None:
    do = do.replace("burn:1", f"burn:{first(batch).pk}")
    assert len(say(reviewer, batch, do)) == 1
    assert not BatchRender.objects.exclude(review="").exists()


def test_another_batchs_render_is_not_reviewed_here(reviewer: Client, batch: Batch) -> None:
    other = finished(1)
    say(reviewer, batch, f"accept:{first(other).pk}")
    assert first(other).review == ""
    other.renders.update(review="accepted")
    words = say(reviewer, batch, f"publish:{first(other).pk}")
    assert words == ["There is no such render in this batch."]
    assert not ProductPhoto.objects.exists()


def test_the_filters(reviewer: Client, batch: Batch) -> None:
    one, two, three = batch.renders.order_by("position")
    say(reviewer, batch, f"accept:{one.pk}")
    say(reviewer, batch, f"reject:{two.pk}")
    failed = BatchRender.objects.create(
        batch=batch, position=3, product="shop.product:7", status="refused", problem="No picture."
    )
    lost = rows.put(rows.tryon(None, photo=one.photo, shared_key="x"), State.FAILED, "vendor")
    asked = BatchRender.objects.create(batch=batch, position=4, product="y", status="asked", request=lost)

    def found(show: str) -> list[int]:
        html = page(reviewer, REVIEW, batch.pk, show=show)
        return [it.pk for it in batch.renders.order_by("position") if f'id="render-{it.pk}"' in html]

    assert found("unreviewed") == found("") == found("nonsense") == [three.pk]
    assert found("accepted") == [one.pk]
    assert found("rejected") == [two.pk]
    assert found("published") == []
    assert found("failed") == [failed.pk, asked.pk]
    read = text(page(reviewer, REVIEW, batch.pk, show="failed"))
    assert "No picture." in read
    assert "problem at the vendor" in read
    assert "Accept" not in read.partition("Failed 2")[2]


def test_accepted_ones_go_into_the_shop_and_come_out(reviewer: Client, batch: Batch) -> None:
    one, two, _three = batch.renders.order_by("position")
    for render in (one, two):
        say(reviewer, batch, f"accept:{render.pk}")
    assert "Publish 2 accepted renders" in text(page(reviewer, REVIEW, batch.pk))
    assert told(reviewer, PUBLISH, {}, batch.pk) == ["2 renders were published."]
    assert ProductPhoto.objects.count() == 2
    assert told(reviewer, PUBLISH, {}, batch.pk) == []
    html = page(reviewer, REVIEW, batch.pk, show="published")
    assert "Take out of the shop" in html
    assert "data-vton-key" not in html, "what is published keeps its word"
    say(reviewer, batch, f"reject:{one.pk}")
    assert first(batch).review == "accepted"
    say(reviewer, batch, f"unpublish:{one.pk}")
    assert ProductPhoto.objects.count() == 1
    say(reviewer, batch, f"publish:{one.pk}")
    assert Publication.objects.count() == 2


def test_publishing_goes_on_in_steps(reviewer: Client, batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    batch.renders.update(review="accepted")
    monkeypatch.setattr(review, "STEP", 0.0)
    response = reviewer.post(reverse(PUBLISH, args=[batch.pk]))
    assert "0 of 3 are in the shop." in text(response.content.decode())
    assert "data-vton-go-on" in response.content.decode()
    monkeypatch.setattr(review, "STEP", 60.0)
    assert told(reviewer, PUBLISH, {"after": "0"}, batch.pk) == ["2 renders were published."]
    assert told(reviewer, PUBLISH, {"after": "x"}, batch.pk) == ["1 render was published."]


def test_a_problem_is_told_at_its_picture(
    reviewer: Client, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch.renders.update(review="accepted")

    def full(*_args: Any) -> None:
        raise ValueError("the gallery is full")

    monkeypatch.setattr(ProductTryOn, "publish", full)
    assert told(reviewer, PUBLISH, {}, batch.pk) == ["3 renders could not be published: each says why."]
    assert text(page(reviewer, REVIEW, batch.pk, show="accepted")).count("the gallery is full") == 3
    assert "the gallery is full" in say(reviewer, batch, f"publish:{first(batch).pk}")[0]


def test_it_is_paged_in_as_many_queries(reviewer: Client, files: Files) -> None:
    counts = []
    for number in (2, 30):
        batch = finished(number)
        with CaptureQueriesContext(connection) as captured:
            html = page(reviewer, REVIEW, batch.pk)
        counts.append(len(captured))
    assert html.count('class="vton-card') == 24
    assert page(reviewer, REVIEW, batch.pk, page="2").count('class="vton-card') == 6
    assert counts[0] == counts[1]
    assert html.count('loading="lazy"') == 48
    assert files.names()


def test_pictures_have_words_and_keys_are_told(reviewer: Client, batch: Batch) -> None:
    html = page(reviewer, REVIEW, batch.pk)
    assert 'alt="House model Noa"' in html
    assert f'alt="Try-on of {first(batch).product_title}"' in html
    assert "Keys on a picture: J next K previous A accept R reject U undo" in text(html)


def test_a_viewer_reviews_and_publishes_nothing(viewer: Client, batch: Batch) -> None:
    batch.renders.update(review="accepted")
    html = page(viewer, REVIEW, batch.pk, show="accepted")
    assert "data-vton-sheet" not in html
    assert "<button" not in html.partition('id="content-main"')[2].partition("</main>")[0]
    assert viewer.post(reverse(PUBLISH, args=[batch.pk])).status_code == 403
    assert viewer.post(reverse(REVIEW, args=[batch.pk]), {"do": "undo:1"}).status_code == 403
    assert not ProductPhoto.objects.exists()
    assert TryOnRequest.objects.exists()
