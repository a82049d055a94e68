"""`mine/` and `privacy/`: download, erasure, withdrawal of consent, and the policy."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client

from django_vton.messages import format_duration
from django_vton.models import PersonPhoto, Shopper, TryOnRequest
from shop.models import Product
from tests.tryons import complete_tryon

from .actions import (
    HISTORY_URL,
    PRIVACY_URL,
    form_url,
    order_by_form,
    post_action,
    result_url,
    text,
)

if TYPE_CHECKING:
    from shop.models import Product

    from ...conftest import PhotoMaker, Vton


pytestmark = pytest.mark.django_db


def test_an_empty_history_explains_itself(guest: Client) -> None:
    html = text(guest.get(HISTORY_URL))
    assert "Nothing here yet." in html
    assert "<form" not in html.partition('class="vton-page"')[2]


def test_a_shopper_with_data_can_download_it(guest: Client, row: TryOnRequest) -> None:
    link = re.search(r'href="([^"]+)" download="[\w-]+\.json">Download my data', text(guest.get(HISTORY_URL)))
    assert link is not None
    assert str(row.pk) in text(guest.get(link[1]))
    assert "Download my data" not in text(Client().get(HISTORY_URL))


def test_erasing_everything_deletes_all_data_after_confirmation(
    guest: Client, stranger: Client, row: TryOnRequest
) -> None:
    assert "Delete everything?" in text(guest.get(HISTORY_URL + "?confirm=erase"))
    assert Shopper.objects.exists()
    assert post_action(stranger, HISTORY_URL, "erase").status_code == 303
    assert Shopper.objects.exists()

    done = guest.post(HISTORY_URL, {"action": "erase"}, follow=True)
    assert "Everything is deleted." in text(done)
    assert "Nothing here yet." in text(done)
    assert not Shopper.objects.exists()
    assert not PersonPhoto.objects.exists()
    assert "vton_shopper" not in guest.session
    assert guest.get(result_url(row)).status_code == 404


def test_withdrawing_the_consent_deletes_photos_and_keeps_results(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = complete_tryon(order_by_form(guest, shirt, phone_photo(), keep_photo="on"))
    assert "?confirm=withdraw" in text(guest.get(HISTORY_URL))
    done = guest.post(HISTORY_URL, {"action": "withdraw"}, follow=True)
    assert "withdrawn your consent" in text(done)
    assert "?confirm=withdraw" not in text(done)
    assert not PersonPhoto.objects.exists()
    assert guest.get(result_url(row)).status_code == 200
    assert 'name="consent"' in text(guest.get(form_url(shirt)))


def test_deleting_one_photo_keeps_the_others(
    guest: Client, stranger: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    rows = [order_by_form(guest, shirt, phone_photo(shade=shade), keep_photo="on") for shade in (1, 2)]
    order_by_form(stranger, shirt, phone_photo(shade=3))
    photo = str(rows[0].photo_id)
    post_action(stranger, HISTORY_URL, "forget", photo=photo)
    assert PersonPhoto.objects.count() == 3
    assert photo in text(guest.get(HISTORY_URL))
    done = guest.post(HISTORY_URL, {"action": "forget", "photo": photo}, follow=True)
    assert photo not in text(done)
    assert PersonPhoto.objects.count() == 2


@pytest.mark.parametrize("url", [HISTORY_URL, "result"])
def test_an_unknown_action_does_nothing(guest: Client, row: TryOnRequest, url: str) -> None:
    response = post_action(guest, result_url(row) if url == "result" else url, "explode")
    assert response.status_code == 400
    assert TryOnRequest.objects.active().count() == 1


def test_the_policy_shows_the_settings(guest: Client, vton: Vton) -> None:
    vton(
        PHOTO_RETENTION=timedelta(hours=36),
        RESULT_RETENTION=timedelta(days=7),
        CONSENT_VERSION="v-7",
        CONSENT_TEXT="I <agree>",
        PRIVACY_URL="https://shop.example/privacy",
    )
    html = text(guest.get(PRIVACY_URL))
    for value in ("36 hours", "7 days", "v-7", "I &lt;agree&gt;", "Pixazo", "https://shop.example/privacy"):
        assert value in html


def test_the_form_links_to_the_shops_privacy_policy(guest: Client, shirt: Product, vton: Vton) -> None:
    assert f'<a href="{PRIVACY_URL}">What happens' in text(guest.get(form_url(shirt)))
    vton(PRIVACY_URL="https://shop.example/privacy")
    assert '<a href="https://shop.example/privacy">What happens' in text(guest.get(form_url(shirt)))


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
def test_durations_in_words(length: timedelta, words: str) -> None:
    assert format_duration(length) == words
