"""`mine/` as a wall of looks: what each card shows, only the liked ones, and two side by side."""

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
from tests.doors import render, submit

from .steps import HISTORY, Elements, act, links, ordered, page_of, text

if TYPE_CHECKING:
    from pytest_django import Settings

    from shop.models import Product

    from ...conftest import PhotoMaker

pytestmark = pytest.mark.django_db

CHOOSE_ONE_MORE = "Please choose one more preview to compare."
CHOOSE_TWO = "Please choose just two."


@pytest.fixture
def looks(guest: Client, shirt: Product, glasses: Product, phone_photo: PhotoMaker) -> list[TryOnRequest]:
    """Three finished ones, the oldest first."""
    products = (shirt, glasses, shirt)
    return [render(ordered(guest, it, phone_photo(shade=shade))) for shade, it in enumerate(products)]


def cards(response: Any) -> list[str]:
    """The pages to which the cards lead, in order."""
    return [it["href"] for it in Elements(response).of("a", **{"class": "vton-entry"})]


def compare(client: Client, *ids: object) -> Any:
    return client.get(HISTORY, {"compare": [str(pk) for pk in ids]})


# The wall -------------------------------------------------------------------------------------------


def test_the_newest_are_first_and_only_mine(
    guest: Client, stranger: Client, looks: list[TryOnRequest], shirt: Product, phone_photo: PhotoMaker
) -> None:
    other = render(ordered(stranger, shirt, phone_photo(shade=9)))
    assert cards(guest.get(HISTORY)) == [page_of(row) for row in reversed(looks)]
    assert cards(stranger.get(HISTORY)) == [page_of(other)]
    assert cards(Client().get(HISTORY)) == []


def test_a_look_can_be_seen_bought_and_deleted(guest: Client, looks: list[TryOnRequest]) -> None:
    response = guest.get(HISTORY)
    for row in looks:
        picture = reverse("vton:image", args=[row.pictures[0].pk])
        (image,) = Elements(response).of("img", src=f"{picture}?size=thumbnail")
        # Its place is there before it is.
        assert (image["width"], image["height"]) == ("400", "500")
        assert image["alt"].startswith("AI-generated preview: ")
        assert f"{page_of(row)}?confirm=delete" in links(response)
    assert links(response).count("/products/shirt/#try-on") == 2
    assert links(response).count("/products/glasses/#try-on") == 1


def test_deleting_from_the_wall_asks_and_then_says_so(guest: Client, looks: list[TryOnRequest]) -> None:
    assert "Delete this preview for good?" in text(guest.get(f"{page_of(looks[0])}?confirm=delete"))
    done = guest.post(page_of(looks[0]), {"action": "delete"}, follow=True)
    assert '<p class="vton-done" role="status">Deleted</p>' in text(done)
    assert cards(done) == [page_of(looks[2]), page_of(looks[1])]


def test_what_is_running_has_a_quiet_place(guest: Client, row: TryOnRequest) -> None:
    assert "In the queue" in text(guest.get(HISTORY))
    submit(row)
    response = guest.get(HISTORY)
    assert "Creating your look…" in text(response)
    assert cards(response) == [page_of(row)]
    assert not Elements(response).of("img")
    assert f"{page_of(row)}?confirm=delete" not in links(response)


def test_what_failed_says_why(guest: Client, row: TryOnRequest) -> None:
    # The row as the lifecycle leaves it, which has tests of its own.
    failed: dict[str, Any] = {"state": State.FAILED, "error_code": "no_person", "finished_at": timezone.now()}
    TryOnRequest.objects.filter(pk=row.pk).update(**failed)
    response = guest.get(HISTORY)
    assert cards(response) == [page_of(row)]
    assert "find a person in this photo" in text(response)
    assert f"{page_of(row)}?confirm=delete" in links(response)
    assert "/products/shirt/#try-on" not in links(response)


def test_what_was_cancelled_is_small_and_apart(guest: Client, row: TryOnRequest) -> None:
    assert lifecycle.cancel(row)
    response = guest.get(HISTORY)
    assert cards(response) == []
    assert "vton-blank" not in text(response)
    assert "Nothing here yet" not in text(response)
    assert page_of(row) in links(response)
    assert text(response).index("Cancelled</h2>") < text(response).index(page_of(row))


