"""A consent is for the version of the text that was shown. After a change, the shopper is asked again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from django_vton.models import Consent, PersonPhoto, TryOnRequest
from tests.tryons import create_tryon, error_code, get_start, post_tryon
from tests.web.pages.actions import form_url, post_order, shows_message, text

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product
    from tests.conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _versions(vton: Vton) -> None:
    vton(CONSENT_VERSION="2", MODERATE=f"{__name__}.accept")


MODERATED: list[Any] = []


def accept(*arguments: Any) -> bool:
    MODERATED.append(arguments)
    return True


def test_a_consent_to_an_older_version_is_refused(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    MODERATED.clear()
    response = post_tryon(guest, shirt, phone_photo(), consent_version="1")
    assert error_code(response) == (400, "consent_required")
    assert response.json()["field"] == "consent"
    assert not TryOnRequest.objects.exists()
    assert not PersonPhoto.objects.exists()
    assert not MODERATED


@pytest.mark.parametrize("version", ["2", "", None])
def test_a_consent_to_the_current_version_is_accepted(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, version: str | None
) -> None:
    """API clients that do not send the version still work."""
    assert post_tryon(guest, shirt, phone_photo(), consent_version=version).status_code == 202
    assert Consent.objects.get().version == "2"


def test_an_order_with_an_old_version_is_accepted_if_the_shopper_has_agreed_to_the_current_one(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, house_model: PersonPhoto
) -> None:
    """The shopper opened the dialog before the text changed, and agreed to the new text on another page."""
    response = post_tryon(guest, shirt, photo_id=str(house_model.pk), consent_version="1", consent=None)
    assert response.status_code == 202
    create_tryon(guest, shirt, phone_photo(), consent_version="2")
    assert post_tryon(guest, shirt, phone_photo(shade=1), consent_version="1").status_code == 202


def test_an_order_without_a_consent_question_records_no_consent(
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
def test_a_version_must_be_a_string(
    guest: Client, shirt: Product, house_model: PersonPhoto, version: Any
) -> None:
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


def test_the_page_asks_again_after_the_text_changed(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    shown = version_in(text(guest.get(form_url(shirt))))
    vton(CONSENT_VERSION="3", CONSENT_TEXT="A different text.")
    response = post_order(guest, shirt, phone_photo(), consent="on", consent_version=shown)
    assert response.status_code == 400
    assert shows_message(response, "consent_required")
    html = text(response)
    assert "A different text." in html
    assert not re.search(r'name="consent"[^>]*checked', html), (
        "the earlier tick is no consent to the new text"
    )
    assert not TryOnRequest.objects.exists()
    accepted = post_order(guest, shirt, phone_photo(), consent="on", consent_version=version_in(html))
    assert accepted.status_code == 303
    assert Consent.objects.get().version == "3"
