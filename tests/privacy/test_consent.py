"""A consent is to the words that were shown: the form says which, and others are asked anew."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from django_vton.models import Consent, PersonPhoto, TryOnRequest
from tests.tryons import create_tryon, error_code, get_start, post_tryon
from tests.web.pages.steps import form_of, order, says, text

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _versions(vton: Vton) -> None:
    vton(CONSENT_VERSION="2", MODERATE=f"{__name__}.is_fine")


SEEN: list[Any] = []


def is_fine(*seen: Any) -> bool:
    SEEN.append(seen)
    return True


def test_a_consent_to_other_words_is_none(guest: Client, shirt: Product, phone_photo: PhotoMaker) -> None:
    SEEN.clear()
    response = post_tryon(guest, shirt, phone_photo(), consent_version="1")
    assert error_code(response) == (400, "consent_required")
    assert response.json()["field"] == "consent"
    assert not TryOnRequest.objects.exists()
    assert not PersonPhoto.objects.exists()
    assert not SEEN


@pytest.mark.parametrize("version", ["2", "", None])
def test_a_consent_to_the_present_words_is_one(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, version: str | None
) -> None:
    """Callers of the API that were written before the field was there are still served."""
    assert post_tryon(guest, shirt, phone_photo(), consent_version=version).status_code == 202
    assert Consent.objects.get().version == "2"


def test_what_was_agreed_to_need_not_be_read_again(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, house_model: PersonPhoto
) -> None:
    """A dialog that was opened before the words changed; the shopper has agreed to the new ones elsewhere."""
    response = post_tryon(guest, shirt, photo_id=str(house_model.pk), consent_version="1", consent=None)
    assert response.status_code == 202
    create_tryon(guest, shirt, phone_photo(), consent_version="2")
    assert post_tryon(guest, shirt, phone_photo(shade=1), consent_version="1").status_code == 202


def test_a_dialog_that_did_not_ask_records_nothing_new(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    create_tryon(guest, shirt, phone_photo())
    opened = get_start(guest, shirt).json()["consent"]
    assert opened["required"] is False
    vton(CONSENT_VERSION="3")
    response = post_tryon(guest, shirt, phone_photo(shade=1), consent_version=opened["version"])
    assert error_code(response) == (400, "consent_required")
    assert set(Consent.objects.values_list("version", flat=True)) == {"2"}


@pytest.mark.parametrize("version", [2, True, ["2"], {}])
def test_a_version_is_text(guest: Client, shirt: Product, house_model: PersonPhoto, version: Any) -> None:
    body = {
        "product": f"shop.product:{shirt.pk}",
        "photo_id": str(house_model.pk),
        "consent_version": version,
    }
    response = guest.post("/try-on/api/try-ons/", body, content_type="application/json")
    assert error_code(response) == (400, "request_invalid")


def version_in(html: str) -> str:
    [version] = re.findall(r'name="consent_version" value="([^"]*)"', html)
    return str(version)


def test_the_page_asks_again_for_new_words(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    shown = version_in(text(guest.get(form_of(shirt))))
    vton(CONSENT_VERSION="3", CONSENT_TEXT="Quite other words.")
    response = order(guest, shirt, phone_photo(), consent="on", consent_version=shown)
    assert response.status_code == 400
    assert says(response, "consent_required")
    html = text(response)
    assert "Quite other words." in html
    assert not re.search(r'name="consent"[^>]*checked', html), (
        "it is not agreed to by having been ticked before"
    )
    assert not TryOnRequest.objects.exists()
    accepted = order(guest, shirt, phone_photo(), consent="on", consent_version=version_in(html))
    assert accepted.status_code == 303
    assert Consent.objects.get().version == "3"
