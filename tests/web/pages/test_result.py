"""`r/{id}/`: one try-on, while it runs and after it has ended."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from django_vton import lifecycle
from django_vton.messages import RENDER_MESSAGES, RETRYABLE_CODES
from django_vton.models import PersonPhoto, TryOnRequest
from django_vton.models.states import State
from shop.models import Product
from tests.tryons import claim_for_submit, complete_tryon, read_stream

from .actions import (
    HISTORY_URL,
    Elements,
    form_url,
    link_urls,
    order_by_form,
    post_action,
    post_order,
    result_url,
    shows_message,
    text,
)

if TYPE_CHECKING:
    from shop.models import Product

    from ...conftest import PhotoMaker


pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("query", ["", "?auto=1", "?confirm=delete"])
def test_another_shoppers_result_is_not_found(
    guest: Client, stranger: Client, row: TryOnRequest, shirt: Product, phone_photo: PhotoMaker, query: str
) -> None:
    complete_tryon(row)
    order_by_form(stranger, shirt, phone_photo(shade=7))
    for other in (stranger, Client()):
        response = other.get(result_url(row) + query)
        assert response.status_code == 404
        assert shows_message(response, "not_found")
        for action in ("cancel", "like", "delete"):
            assert post_action(other, result_url(row), action).status_code == 404
    row.refresh_from_db()
    assert (row.state, row.feedback, row.erased_at) == (State.COMPLETED, "", None)
    assert guest.get(result_url(row)).status_code == 200


def test_a_shared_render_has_no_page_of_its_own(
    guest: Client, shirt: Product, house_model: PersonPhoto
) -> None:
    mine = order_by_form(guest, shirt, photo_id=str(house_model.pk))
    assert mine.source is not None
    assert guest.get(result_url(mine.source)).status_code == 404


def test_the_page_reloads_automatically_only_on_request(guest: Client, row: TryOnRequest) -> None:
    plain, auto = guest.get(result_url(row)), guest.get(result_url(row) + "?auto=1")
    assert "Refresh" not in plain
    assert "http-equiv" not in text(plain)
    assert "?auto=1" in text(plain)
    assert auto["Refresh"] == "5"
    assert "Stop checking automatically" in text(auto)
    assert "<progress" in text(plain)
    complete_tryon(row)
    assert "Refresh" not in guest.get(result_url(row) + "?auto=1")


def test_the_page_shows_the_progress(guest: Client, row: TryOnRequest) -> None:
    assert "You're in the queue" in text(guest.get(result_url(row)))
    claim_for_submit(row)
    html = text(guest.get(result_url(row)))
    assert "Creating your look…" in html
    assert "still counts" in html
    TryOnRequest.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert "longer than usual" in text(guest.get(result_url(row)))


def test_a_try_on_can_be_canceled_once(guest: Client, row: TryOnRequest) -> None:
    assert post_action(guest, result_url(row), "cancel")["Location"] == result_url(row)
    html = text(guest.get(result_url(row)))
    assert "This try-on was cancelled." in html
    assert "This didn't use up a try-on." in html
    assert f"?photo={row.photo_id}" in html
    again = post_action(guest, result_url(row), "cancel")
    assert again.status_code == 409
    assert shows_message(again, "not_cancelable")


def test_the_result_shows_image_and_original_photo(guest: Client, row: TryOnRequest) -> None:
    complete_tryon(row, images=2)
    response = guest.get(result_url(row))
    page, html = Elements(response), text(response)
    first, second = (reverse("vton:image", args=[picture.pk]) for picture in row.shown_images)
    (large,) = page.find("img", fetchpriority="high")
    assert (large["src"], large["width"], large["height"]) == (first, "400", "500")
    assert large["alt"] == "AI-generated preview: Shirt on your photo"
    assert f"{first}?download=1" in link_urls(response)
    for url in (first, f"{first}?download=1", f"{second}?size=thumbnail"):
        assert read_stream(guest.get(url))
    assert html.count("AI-generated preview</figcaption>") == 1

    assert row.photo is not None
    before = reverse("vton:photo-file", args=[row.photo.pk])
    (original,) = page.find("img", src=before)
    assert original["alt"] == "Original photo"
    assert "Before</figcaption>" in html
    assert read_stream(guest.get(before))


def test_each_preview_has_a_link(guest: Client, row: TryOnRequest) -> None:
    complete_tryon(row, images=3)
    for number, picture in enumerate(row.shown_images, 1):
        response = guest.get(result_url(row), {"picture": str(number)})
        url = reverse("vton:image", args=[picture.pk])
        assert Elements(response).find("img", fetchpriority="high")[0]["src"] == url
        assert f"{url}?download=1" in link_urls(response)
        (current,) = Elements(response).find("a", **{"aria-current": "true"})
        assert current["href"] == f"{result_url(row)}?picture={number}"
    for nonsense in ("0", "4", "-1", "x", "9" * 5000, "\0"):
        response = guest.get(result_url(row), {"picture": nonsense})
        first = reverse("vton:image", args=[row.shown_images[0].pk])
        assert Elements(response).find("img", fetchpriority="high")[0]["src"] == first


def test_without_the_photo_there_is_no_comparison(guest: Client, row: TryOnRequest) -> None:
    complete_tryon(row)
    assert Elements(guest.get(result_url(row))).find("input", type="range")
    assert row.photo is not None
    row.photo.delete()
    page = guest.get(result_url(row))
    assert "Original photo" not in text(page)
    assert "Before" not in text(page)
    assert not Elements(page).find("input", type="range")
    assert len(Elements(page).find("img")) == 1


def test_controls_that_need_javascript_are_hidden_initially(guest: Client, row: TryOnRequest) -> None:
    complete_tryon(row)
    page = Elements(guest.get(result_url(row)))
    only_with_script = [
        *page.find("input", type="range"),
        *(it for _tag, it in page.all if it.keys() & {"data-handle", "data-zoom", "data-share"}),
    ]
    assert len(only_with_script) == 4
    assert all("hidden" in it for it in only_with_script)


def test_the_alt_text_names_the_house_model(guest: Client, shirt: Product, house_model: PersonPhoto) -> None:
    mine = order_by_form(guest, shirt, photo_id=str(house_model.pk))
    assert mine.source is not None
    complete_tryon(mine.source)
    lifecycle.finish_followers()
    assert 'alt="Original photo of Noa"' in text(guest.get(result_url(mine)))


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("/products/shirt/", "/products/shirt/#try-on"),
        ("/products/shirt/?size=m&colour=red", "/products/shirt/?size=m&colour=red#try-on"),
        ("/products/shirt/#reviews", "/products/shirt/#try-on"),
        ("/products/shirt/?size=m#reviews", "/products/shirt/?size=m#try-on"),
        ("http://testserver/products/shirt/", "http://testserver/products/shirt/#try-on"),
        ("https://testserver/products/shirt/", "https://testserver/products/shirt/"),
        ("https://other.example/shirt?a=b#c", "https://other.example/shirt?a=b#c"),
    ],
)
def test_the_product_link_opens_the_dialog_on_the_product_page(
    guest: Client, row: TryOnRequest, url: str, link: str
) -> None:
    complete_tryon(row)
    TryOnRequest.objects.filter(pk=row.pk).update(product_url=url)
    (primary,) = Elements(guest.get(result_url(row))).find("a", **{"class": "vton-primary"})
    assert primary["href"] == link
    # The history has the same link.
    assert link in link_urls(guest.get(HISTORY_URL))


@pytest.mark.parametrize("url", ["", "//other.example/shirt", "http://[/shirt", "shirt.html"])
def test_without_a_product_page_the_primary_link_is_another_photo(
    guest: Client, row: TryOnRequest, url: str
) -> None:
    complete_tryon(row)
    TryOnRequest.objects.filter(pk=row.pk).update(product_url=url)
    (primary,) = Elements(guest.get(result_url(row))).find("a", **{"class": "vton-primary"})
    assert primary["href"] == form_url_of(row)


def test_deleting_needs_confirmation(guest: Client, row: TryOnRequest) -> None:
    complete_tryon(row)
    question = guest.get(result_url(row) + "?confirm=delete")
    assert Elements(question).find("button", name="action", value="delete")
    # No button has the focus, so a held down Enter key does not confirm.
    assert "autofocus" not in text(question)
    assert result_url(row) in link_urls(question)  # "Keep"
    picture = reverse("vton:image", args=[row.shown_images[0].pk])
    assert Elements(question).find("img", src=f"{picture}?size=thumbnail")
    assert TryOnRequest.objects.get().erased_at is None

    done = post_action(guest, result_url(row), "delete")
    assert done["Location"].startswith(HISTORY_URL)
    assert "Deleted</p>" in text(guest.get(done["Location"]))
    assert guest.get(result_url(row)).status_code == 404
    assert not PersonPhoto.objects.exists()


@pytest.mark.parametrize("code", sorted(RENDER_MESSAGES))
@pytest.mark.parametrize("counted", [True, False])
def test_a_failure_is_explained_with_possible_next_steps(
    guest: Client, row: TryOnRequest, code: str, *, counted: bool
) -> None:
    # Sets the state directly. The lifecycle has its own tests.
    fields: dict[str, Any] = {"state": State.FAILED, "error_code": code, "finished_at": timezone.now()}
    TryOnRequest.objects.filter(pk=row.pk).update(**fields, **({} if counted else {"quota_ids": []}))
    response = guest.get(result_url(row))
    assert escape(str(RENDER_MESSAGES[code])) in text(response)
    assert ("This used one of your try-ons." in text(response)) == counted
    assert ("This didn't use up a try-on." in text(response)) != counted
    with_same_photo = f"{form_url_of(row)}?photo={row.photo_id}"
    assert (with_same_photo in text(response)) == (code in RETRYABLE_CODES)
    assert (form_url_of(row) in text(response)) == (not code.startswith("product_image"))
    if with_same_photo in text(response):
        assert re.search(rf'value="{row.photo_id}"\s+checked', text(guest.get(with_same_photo)))


def form_url_of(row: TryOnRequest) -> str:
    return reverse("vton:try", args=[row.product])


def test_another_shoppers_photo_is_not_offered(
    guest: Client, stranger: Client, row: TryOnRequest, shirt: Product, phone_photo: PhotoMaker
) -> None:
    order_by_form(stranger, shirt, phone_photo(shade=9))
    photo = str(row.photo_id)
    for other in (stranger, Client()):
        assert f'value="{photo}"' not in text(other.get(f"{form_url(shirt)}?photo={photo}"))
        assert shows_message(post_order(other, shirt, photo_id=photo), "photo_gone")
    assert f'value="{photo}"' in text(guest.get(f"{form_url(shirt)}?photo={photo}"))
    assert f'value="{photo}"' not in text(guest.get(form_url(shirt)))  # It is not a kept photo.


def test_the_shopper_is_told_of_an_unchanged_photo_only(guest: Client, row: TryOnRequest) -> None:
    complete_tryon(row)
    for flaw in ("", "face", "body", "unchanged"):
        row.images.update(flaw=flaw)
        page = guest.get(result_url(row)).content.decode()
        assert ("The picture looks unchanged." in page) == (flaw == "unchanged")
