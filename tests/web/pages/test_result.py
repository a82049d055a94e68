"""`r/{id}/`: one try-on, while it runs and afterwards."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_vton import lifecycle
from django_vton.messages import RENDER_MESSAGES
from django_vton.models import PersonPhoto, TryOnRequest
from django_vton.models.states import State
from shop.models import Product
from tests.doors import content, render, submit

from .steps import HISTORY, Elements, act, form_of, links, order, ordered, page_of, says, text

if TYPE_CHECKING:
    from shop.models import Product

    from ...conftest import PhotoMaker


pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("query", ["", "?auto=1", "?confirm=delete"])
def test_somebody_elses_was_never_there(
    guest: Client, stranger: Client, row: TryOnRequest, shirt: Product, phone_photo: PhotoMaker, query: str
) -> None:
    render(row)
    ordered(stranger, shirt, phone_photo(shade=7))
    for other in (stranger, Client()):
        response = other.get(page_of(row) + query)
        assert response.status_code == 404
        assert says(response, "not_found")
        for action in ("cancel", "like", "delete"):
            assert act(other, page_of(row), action).status_code == 404
    row.refresh_from_db()
    assert (row.state, row.feedback, row.erased_at) == (State.COMPLETED, "", None)
    assert guest.get(page_of(row)).status_code == 200


def test_a_shared_render_of_nobody_has_no_page(
    guest: Client, shirt: Product, house_model: PersonPhoto
) -> None:
    mine = ordered(guest, shirt, photo_id=str(house_model.pk))
    assert mine.source is not None
    assert guest.get(page_of(mine.source)).status_code == 404


def test_it_checks_by_itself_only_where_asked(guest: Client, row: TryOnRequest) -> None:
    plain, auto = guest.get(page_of(row)), guest.get(page_of(row) + "?auto=1")
    assert "Refresh" not in plain
    assert "http-equiv" not in text(plain)
    assert "?auto=1" in text(plain)
    assert auto["Refresh"] == "5"
    assert "Stop checking automatically" in text(auto)
    assert "<progress" in text(plain)
    render(row)
    assert "Refresh" not in guest.get(page_of(row) + "?auto=1")


def test_what_it_is_waiting_for(guest: Client, row: TryOnRequest) -> None:
    assert "You're in the queue" in text(guest.get(page_of(row)))
    submit(row)
    html = text(guest.get(page_of(row)))
    assert "Creating your look…" in html
    assert "still counts" in html
    TryOnRequest.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert "longer than usual" in text(guest.get(page_of(row)))


def test_cancel(guest: Client, row: TryOnRequest) -> None:
    assert act(guest, page_of(row), "cancel")["Location"] == page_of(row)
    html = text(guest.get(page_of(row)))
    assert "This try-on was cancelled." in html
    assert "This didn't use up a try-on." in html
    assert f"?photo={row.photo_id}" in html
    again = act(guest, page_of(row), "cancel")
    assert again.status_code == 409
    assert says(again, "not_cancelable")


def test_the_pictures(guest: Client, row: TryOnRequest) -> None:
    render(row, pictures=2)
    response = guest.get(page_of(row))
    page, html = Elements(response), text(response)
    first, second = (reverse("vton:image", args=[picture.pk]) for picture in row.pictures)
    (large,) = page.of("img", fetchpriority="high")
    assert (large["src"], large["width"], large["height"]) == (first, "400", "500")
    assert large["alt"] == "AI-generated preview: Shirt on your photo"
    assert f"{first}?download=1" in links(response)
    for url in (first, f"{first}?download=1", f"{second}?size=thumbnail"):
        assert content(guest.get(url))
    assert html.count("AI-generated preview</figcaption>") == 1

    assert row.photo is not None
    before = reverse("vton:photo-file", args=[row.photo.pk])
    (original,) = page.of("img", src=before)
    assert original["alt"] == "Original photo"
    assert "Before</figcaption>" in html
    assert content(guest.get(before))


def test_another_preview_is_a_link_away(guest: Client, row: TryOnRequest) -> None:
    render(row, pictures=3)
    for number, picture in enumerate(row.pictures, 1):
        response = guest.get(page_of(row), {"picture": str(number)})
        url = reverse("vton:image", args=[picture.pk])
        assert Elements(response).of("img", fetchpriority="high")[0]["src"] == url
        assert f"{url}?download=1" in links(response)
        (current,) = Elements(response).of("a", **{"aria-current": "true"})
        assert current["href"] == f"{page_of(row)}?picture={number}"
    for nonsense in ("0", "4", "-1", "x", "9" * 5000, "\0"):
        response = guest.get(page_of(row), {"picture": nonsense})
        first = reverse("vton:image", args=[row.pictures[0].pk])
        assert Elements(response).of("img", fetchpriority="high")[0]["src"] == first


def test_once_the_photo_is_deleted_there_is_nothing_to_compare(guest: Client, row: TryOnRequest) -> None:
    render(row)
    assert Elements(guest.get(page_of(row))).of("input", type="range")
    assert row.photo is not None
    row.photo.delete()
    page = guest.get(page_of(row))
    assert "Original photo" not in text(page)
    assert "Before" not in text(page)
    assert not Elements(page).of("input", type="range")
    assert len(Elements(page).of("img")) == 1


def test_what_only_a_script_can_do_is_hidden_without_one(guest: Client, row: TryOnRequest) -> None:
    render(row)
    page = Elements(guest.get(page_of(row)))
    only_with_script = [
        *page.of("input", type="range"),
        *(it for _tag, it in page.all if it.keys() & {"data-handle", "data-zoom", "data-share"}),
    ]
    assert len(only_with_script) == 4
    assert all("hidden" in it for it in only_with_script)


def test_a_house_models_photo_is_named(guest: Client, shirt: Product, house_model: PersonPhoto) -> None:
    mine = ordered(guest, shirt, photo_id=str(house_model.pk))
    assert mine.source is not None
    render(mine.source)
    lifecycle.finish_followers()
    assert 'alt="Original photo of Noa"' in text(guest.get(page_of(mine)))


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
def test_the_product_opens_with_its_dialog(guest: Client, row: TryOnRequest, url: str, link: str) -> None:
    render(row)
    TryOnRequest.objects.filter(pk=row.pk).update(product_url=url)
    (primary,) = Elements(guest.get(page_of(row))).of("a", **{"class": "vton-primary"})
    assert primary["href"] == link
    # The same on the wall.
    assert link in links(guest.get(HISTORY))


@pytest.mark.parametrize("url", ["", "//other.example/shirt", "http://[/shirt", "shirt.html"])
def test_without_a_product_page_another_photo_is_the_next_step(
    guest: Client, row: TryOnRequest, url: str
) -> None:
    render(row)
    TryOnRequest.objects.filter(pk=row.pk).update(product_url=url)
    (primary,) = Elements(guest.get(page_of(row))).of("a", **{"class": "vton-primary"})
    assert primary["href"] == form_of_ref(row)


def test_delete_asks_first(guest: Client, row: TryOnRequest) -> None:
    render(row)
    question = guest.get(page_of(row) + "?confirm=delete")
    assert Elements(question).of("button", name="action", value="delete")
    # Who holds Enter down on "Delete" comes here and no further.
    assert "autofocus" not in text(question)
    assert page_of(row) in links(question)  # "Keep"
    picture = reverse("vton:image", args=[row.pictures[0].pk])
    assert Elements(question).of("img", src=f"{picture}?size=thumbnail")
    assert TryOnRequest.objects.get().erased_at is None

    done = act(guest, page_of(row), "delete")
    assert done["Location"].startswith(HISTORY)
    assert "Deleted</p>" in text(guest.get(done["Location"]))
    assert guest.get(page_of(row)).status_code == 404
    assert not PersonPhoto.objects.exists()


@pytest.mark.parametrize("code", sorted(RENDER_MESSAGES))
@pytest.mark.parametrize("counted", [True, False])
def test_why_it_failed_and_what_to_try(guest: Client, row: TryOnRequest, code: str, *, counted: bool) -> None:
    # The rows as the lifecycle leaves them, which has tests of its own.
    fields: dict[str, Any] = {"state": State.FAILED, "error_code": code, "finished_at": timezone.now()}
    TryOnRequest.objects.filter(pk=row.pk).update(**fields, **({} if counted else {"counted_in": []}))
    response = guest.get(page_of(row))
    assert says(response, code)
    assert ("This used one of your try-ons." in text(response)) == counted
    assert ("This didn't use up a try-on." in text(response)) != counted
    with_same_photo = f"{form_of_ref(row)}?photo={row.photo_id}"
    assert (with_same_photo in text(response)) == (code in {"vendor", "deadline", "outcome_unknown"})
    assert (form_of_ref(row) in text(response)) == (code != "product_image")
    if with_same_photo in text(response):
        assert re.search(rf'value="{row.photo_id}"\s+checked', text(guest.get(with_same_photo)))


def form_of_ref(row: TryOnRequest) -> str:
    return reverse("vton:try", args=[row.product])


def test_nobodys_photo_is_offered(
    guest: Client, stranger: Client, row: TryOnRequest, shirt: Product, phone_photo: PhotoMaker
) -> None:
    ordered(stranger, shirt, phone_photo(shade=9))
    photo = str(row.photo_id)
    for other in (stranger, Client()):
        assert f'value="{photo}"' not in text(other.get(f"{form_of(shirt)}?photo={photo}"))
        assert says(order(other, shirt, photo_id=photo), "photo_gone")
    assert f'value="{photo}"' in text(guest.get(f"{form_of(shirt)}?photo={photo}"))
    assert f'value="{photo}"' not in text(guest.get(form_of(shirt)))  # It was not to be kept.