def test_pages(guest: Client, row: TryOnRequest, django_assert_max_num_queries: Any) -> None:
    for _ in range(PER_PAGE + 1):
        TryOnRequest.objects.create(shopper=row.shopper, product=row.product, engine=row.engine)
    with django_assert_max_num_queries(15):
        first = guest.get(HISTORY)
    second = guest.get(HISTORY, {"page": "2"})
    assert len(cards(first)) == PER_PAGE
    assert len(cards(second)) == 2
    assert page_of(row) in cards(second)
    assert f"{HISTORY}?page=2" in links(first)
    assert f"{HISTORY}?page=1" in links(second)
    assert guest.get(HISTORY, {"page": "9" * 5000}).status_code == 200


@pytest.mark.parametrize(("language", "date"), [("en", "March 9, 2026"), ("de", "9. März 2026")])
def test_dates_are_in_the_pages_language(guest: Client, row: TryOnRequest, language: str, date: str) -> None:
    moment = datetime(2026, 3, 9, 12, tzinfo=timezone.get_default_timezone())
    TryOnRequest.objects.filter(pk=row.pk).update(created_at=moment)
    html = text(guest.get(HISTORY, headers={"Accept-Language": language}))
    assert f'<time class="vton-muted" datetime="2026-03-09T12:00:00+01:00">{date}</time>' in html


# Only the liked ones --------------------------------------------------------------------------------


def test_only_the_liked_ones(guest: Client, looks: list[TryOnRequest]) -> None:
    act(guest, page_of(looks[0]), "like")
    act(guest, page_of(looks[1]), "dislike")
    everything = guest.get(HISTORY)
    assert len(cards(everything)) == 3
    assert text(everything).count('class="vton-liked"') == 1
    assert f"{HISTORY}?liked=1" in links(everything)
    liked = guest.get(HISTORY, {"liked": "1"})
    assert cards(liked) == [page_of(looks[0])]
    assert HISTORY in links(liked)


def test_nothing_liked_yet(guest: Client, looks: list[TryOnRequest]) -> None:
    response = guest.get(HISTORY, {"liked": "1"})
    assert cards(response) == []
    assert "Nothing liked yet." in text(response)
    assert page_of(looks[0]) not in text(response)
    assert HISTORY in links(response)


def test_the_pages_of_the_liked_ones_stay_with_them(guest: Client, looks: list[TryOnRequest]) -> None:
    TryOnRequest.objects.bulk_create(
        TryOnRequest(
            shopper=looks[0].shopper, product=looks[0].product, engine=looks[0].engine, feedback="like"
        )
        for _ in range(PER_PAGE + 1)
    )
    first = guest.get(HISTORY, {"liked": "1"})
    assert f"{HISTORY}?liked=1&page=2" in links(first)
    assert f"{HISTORY}?liked=1&page=1" in links(guest.get(HISTORY, {"liked": "1", "page": "2"}))


# Two side by side -----------------------------------------------------------------------------------


def test_two_are_seen_side_by_side(guest: Client, looks: list[TryOnRequest]) -> None:
    first, second = looks[2], looks[0]
    response = compare(guest, first.pk, second.pk)
    html = text(response)
    assert response.status_code == 200
    assert "Side by side</h1>" in html
    # In the order in which they were chosen.
    pictures = [reverse("vton:image", args=[row.pictures[0].pk]) for row in (first, second)]
    assert [it["src"] for it in Elements(response).of("img")] == pictures
    assert html.count(">AI-generated preview<") == 2
    assert links(response).count("/products/shirt/#try-on") == 2
    for row in (first, second):
        assert f"{page_of(row)}?confirm=delete" in links(response)
    assert page_of(looks[1]) not in html


