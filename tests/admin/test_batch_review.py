"""The review page: decisions on renders, publishing and unpublishing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_vton.admin.batches import review
from django_vton.models import Batch, BatchRender, Publication, TryOnImage, TryOnRequest
from django_vton.models.states import State
from shop.models import Product, ProductPhoto
from shop.tryon import ProductTryOn

from ..tryons import make_product, product_ref
from . import factories
from .conftest import Staff, get_page, post_messages, visible_text

if TYPE_CHECKING:
    from django.test import Client

    from tests.intake_helpers import StoredFiles

REVIEW, PUBLISH = "admin:vton_batch_review", "admin:vton_batch_publish"


@pytest.fixture
def reviewer(staff: Staff) -> Client:
    """Log in a user who may review but not spend."""
    return staff("change_batch")


@pytest.fixture
def batch(db: None, files: StoredFiles) -> Batch:  # noqa: ARG001 - the fixtures open the database, and store files
    return create_finished_batch(3)


def create_finished_batch(number: int) -> Batch:
    """Create a batch of completed renders."""
    noa = factories.create_house_model()
    batch = Batch.objects.create(status="running", total=number, next_position=number)
    for position in range(number):
        product = make_product(f"product-{batch.pk}-{position}", "top")
        made = factories.complete_tryon(
            factories.create_tryon(
                None, photo=noa, shared_key=f"{batch.pk}-{position}", product=product_ref(product)
            )
        )
        title, names = product.name, {"status": "requested", "request": made, "photo": noa}
        BatchRender.objects.create(
            batch=batch, position=position, product=product_ref(product), product_title=title, **names
        )
    return batch


def first(batch: Batch) -> BatchRender:
    return batch.renders.order_by("position")[0]


def post_decision(client: Client, batch: Batch, do: str) -> list[str]:
    return post_messages(client, REVIEW, {"do": do}, batch.pk)


def test_buttons_accept_reject_and_undo(reviewer: Client, batch: Batch) -> None:
    render = first(batch)
    for do, expected, reason in (
        ("accept", "accepted", ""),
        ("reject-pose", "rejected", "pose"),
        ("reject-artefact", "rejected", "artefact"),
        ("undo", "", ""),
    ):
        assert post_decision(reviewer, batch, f"{do}:{render.pk}") == []
        render.refresh_from_db()
        assert (render.review, render.rejection_reason) == (expected, reason)
    assert str(render.reviewed_by) == "vera"


def test_a_button_redirects_back_to_its_render(reviewer: Client, batch: Batch) -> None:
    url = f"{reverse(REVIEW, args=[batch.pk])}?show=unreviewed&page=1"
    response = reviewer.post(url, {"do": f"accept:{first(batch).pk}"})
    assert response["Location"] == f"{url}#render-{first(batch).pk}"


def test_a_decision_by_the_script_returns_the_updated_card_and_counts(reviewer: Client, batch: Batch) -> None:
    data = {"do": f"accept:{first(batch).pk}"}
    response = reviewer.post(
        reverse(REVIEW, args=[batch.pk]), data, headers={"accept": "application/json"}
    ).json()
    assert f'id="render-{first(batch).pk}"' in response["card"]
    assert "vton-is-accepted" in response["card"]
    assert "Publish 1 accepted render" in response["publish"]
    assert response["problem"] == ""
    assert response["counts"] == {
        "unreviewed": 2,
        "accepted": 1,
        "rejected": 0,
        "published": 0,
        "outdated": 0,
        "failed": 0,
    }


@pytest.mark.parametrize(
    "do", ["", "accept", "accept:", "accept:x", "accept:999999", "reject-size:1", "accept:²"]
)
def test_an_invalid_decision_changes_nothing(reviewer: Client, batch: Batch, do: str) -> None:
    do = do.replace("size:1", f"size:{first(batch).pk}")
    assert len(post_decision(reviewer, batch, do)) == 1
    assert not BatchRender.objects.exclude(review="").exists()


def test_a_render_of_another_batch_is_not_found(reviewer: Client, batch: Batch) -> None:
    other = create_finished_batch(1)
    post_decision(reviewer, batch, f"accept:{first(other).pk}")
    assert first(other).review == ""
    other.renders.update(review="accepted")
    expected = post_decision(reviewer, batch, f"publish:{first(other).pk}")
    assert expected == ["There is no such render in this batch."]
    assert not ProductPhoto.objects.exists()


def test_each_tab_shows_its_renders(reviewer: Client, batch: Batch) -> None:
    one, two, three = batch.renders.order_by("position")
    post_decision(reviewer, batch, f"accept:{one.pk}")
    post_decision(reviewer, batch, f"reject-other:{two.pk}")
    failed = BatchRender.objects.create(
        batch=batch, position=3, product="shop.product:7", status="refused", problem="No picture."
    )
    lost = factories.set_state(
        factories.create_tryon(None, photo=one.photo, shared_key="x"), State.FAILED, "vendor"
    )
    failed_request = BatchRender.objects.create(
        batch=batch, position=4, product="y", status="requested", request=lost
    )

    def found(show: str) -> list[int]:
        html = get_page(reviewer, REVIEW, batch.pk, show=show)
        return [it.pk for it in batch.renders.order_by("position") if f'id="render-{it.pk}"' in html]

    assert found("unreviewed") == found("") == found("nonsense") == [three.pk]
    assert found("accepted") == [one.pk]
    assert found("rejected") == [two.pk]
    assert found("published") == []
    assert found("failed") == [failed.pk, failed_request.pk]
    text = visible_text(get_page(reviewer, REVIEW, batch.pk, show="failed"))
    assert "No picture." in text
    assert "problem at the vendor" in text
    assert "Accept" not in text.partition("Failed 2")[2]


def test_accepted_renders_are_published_and_unpublished(reviewer: Client, batch: Batch) -> None:
    one, two, _three = batch.renders.order_by("position")
    for render in (one, two):
        post_decision(reviewer, batch, f"accept:{render.pk}")
    assert "Publish 2 accepted renders" in visible_text(get_page(reviewer, REVIEW, batch.pk))
    assert post_messages(reviewer, PUBLISH, {}, batch.pk) == ["2 renders were published."]
    assert ProductPhoto.objects.count() == 2
    assert post_messages(reviewer, PUBLISH, {}, batch.pk) == ["No accepted render is left to publish."]
    html = get_page(reviewer, REVIEW, batch.pk, show="published")
    assert "Remove from the shop" in html
    assert "data-vton-key" not in html, "a published render offers no decision"
    assert post_decision(reviewer, batch, f"reject-other:{one.pk}") == [
        "It is in the shop. Remove it from the shop before you change the decision."
    ]
    assert first(batch).review == "accepted"
    assert post_decision(reviewer, batch, f"publish:{one.pk}") == ["It is already in the shop."]
    post_decision(reviewer, batch, f"unpublish:{one.pk}")
    assert ProductPhoto.objects.count() == 1
    assert post_decision(reviewer, batch, f"unpublish:{one.pk}") == ["It is not in the shop any more."]
    assert post_decision(reviewer, batch, f"accept:{one.pk}") == [
        "Nothing was changed: it is already “accepted”."
    ]
    assert post_decision(reviewer, batch, f"publish:{one.pk}") == []
    assert Publication.objects.count() == 2


def test_an_unchanged_photo_is_only_published_one_by_one(reviewer: Client, batch: Batch) -> None:
    unchanged, face, good = batch.renders.order_by("position")
    TryOnImage.objects.filter(request=unchanged.request).update(flaw="unchanged")
    TryOnImage.objects.filter(request=face.request).update(flaw="face")
    html = get_page(reviewer, REVIEW, batch.pk)
    assert "the photo came back unchanged" in visible_text(html)
    assert "the face may be another one" in visible_text(html)
    assert f'name="shown" value="{unchanged.pk}"' not in html
    assert f'name="shown" value="{good.pk}"' in html

    shown = {"do": "accept_shown", "shown": [unchanged.pk, face.pk, good.pk]}
    post_messages(reviewer, REVIEW, shown, batch.pk)
    unchanged.refresh_from_db()
    assert unchanged.review == ""

    assert post_decision(reviewer, batch, f"accept:{unchanged.pk}") == []
    assert post_messages(reviewer, PUBLISH, {}, batch.pk) == ["2 renders were published."]
    assert not Publication.objects.filter(product=unchanged.product).exists()
    assert post_decision(reviewer, batch, f"publish:{unchanged.pk}") == []
    assert Publication.objects.filter(product=unchanged.product).exists()


def test_publishing_continues_in_steps(
    reviewer: Client, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch.renders.update(review="accepted")
    monkeypatch.setattr(review, "PUBLISH_SECONDS", 0.0)
    response = reviewer.post(reverse(PUBLISH, args=[batch.pk]))
    assert "0 of 3 are in the shop." in visible_text(response.content.decode())
    assert "data-vton-continue" in response.content.decode()
    monkeypatch.setattr(review, "PUBLISH_SECONDS", 60.0)
    assert post_messages(reviewer, PUBLISH, {"after": "0"}, batch.pk) == ["2 renders were published."]
    assert post_messages(reviewer, PUBLISH, {"after": "x"}, batch.pk) == ["1 render was published."]


def test_a_failed_publication_is_shown_with_its_reason(
    reviewer: Client, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch.renders.update(review="accepted")

    def full(*_args: Any) -> None:
        raise ValueError("the gallery is full")

    monkeypatch.setattr(ProductTryOn, "publish", full)
    assert post_messages(reviewer, PUBLISH, {}, batch.pk) == [
        "3 renders could not be published. The reason is shown with each."
    ]
    assert (
        visible_text(get_page(reviewer, REVIEW, batch.pk, show="accepted")).count("the gallery is full") == 3
    )
    assert "the gallery is full" in post_decision(reviewer, batch, f"publish:{first(batch).pk}")[0]


def test_pages_need_a_fixed_number_of_queries(reviewer: Client, files: StoredFiles) -> None:
    counts = []
    for number in (2, 30):
        batch = create_finished_batch(number)
        with CaptureQueriesContext(connection) as captured:
            html = get_page(reviewer, REVIEW, batch.pk)
        counts.append(len(captured))
    assert html.count('class="vton-card') == 24
    assert get_page(reviewer, REVIEW, batch.pk, page="2").count('class="vton-card') == 6
    assert counts[0] == counts[1]
    assert html.count('loading="lazy"') == 3 * 24
    assert files.names()


def test_images_have_alt_texts_and_keys_are_explained(reviewer: Client, batch: Batch) -> None:
    html = get_page(reviewer, REVIEW, batch.pk)
    assert 'alt="House model Noa"' in html
    assert f'alt="Try-on of {first(batch).product_title}"' in html
    assert "Keyboard: J next K previous A accept R reject… 1 … 5 reject for this reason U undo" in (
        visible_text(html)
    )


def test_the_products_picture_stands_beside_its_render(
    reviewer: Client, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = batch.renders.order_by("position")
    product = Product.objects.get(slug=f"product-{batch.pk}-0")
    picture = f'<img src="{product.photo.url}" loading="lazy" alt="Picture of {one.product_title}">'
    assert picture in get_page(reviewer, REVIEW, batch.pk)
    data = {"do": f"accept:{one.pk}"}
    response = reviewer.post(
        reverse(REVIEW, args=[batch.pk]), data, headers={"accept": "application/json"}
    ).json()
    assert picture in response["card"]

    def get_image(_self: ProductTryOn, product: Product) -> Any:
        if product_ref(product) == two.product:
            raise ValueError("no such file")
        return product.photo

    monkeypatch.setattr(ProductTryOn, "get_image", get_image)
    Product.objects.filter(slug=f"product-{batch.pk}-2").delete()
    text = visible_text(get_page(reviewer, REVIEW, batch.pk))
    assert f"picture not available {two.product_title} Noa Result" in text
    assert f"picture not available {three.product_title} Noa Result" in text


def test_rejections_are_counted_and_filtered_by_their_reason(reviewer: Client, batch: Batch) -> None:
    one, two, three = batch.renders.order_by("position")
    post_decision(reviewer, batch, f"reject-pose:{one.pk}")
    post_decision(reviewer, batch, f"reject-garment:{two.pk}")
    post_decision(reviewer, batch, f"reject-pose:{three.pk}")

    def found(**query: str) -> list[int]:
        html = get_page(reviewer, REVIEW, batch.pk, **query)
        return [it.pk for it in batch.renders.order_by("position") if f'id="render-{it.pk}"' in html]

    assert found(show="rejected") == [one.pk, two.pk, three.pk]
    assert found(show="rejected", reason="pose") == [one.pk, three.pk]
    assert found(show="rejected", reason="colour") == found(show="unreviewed", reason="pose") == []
    assert found(show="rejected", reason="\0") == found(show="rejected")
    text = visible_text(get_page(reviewer, REVIEW, batch.pk, show="rejected"))
    assert "All Wrong garment or glasses 1 Pose 2" in text
    assert "rejected: wrong garment or glasses" in text
    text = visible_text(get_page(reviewer, "admin:vton_batch_change", batch.pk))
    assert "3 rejected 1 rejected: wrong garment or glasses 2 rejected: pose" in text


def test_all_on_the_page_are_accepted_except_what_was_decided_since(
    reviewer: Client, superuser: Client, batch: Batch
) -> None:
    one, two, three = batch.renders.order_by("position")
    other = first(create_finished_batch(1))
    html = get_page(reviewer, REVIEW, batch.pk, show="unreviewed")
    shown = re.findall(r'name="shown" value="(\d+)"', html)
    assert shown == [str(render.pk) for render in (one, two, three)]
    assert "Accept all on this page" in html
    post_decision(superuser, batch, f"reject-pose:{two.pk}")

    data = {"do": "accept_shown", "shown": [*shown[:2], str(other.pk), "x", "²"]}
    assert post_messages(reviewer, REVIEW, data, batch.pk) == [
        "1 render was accepted.",
        "2 renders were not accepted, since they were decided or removed in the meantime.",
    ]

    assert [render.review for render in batch.renders.order_by("position")] == ["accepted", "rejected", ""]
    other.refresh_from_db()
    assert other.review == ""
    assert post_messages(reviewer, REVIEW, {"do": "accept_shown"}, batch.pk) == [
        "Nothing was changed: the page showed no undecided render."
    ]
    assert "Accept all" not in get_page(reviewer, REVIEW, batch.pk, show="rejected")


def test_accepting_all_on_a_page_accepts_no_other_page(reviewer: Client, batch: Batch) -> None:
    number = create_finished_batch(review.PER_PAGE + 2)
    html = get_page(reviewer, REVIEW, number.pk, page="2")
    shown = re.findall(r'name="shown" value="(\d+)"', html)
    assert post_messages(reviewer, REVIEW, {"do": "accept_shown", "shown": shown}, number.pk) == [
        "2 renders were accepted."
    ]
    assert number.renders.filter(review="accepted").count() == 2
    assert not batch.renders.exclude(review="").exists()


def test_a_viewer_cannot_review_or_publish(viewer: Client, batch: Batch) -> None:
    batch.renders.update(review="accepted")
    html = get_page(viewer, REVIEW, batch.pk, show="accepted")
    assert "data-vton-review-list" not in html
    assert "<button" not in html.partition('id="content-main"')[2].partition("</main>")[0]
    assert viewer.post(reverse(PUBLISH, args=[batch.pk])).status_code == 403
    assert viewer.post(reverse(REVIEW, args=[batch.pk]), {"do": "undo:1"}).status_code == 403
    assert viewer.post(reverse(REVIEW, args=[batch.pk]), {"do": "accept_shown"}).status_code == 403
    assert not ProductPhoto.objects.exists()
    assert TryOnRequest.objects.exists()
