"""`mine/`: the list of try-ons, the filter for liked ones, and the comparison of two."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from django_vton import lifecycle
from django_vton.models import TryOnRequest
from django_vton.models.states import State
from django_vton.web.pages.history import PER_PAGE
from tests.tryons import claim_for_submit, complete_tryon

from .actions import HISTORY_URL, Elements, link_urls, order_by_form, post_action, result_url, text

if TYPE_CHECKING:
    from pytest_django import Settings

    from shop.models import Product

    from ...conftest import PhotoMaker

pytestmark = pytest.mark.django_db

CHOOSE_ONE_MORE = "Please choose one more preview to compare."
CHOOSE_TWO = "Please choose just two."


@pytest.fixture
def tryons(guest: Client, shirt: Product, glasses: Product, phone_photo: PhotoMaker) -> list[TryOnRequest]:
    """Three completed try-ons, oldest first."""
    products = (shirt, glasses, shirt)
    return [
        complete_tryon(order_by_form(guest, it, phone_photo(shade=shade)))
        for shade, it in enumerate(products)
    ]


def entry_urls(response: Any) -> list[str]:
    """Return the URLs of the entries in order."""
    return [it["href"] for it in Elements(response).find("a", **{"class": "vton-entry"})]


def compare(client: Client, *ids: object) -> Any:
    return client.get(HISTORY_URL, {"compare": [str(pk) for pk in ids]})


def test_the_history_lists_the_callers_own_try_ons_newest_first(
    guest: Client, stranger: Client, tryons: list[TryOnRequest], shirt: Product, phone_photo: PhotoMaker
) -> None:
    other = complete_tryon(order_by_form(stranger, shirt, phone_photo(shade=9)))
    assert entry_urls(guest.get(HISTORY_URL)) == [result_url(row) for row in reversed(tryons)]
    assert entry_urls(stranger.get(HISTORY_URL)) == [result_url(other)]
    assert entry_urls(Client().get(HISTORY_URL)) == []


def test_each_entry_links_to_image_product_and_deletion(guest: Client, tryons: list[TryOnRequest]) -> None:
    response = guest.get(HISTORY_URL)
    for row in tryons:
        picture = reverse("vton:image", args=[row.shown_images[0].pk])
        (image,) = Elements(response).find("img", src=f"{picture}?size=thumbnail")
        # The size reserves the space before the image is loaded.
        assert (image["width"], image["height"]) == ("400", "500")
        assert image["alt"].startswith("AI-generated preview: ")
        assert f"{result_url(row)}?confirm=delete" in link_urls(response)
    assert link_urls(response).count("/products/shirt/#try-on") == 2
    assert link_urls(response).count("/products/glasses/#try-on") == 1


def test_deleting_from_the_history_needs_confirmation_and_is_reported(
    guest: Client, tryons: list[TryOnRequest]
) -> None:
    assert "Delete this preview for good?" in text(guest.get(f"{result_url(tryons[0])}?confirm=delete"))
    done = guest.post(result_url(tryons[0]), {"action": "delete"}, follow=True)
    assert '<p class="vton-done" role="status">Deleted</p>' in text(done)
    assert entry_urls(done) == [result_url(tryons[2]), result_url(tryons[1])]


def test_a_running_try_on_has_no_image_and_no_delete_link(guest: Client, row: TryOnRequest) -> None:
    assert "In the queue" in text(guest.get(HISTORY_URL))
    claim_for_submit(row)
    response = guest.get(HISTORY_URL)
    assert "Creating your look…" in text(response)
    assert entry_urls(response) == [result_url(row)]
    assert not Elements(response).find("img")
    assert f"{result_url(row)}?confirm=delete" not in link_urls(response)


def test_a_failed_try_on_shows_the_reason(guest: Client, row: TryOnRequest) -> None:
    # Sets the state directly. The lifecycle has its own tests.
    failed: dict[str, Any] = {"state": State.FAILED, "error_code": "no_person", "finished_at": timezone.now()}
    TryOnRequest.objects.filter(pk=row.pk).update(**failed)
    response = guest.get(HISTORY_URL)
    assert entry_urls(response) == [result_url(row)]
    assert "find a person in this photo" in text(response)
    assert f"{result_url(row)}?confirm=delete" in link_urls(response)
    assert "/products/shirt/#try-on" not in link_urls(response)


def test_canceled_try_ons_are_listed_separately(guest: Client, row: TryOnRequest) -> None:
    assert lifecycle.cancel(row)
    response = guest.get(HISTORY_URL)
    assert entry_urls(response) == []
    assert "vton-blank" not in text(response)
    assert "Nothing here yet" not in text(response)
    assert result_url(row) in link_urls(response)
    assert text(response).index("Cancelled</h2>") < text(response).index(result_url(row))


def test_the_history_is_paginated(
    guest: Client, row: TryOnRequest, django_assert_max_num_queries: Any
) -> None:
    for _ in range(PER_PAGE + 1):
        TryOnRequest.objects.create(shopper=row.shopper, product=row.product, engine=row.engine)
    with django_assert_max_num_queries(15):
        first = guest.get(HISTORY_URL)
    second = guest.get(HISTORY_URL, {"page": "2"})
    assert len(entry_urls(first)) == PER_PAGE
    assert len(entry_urls(second)) == 2
    assert result_url(row) in entry_urls(second)
    assert f"{HISTORY_URL}?page=2" in link_urls(first)
    assert f"{HISTORY_URL}?page=1" in link_urls(second)
    assert guest.get(HISTORY_URL, {"page": "9" * 5000}).status_code == 200


@pytest.mark.parametrize(("language", "date"), [("en", "March 9, 2026"), ("de", "9. März 2026")])
def test_dates_use_the_pages_language(guest: Client, row: TryOnRequest, language: str, date: str) -> None:
    moment = datetime(2026, 3, 9, 12, tzinfo=timezone.get_default_timezone())
    TryOnRequest.objects.filter(pk=row.pk).update(created_at=moment)
    html = text(guest.get(HISTORY_URL, headers={"Accept-Language": language}))
    assert f'<time class="vton-muted" datetime="2026-03-09T12:00:00+01:00">{date}</time>' in html


def test_the_filter_lists_only_liked_try_ons(guest: Client, tryons: list[TryOnRequest]) -> None:
    post_action(guest, result_url(tryons[0]), "like")
    post_action(guest, result_url(tryons[1]), "dislike")
    everything = guest.get(HISTORY_URL)
    assert len(entry_urls(everything)) == 3
    assert text(everything).count('class="vton-liked"') == 1
    assert f"{HISTORY_URL}?liked=1" in link_urls(everything)
    liked = guest.get(HISTORY_URL, {"liked": "1"})
    assert entry_urls(liked) == [result_url(tryons[0])]
    assert HISTORY_URL in link_urls(liked)


def test_the_filter_without_liked_try_ons_explains_itself(guest: Client, tryons: list[TryOnRequest]) -> None:
    response = guest.get(HISTORY_URL, {"liked": "1"})
    assert entry_urls(response) == []
    assert "Nothing liked yet." in text(response)
    assert result_url(tryons[0]) not in text(response)
    assert HISTORY_URL in link_urls(response)


def test_pagination_keeps_the_filter(guest: Client, tryons: list[TryOnRequest]) -> None:
    TryOnRequest.objects.bulk_create(
        TryOnRequest(
            shopper=tryons[0].shopper, product=tryons[0].product, engine=tryons[0].engine, feedback="like"
        )
        for _ in range(PER_PAGE + 1)
    )
    first = guest.get(HISTORY_URL, {"liked": "1"})
    assert f"{HISTORY_URL}?liked=1&page=2" in link_urls(first)
    assert f"{HISTORY_URL}?liked=1&page=1" in link_urls(guest.get(HISTORY_URL, {"liked": "1", "page": "2"}))


def test_two_try_ons_are_shown_side_by_side_in_the_given_order(
    guest: Client, tryons: list[TryOnRequest]
) -> None:
    first, second = tryons[2], tryons[0]
    response = compare(guest, first.pk, second.pk)
    html = text(response)
    assert response.status_code == 200
    assert "Side by side</h1>" in html
    pictures = [reverse("vton:image", args=[row.shown_images[0].pk]) for row in (first, second)]
    assert [it["src"] for it in Elements(response).find("img")] == pictures
    assert html.count(">AI-generated preview<") == 2
    assert link_urls(response).count("/products/shirt/#try-on") == 2
    for row in (first, second):
        assert f"{result_url(row)}?confirm=delete" in link_urls(response)
    assert result_url(tryons[1]) not in html


def test_the_comparison_form_works_without_javascript(guest: Client, tryons: list[TryOnRequest]) -> None:
    page = Elements(guest.get(HISTORY_URL))
    (form,) = page.find("form", method="get")
    assert form["action"] == HISTORY_URL
    boxes = page.find("input", type="checkbox", name="compare")
    assert [it["value"] for it in boxes] == [str(row.pk) for row in reversed(tryons)]
    assert not any("checked" in it for it in boxes)


def test_a_single_try_on_has_no_comparison_form(guest: Client, row: TryOnRequest) -> None:
    complete_tryon(row)
    assert not Elements(guest.get(HISTORY_URL)).find("input", name="compare")


def test_one_chosen_try_on_asks_for_another(guest: Client, tryons: list[TryOnRequest]) -> None:
    for ids in ([tryons[0].pk], [tryons[0].pk] * 2):
        response = compare(guest, *ids)
        assert CHOOSE_ONE_MORE in text(response)
        assert len(entry_urls(response)) == 3
        (box,) = (it for it in Elements(response).find("input", name="compare") if "checked" in it)
        assert box["value"] == str(tryons[0].pk)


def test_more_than_two_chosen_try_ons_are_refused(guest: Client, tryons: list[TryOnRequest]) -> None:
    response = compare(guest, *(row.pk for row in tryons))
    assert response.status_code == 200
    assert CHOOSE_TWO in text(response)
    # They stay ticked, so that the shopper can untick one.
    assert sum("checked" in it for it in Elements(response).find("input", name="compare")) == 3


def test_foreign_running_or_unknown_try_ons_are_not_compared(
    guest: Client, stranger: Client, tryons: list[TryOnRequest], shirt: Product, phone_photo: PhotoMaker
) -> None:
    other = complete_tryon(order_by_form(stranger, shirt, phone_photo(shade=9)))
    running = order_by_form(guest, shirt, phone_photo(shade=8))
    for wrong in (other.pk, uuid4(), running.pk, "x", "\0", ""):
        response = compare(guest, tryons[0].pk, wrong)
        assert response.status_code == 200
        assert "Side by side" not in text(response)
        assert len(entry_urls(response)) == 4
        assert result_url(other) not in text(response)
    assert "Side by side" not in text(compare(Client(), tryons[0].pk, tryons[1].pk))


def test_liking_one_of_the_two_returns_to_the_comparison(guest: Client, tryons: list[TryOnRequest]) -> None:
    first, second = tryons[:2]
    page = compare(guest, first.pk, second.pk)
    (action_url,) = {
        it["action"] for it in Elements(page).find("form", method="post") if "compare=" in it["action"]
    }
    for expected in ("like", ""):
        answer = post_action(guest, action_url, "like", try_on=str(second.pk))
        assert (answer.status_code, answer["Location"]) == (303, action_url)
        second.refresh_from_db()
        assert second.feedback == expected
    first.refresh_from_db()
    assert first.feedback == ""


def test_only_the_owner_can_like_and_only_the_compared_try_ons(
    guest: Client, stranger: Client, tryons: list[TryOnRequest]
) -> None:
    action_url = f"{HISTORY_URL}?compare={tryons[0].pk}&compare={tryons[1].pk}"
    assert post_action(stranger, action_url, "like", try_on=str(tryons[0].pk))["Location"] == HISTORY_URL
    assert post_action(guest, action_url, "like", try_on=str(tryons[2].pk))["Location"] == action_url
    assert post_action(guest, HISTORY_URL, "like", try_on=str(tryons[0].pk))["Location"] == HISTORY_URL
    assert post_action(guest, action_url, "like")["Location"] == action_url
    assert not TryOnRequest.objects.exclude(feedback="").exists()


def test_the_comparison_keeps_the_pages_language(
    settings: Settings, guest: Client, tryons: list[TryOnRequest]
) -> None:
    """A browser drops the query of a GET form's action."""
    settings.ROOT_URLCONF = "tests.language_prefixes.shop_only"
    page = Elements(guest.get(HISTORY_URL, {"lang": "de"}))
    fields = {it["name"]: it["value"] for it in page.find("input", type="hidden") if it.get("name") == "lang"}
    assert fields == {"lang": "de"}
    response = guest.get(HISTORY_URL, fields | {"compare": [str(row.pk) for row in tryons[:2]]})
    assert re.search(r'<html lang="de"', text(response))
    actions = [it["action"] for it in Elements(response).find("form", method="post")]
    liking = [action for action in actions if "compare=" in action]
    assert len(liking) == 2
    assert all("lang=de" in action for action in liking)