def test_the_wall_offers_it_without_javascript(guest: Client, looks: list[TryOnRequest]) -> None:
    page = Elements(guest.get(HISTORY))
    (form,) = page.of("form", method="get")
    assert form["action"] == HISTORY
    boxes = page.of("input", type="checkbox", name="compare")
    assert [it["value"] for it in boxes] == [str(row.pk) for row in reversed(looks)]
    assert not any("checked" in it for it in boxes)


def test_one_look_is_not_offered_for_comparing(guest: Client, row: TryOnRequest) -> None:
    render(row)
    assert not Elements(guest.get(HISTORY)).of("input", name="compare")


def test_one_alone_asks_for_another(guest: Client, looks: list[TryOnRequest]) -> None:
    for ids in ([looks[0].pk], [looks[0].pk] * 2):
        response = compare(guest, *ids)
        assert CHOOSE_ONE_MORE in text(response)
        assert len(cards(response)) == 3
        (box,) = (it for it in Elements(response).of("input", name="compare") if "checked" in it)
        assert box["value"] == str(looks[0].pk)


def test_more_than_two_are_kindly_refused(guest: Client, looks: list[TryOnRequest]) -> None:
    response = compare(guest, *(row.pk for row in looks))
    assert response.status_code == 200
    assert CHOOSE_TWO in text(response)
    # So that one can be unticked.
    assert sum("checked" in it for it in Elements(response).of("input", name="compare")) == 3


def test_nobody_elses_look_is_compared(
    guest: Client, stranger: Client, looks: list[TryOnRequest], shirt: Product, phone_photo: PhotoMaker
) -> None:
    other = render(ordered(stranger, shirt, phone_photo(shade=9)))
    running = ordered(guest, shirt, phone_photo(shade=8))
    for wrong in (other.pk, uuid4(), running.pk, "x", "\0", ""):
        response = compare(guest, looks[0].pk, wrong)
        assert response.status_code == 200
        assert "Side by side" not in text(response)
        assert len(cards(response)) == 4
        assert page_of(other) not in text(response)
    assert "Side by side" not in text(compare(Client(), looks[0].pk, looks[1].pk))


def test_one_of_the_two_is_liked_and_stays_beside_the_other(guest: Client, looks: list[TryOnRequest]) -> None:
    first, second = looks[:2]
    page = compare(guest, first.pk, second.pk)
    (here,) = {it["action"] for it in Elements(page).of("form", method="post") if "compare=" in it["action"]}
    for expected in ("like", ""):
        answer = act(guest, here, "like", try_on=str(second.pk))
        assert (answer.status_code, answer["Location"]) == (303, here)
        second.refresh_from_db()
        assert second.feedback == expected
    first.refresh_from_db()
    assert first.feedback == ""


def test_liking_there_is_for_the_owner_and_for_the_two_alone(
    guest: Client, stranger: Client, looks: list[TryOnRequest]
) -> None:
    here = f"{HISTORY}?compare={looks[0].pk}&compare={looks[1].pk}"
    assert act(stranger, here, "like", try_on=str(looks[0].pk))["Location"] == HISTORY
    assert act(guest, here, "like", try_on=str(looks[2].pk))["Location"] == here
    assert act(guest, HISTORY, "like", try_on=str(looks[0].pk))["Location"] == HISTORY
    assert act(guest, here, "like")["Location"] == here
    assert not TryOnRequest.objects.exclude(feedback="").exists()


def test_comparing_stays_in_the_pages_language(
    settings: Settings, guest: Client, looks: list[TryOnRequest]
) -> None:
    """A GET form forgets the query of its action."""
    settings.ROOT_URLCONF = "tests.prefixes.outside"
    page = Elements(guest.get(HISTORY, {"lang": "de"}))
    fields = {it["name"]: it["value"] for it in page.of("input", type="hidden") if it.get("name") == "lang"}
    assert fields == {"lang": "de"}
    response = guest.get(HISTORY, fields | {"compare": [str(row.pk) for row in looks[:2]]})
    assert re.search(r'<html lang="de"', text(response))
    actions = [it["action"] for it in Elements(response).of("form", method="post")]
    liking = [action for action in actions if "compare=" in action]
    assert len(liking) == 2
    assert all("lang=de" in action for action in liking)
