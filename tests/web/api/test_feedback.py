from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, transaction

from django_vton import privacy
from django_vton.exceptions import Refused
from django_vton.intake import feedback
from django_vton.models import TryOnRequest
from tests.tryons import (
    TRY_ONS,
    TRYON_KEYS,
    complete_tryon,
    create_tryon,
    error_code,
)

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db


def test_feedback_is_stored_or_withdrawn(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = complete_tryon(create_tryon(guest, shirt, phone_photo()))
    url = f"{TRY_ONS}{row.pk}/feedback/"
    for value in ("like", "dislike", None):
        response = guest.put(url, {"value": value}, content_type="application/json")
        assert (response.status_code, response.json()["feedback"]) == (200, value)
    for wrong in ("love", 1, True, ["like"], {"like": 1}, "\ud800"):
        body = json.dumps({"value": wrong})
        assert error_code(guest.put(url, body, content_type="application/json")) == (400, "feedback_invalid")
    assert error_code(guest.put(url, "{}", content_type="application/json")) == (400, "feedback_invalid")


class Rating:
    """Sends a shopper's feedback on a completed try-on to the API."""

    def __init__(self, client: Client, row: TryOnRequest) -> None:
        self.client, self.row = client, row
        self.url = f"{TRY_ONS}{row.pk}/feedback/"

    def put(self, **body: object) -> Any:
        return self.client.put(self.url, json.dumps(body), content_type="application/json")

    @property
    def stored(self) -> tuple[str, str]:
        self.row.refresh_from_db()
        return self.row.feedback, self.row.feedback_reason


@pytest.fixture
def rating(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> Rating:
    return Rating(guest, complete_tryon(create_tryon(guest, shirt, phone_photo())))


@pytest.mark.parametrize("reason", ["fit", "colour", "not_like_me", "poor_picture"])
def test_a_dislike_stores_a_reason_for_the_shop(rating: Rating, reason: str) -> None:
    response = rating.put(value="dislike", reason=reason)

    assert (response.status_code, response.json()["feedback"]) == (200, "dislike")
    assert set(response.json()) == TRYON_KEYS, "the reason is for the shop and not part of the object"
    assert rating.stored == ("dislike", reason)


def test_a_reason_stays_until_another_value_or_null_is_sent(rating: Rating) -> None:
    for body, expected in (
        ({"value": "dislike"}, ("dislike", "")),
        ({"value": "dislike", "reason": "fit"}, ("dislike", "fit")),
        ({"value": "dislike"}, ("dislike", "fit")),
        ({"value": "dislike", "reason": "colour"}, ("dislike", "colour")),
        ({"value": "dislike", "reason": None}, ("dislike", "")),
        ({"value": "dislike", "reason": "fit"}, ("dislike", "fit")),
        ({"value": "like"}, ("like", "")),
        ({"value": "dislike"}, ("dislike", "")),
        ({"value": "dislike", "reason": "fit"}, ("dislike", "fit")),
        ({"value": None, "reason": None}, ("", "")),
        ({"value": "like", "reason": None}, ("like", "")),
    ):
        assert rating.put(**body).status_code == 200
        assert rating.stored == expected, body


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        *[("dislike", "size"), ("dislike", "Fit"), ("dislike", "fit\0"), ("dislike", 1), ("dislike", False)],
        *[("dislike", ["fit"]), ("dislike", []), ("dislike", {}), ("like", "fit"), (None, "fit")],
    ],
)
def test_an_unknown_or_misplaced_reason_is_refused_and_changes_nothing(
    rating: Rating, value: str | None, reason: object
) -> None:
    rating.put(value="dislike", reason="colour")
    response = rating.put(value=value, reason=reason)

    assert error_code(response) == (400, "feedback_invalid")
    assert response.json()["field"] == "reason"
    assert rating.stored == ("dislike", "colour")


def test_a_reason_does_not_change_the_etag(guest: Client, rating: Rating) -> None:
    rating.put(value="dislike")
    etag = guest.get(f"{TRY_ONS}{rating.row.pk}/")["ETag"]
    rating.put(value="dislike", reason="fit")
    again = guest.get(f"{TRY_ONS}{rating.row.pk}/", headers={"If-None-Match": etag})

    assert again.status_code == 304


def test_feedback_is_not_stored_while_the_try_on_is_erased(rating: Rating) -> None:
    privacy.erase_tryon(TryOnRequest.objects.get(pk=rating.row.pk))
    with pytest.raises(Refused, match="not_found"):
        feedback.save(rating.row, "dislike", "fit")

    assert rating.stored == ("", "")


@pytest.mark.parametrize("value", ["", "like"])
def test_the_database_refuses_a_reason_without_a_dislike(rating: Rating, value: str) -> None:
    rating.put(value="dislike", reason="fit")
    with pytest.raises(IntegrityError), transaction.atomic():
        TryOnRequest.objects.update(feedback=value)

    assert rating.stored == ("dislike", "fit")
