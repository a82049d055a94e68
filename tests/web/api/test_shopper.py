from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse

from django_vton import privacy
from django_vton.models import Attempt, Consent, PersonPhoto, Shopper, TryOnRequest
from django_vton.shoppers import SESSION_KEY
from tests.tryons import TRY_ONS, complete_tryon, create_tryon, error_code, post_tryon

if TYPE_CHECKING:
    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db


def test_reusable_photos_and_house_models_are_listed(
    guest: Client, stranger: Client, shirt: Product, house_model: PersonPhoto, phone_photo: PhotoMaker
) -> None:
    create_tryon(guest, shirt, phone_photo(shade=1))
    kept = create_tryon(guest, shirt, phone_photo(), keep_photo="true")

    body = guest.get(reverse("vton:photos")).json()

    assert [it["id"] for it in body["photos"]] == [str(kept.photo_id)]
    assert [it["id"] for it in body["house_models"]] == [str(house_model.pk)]
    assert stranger.get(reverse("vton:photos")).json()["photos"] == []


def test_a_shopper_can_erase_only_their_own_photos(
    guest: Client, stranger: Client, shirt: Product, house_model: PersonPhoto, phone_photo: PhotoMaker
) -> None:
    row = create_tryon(guest, shirt, phone_photo(), keep_photo="true")
    create_tryon(stranger, shirt, phone_photo())
    url = reverse("vton:photo", args=[row.photo_id])

    for other in (stranger, Client()):
        assert error_code(other.delete(url)) == (404, "not_found")
    assert error_code(guest.delete(reverse("vton:photo", args=[house_model.pk]))) == (404, "not_found")
    assert error_code(Client().delete(reverse("vton:photo", args=[house_model.pk]))) == (404, "not_found")

    assert guest.delete(url).status_code == 204
    assert not PersonPhoto.objects.filter(try_ons=row).exists()
    assert guest.get(f"{TRY_ONS}{row.pk}/").json()["status"] == "canceled"
    assert guest.get(f"{TRY_ONS}{row.pk}/").json()["photo"] is None
    assert error_code(post_tryon(guest, shirt, photo_id=str(row.photo_id))) == (400, "photo_gone")


def test_a_shopper_can_export_and_erase_all_their_data(
    guest: Client, stranger: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = complete_tryon(create_tryon(guest, shirt, phone_photo(), keep_photo="true"))
    other = create_tryon(stranger, shirt, phone_photo())
    me = reverse("vton:me")

    told = guest.get(me).json()
    assert [it["id"] for it in told["try_ons"]] == [str(row.pk)]
    assert [it["id"] for it in told["photos"]] == [str(row.photo_id)]
    assert told["consents"][0]["version"] == "1"

    assert guest.delete(me).status_code == 204
    assert SESSION_KEY not in guest.session
    assert guest.get(me).json() == privacy.export_shopper(None)
    assert list(Shopper.objects.all()) == [other.shopper]
    assert TryOnRequest.objects.get(pk=row.pk).erased_at
    assert Attempt.objects.count() == 2
    assert guest.delete(me).status_code == 204


def test_withdrawing_the_consent_erases_the_photos(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = create_tryon(guest, shirt, phone_photo(), keep_photo="true")
    assert guest.delete(reverse("vton:consent")).status_code == 204
    assert Consent.objects.get().withdrawn_at
    assert not PersonPhoto.objects.filter(try_ons=row).exists()
    assert error_code(post_tryon(guest, shirt, phone_photo(), consent=None)) == (400, "consent_required")
    assert Client().delete(reverse("vton:consent")).status_code == 204


def test_personal_responses_are_never_cached(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    create_tryon(guest, shirt, phone_photo())
    for name in ("tryons", "photos", "me"):
        response = guest.get(reverse(f"vton:{name}"))
        assert response["Cache-Control"] == "no-store"
        assert "Cookie" in response["Vary"]
