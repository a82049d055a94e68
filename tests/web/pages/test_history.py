"""`mine/` and `privacy/`: what is stored, and how to delete it."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from django_vton.messages import duration
from django_vton.models import PersonPhoto, Shopper, TryOnRequest
from shop.models import Product
from tests.doors import render

from .steps import (
    HISTORY,
    PRIVACY,
    act,
    form_of,
    ordered,
    page_of,
    text,
)

if TYPE_CHECKING:
    from shop.models import Product

    from ...conftest import PhotoMaker, Vton


pytestmark = pytest.mark.django_db


def test_an_empty_history_is_friendly(guest: Client) -> None:
    html = text(guest.get(HISTORY))
    assert "Nothing here yet." in html
    assert "<form" not in html.partition('class="vton-page"')[2]


def test_whoever_has_data_may_take_it_along(guest: Client, row: TryOnRequest) -> None:
    link = re.search(r'href="([^"]+)" download="[\w-]+\.json">Download my data', text(guest.get(HISTORY)))
    assert link is not None
    assert str(row.pk) in text(guest.get(link[1]))
    assert "Download my data" not in text(Client().get(HISTORY))


def test_erase_everything(guest: Client, stranger: Client, row: TryOnRequest) -> None:
    assert "Delete everything?" in text(guest.get(HISTORY + "?confirm=erase"))
    assert Shopper.objects.exists()
    assert act(stranger, HISTORY, "erase").status_code == 303
    assert Shopper.objects.exists()

    done = guest.post(HISTORY, {"action": "erase"}, follow=True)
    assert "Everything is deleted." in text(done)
    assert "Nothing here yet." in text(done)
    assert not Shopper.objects.exists()
    assert not PersonPhoto.objects.exists()
    assert "vton_shopper" not in guest.session
    assert guest.get(page_of(row)).status_code == 404


def test_withdraw_the_consent(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = render(ordered(guest, shirt, phone_photo(), keep_photo="on"))
    assert "?confirm=withdraw" in text(guest.get(HISTORY))
    done = guest.post(HISTORY, {"action": "withdraw"}, follow=True)
    assert "withdrawn your consent" in text(done)
    assert "?confirm=withdraw" not in text(done)
    assert not PersonPhoto.objects.exists()
    assert guest.get(page_of(row)).status_code == 200
    assert 'name="consent"' in text(guest.get(form_of(shirt)))


def test_forget_one_photo(guest: Client, stranger: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    rows = [ordered(guest, shirt, phone_photo(shade=shade), keep_photo="on") for shade in (1, 2)]
    ordered(stranger, shirt, phone_photo(shade=3))
    photo = str(rows[0].photo_id)
    act(stranger, HISTORY, "forget", photo=photo)
    assert PersonPhoto.objects.count() == 3
    assert photo in text(guest.get(HISTORY))
    done = guest.post(HISTORY, {"action": "forget", "photo": photo}, follow=True)
    assert photo not in text(done)
    assert PersonPhoto.objects.count() == 2


@pytest.mark.parametrize("address", [HISTORY, "result"])
def test_an_unknown_action_does_nothing(guest: Client, row: TryOnRequest, address: str) -> None:
    response = act(guest, page_of(row) if address == "result" else address, "explode")
    assert response.status_code == 400
    assert TryOnRequest.objects.active().count() == 1


def test_the_policy_speaks_of_the_settings(guest: Client, vton: Vton) -> None:
    vton(
        PHOTO_RETENTION=timedelta(hours=36),
        RESULT_RETENTION=timedelta(days=7),
        CONSENT_VERSION="v-7",
        CONSENT_TEXT="I <agree>",
        PRIVACY_URL="https://shop.example/privacy",
    )
    html = text(guest.get(PRIVACY))
    for words in ("36 hours", "7 days", "v-7", "I &lt;agree&gt;", "Pixazo", "https://shop.example/privacy"):
        assert words in html


def test_the_forms_policy_is_the_shops_own(guest: Client, shirt: Product, vton: Vton) -> None:
    assert f'<a href="{PRIVACY}">What happens' in text(guest.get(form_of(shirt)))
    vton(PRIVACY_URL="https://shop.example/privacy")
    assert '<a href="https://shop.example/privacy">What happens' in text(guest.get(form_of(shirt)))


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(minutes=1), "1 minute"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=24), "24 hours"),
        (timedelta(days=2), "2 days"),
        (timedelta(hours=60), "60 hours"),
    ],
)
def test_lengths_in_words(length: timedelta, words: str) -> None:
    assert duration(length) == words
