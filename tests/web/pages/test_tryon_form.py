"""`try/{product}/`: the form, and its refusals."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from django_vton import images
from django_vton.models import Consent, DispatcherLease, PauseSwitch, PersonPhoto, TryOnRequest
from shop.models import Product
from tests.tryons import make_product

from .actions import (
    form_url,
    nothing_is_stored,
    order_by_form,
    post_order,
    result_url,
    shows_message,
    text,
)

if TYPE_CHECKING:
    from django.test import Client

    from shop.models import Product

    from ...conftest import PhotoMaker, Vton


pytestmark = pytest.mark.django_db


def test_the_form_shows_photos_options_consent_and_guidance(
    guest: Client, shirt: Product, glasses: Product, house_model: PersonPhoto
) -> None:
    response = guest.get(form_url(shirt))
    html = text(response)
    assert response.status_code == 200
    assert 'type="file" name="photo"' in html
    assert "capture" not in html
    assert str(house_model.pk) in html
    assert 'name="option_num_samples"' in html
    assert re.search(r'name="consent"[^>]*>', html)
    assert not re.search(r'name="(consent|keep_photo)"[^>]*checked', html)
    assert "24 hours" in html
    assert "10 try-ons left" in html
    assert "Just you, standing, facing the camera" in html
    assert "up to 15 MB and at least 300 \N{MULTIPLICATION SIGN} 300 px" in html

    html = text(guest.get(form_url(glasses)))
    assert str(house_model.pk) not in html
    assert "Add a photo of your face" in html
    assert "Glasses already on" in html
    assert 'name="option_num_samples"' not in html


def test_an_accepted_order_sets_the_session_and_leads_to_the_result(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = order_by_form(guest, shirt, phone_photo(), keep_photo="on", option_num_samples="3")
    assert "sessionid" in guest.cookies
    assert row.options["num_samples"] == 3
    assert row.photo is not None
    assert row.photo.is_reusable
    assert Consent.objects.get().locale == "en"
    assert guest.get(result_url(row)).status_code == 200

    html = text(guest.get(form_url(shirt)))
    assert 'name="consent"' not in html
    assert str(row.photo.pk) in html
    assert post_order(guest, shirt, photo_id=str(row.photo.pk), consent=None).status_code == 303


def test_a_house_model_needs_no_consent(guest: Client, shirt: Product, house_model: PersonPhoto) -> None:
    row = order_by_form(guest, shirt, photo_id=str(house_model.pk), consent=None)
    assert row.photo == house_model
    assert not Consent.objects.exists()


@pytest.mark.parametrize(
    ("code", "field", "photo", "fields"),
    [
        ("photo_required", "id_photo", None, {}),
        ("consent_required", "id_consent", "good", {"consent": None}),
        ("photo_format", "id_photo", "letter", {}),
        ("photo_unreadable", "id_photo", "half", {}),
        ("photo_unreadable", "id_photo", "empty", {}),
        ("photo_too_small", "id_photo", "small", {}),
        ("photo_gone", "id_photo_id", None, {"photo_id": str(uuid4())}),
        ("photo_gone", "id_photo_id", None, {"photo_id": "\0"}),
        ("photo_refused", "id_photo", "good", {}),
        ("options_invalid", "id_option_num_samples", "good", {"option_num_samples": "99"}),
        ("captcha_required", "", "good", {}),
    ],
)
def test_a_refusal_is_shown_at_its_field(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    vton: Vton,
    code: str,
    field: str,
    photo: str | None,
    fields: dict[str, Any],
) -> None:
    good = phone_photo()
    files = {
        "letter": b"Dear diary, " * 100,
        "half": good[:3000],
        "small": phone_photo(200, 200),
        "empty": b"",
    }
    vton(
        MODERATE="tests.web.pages.test_tryon_form.refuse" if code == "photo_refused" else None,
        CAPTCHA="tests.web.pages.test_tryon_form.refuse" if code == "captcha_required" else None,
    )
    response = post_order(guest, shirt, None if photo is None else files.get(photo, good), **fields)
    html = text(response)

    assert response.status_code == 400
    assert 'role="alert"' in html
    if photo not in {
        "letter",
        "half",
        "small",
        "empty",
    }:  # These have a more detailed message.
        assert shows_message(response, code)
    if field:
        assert f'<a href="#{field}">' in html
        assert f'id="{field}"' in html
        assert f'id="{field}_error"' in html
    assert ("choose your photo again" in html) == (photo is not None)
    assert nothing_is_stored()
    assert not PersonPhoto.objects.exists()
    assert "sessionid" not in guest.cookies


def refuse(*_args: Any) -> bool:
    return False


def test_a_too_large_photo_is_refused_and_not_kept(
    guest: Client, shirt: Product, phone_photo: PhotoMaker
) -> None:
    response = post_order(guest, shirt, phone_photo() + bytes(images.MAX_BYTES))
    assert response.status_code == 413
    assert shows_message(response, "photo_too_large")
    assert not response.wsgi_request.FILES
    assert nothing_is_stored()


def test_an_upload_together_with_a_stored_photo_is_refused(
    guest: Client, shirt: Product, house_model: PersonPhoto, phone_photo: PhotoMaker
) -> None:
    response = post_order(guest, shirt, phone_photo(), photo_id=str(house_model.pk))
    assert response.status_code == 400
    assert "You chose a file and a photo" in text(response)
    assert nothing_is_stored()


def test_a_refused_form_keeps_its_values(
    guest: Client, shirt: Product, house_model: PersonPhoto, vton: Vton
) -> None:
    vton(QUOTA="0/day")
    response = post_order(
        guest, shirt, photo_id=str(house_model.pk), option_num_samples="4", keep_photo="on", consent="on"
    )
    html = text(response)
    assert response.status_code == 429
    assert int(response["Retry-After"]) > 0
    assert shows_message(response, "quota_exceeded")
    assert re.search(rf'value="{house_model.pk}"\s+checked', html)
    assert '<option value="4" selected>' in html
    assert re.search(r'name="keep_photo"[^>]*checked', html)
    assert re.search(r'name="consent"[^>]*checked', html)
    assert "choose your photo again" not in html


@pytest.mark.parametrize(
    ("code", "get_status", "post_status"),
    [
        ("paused", 503, 503),
        ("not_configured", 503, 503),
        ("unavailable", 503, 503),
        ("budget_exhausted", 503, 429),
        ("product_not_enabled", 404, 400),
        ("product_unknown", 404, 404),
    ],
)
def test_an_unavailable_try_on_is_explained_for_get_and_post(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    vton: Vton,
    code: str,
    get_status: int,
    post_status: int,
) -> None:
    match code:
        case "paused":
            PauseSwitch.objects.create(is_paused=True)
        case "not_configured":
            vton(PIXAZO_API_KEY="")
        case "unavailable":
            DispatcherLease.objects.create(number=1, seen_at=timezone.now() - timedelta(hours=1))
        case "budget_exhausted":
            vton(DAILY_BUDGET=Decimal(0))
        case "product_not_enabled":
            type(shirt).objects.update(is_public=False)
        case "product_unknown":
            shirt.pk = 0
    page, refused = guest.get(form_url(shirt)), post_order(guest, shirt, phone_photo())
    assert (page.status_code, refused.status_code) == (get_status, post_status)
    assert shows_message(page, code)
    assert shows_message(refused, code)
    assert (shirt.name in refused.content.decode()) == (
        code not in {"product_not_enabled", "product_unknown"}
    )
    if get_status == 503:
        assert int(page["Retry-After"]) > 0
        assert int(refused["Retry-After"]) > 0
    assert nothing_is_stored()


def test_the_form_is_unavailable_while_the_package_is_disabled(
    guest: Client, shirt: Product, vton: Vton
) -> None:
    vton(ENABLED=False)
    assert guest.get(form_url(shirt)).status_code == 503


def test_the_number_of_running_try_ons_is_limited(
    guest: Client, shirt: Product, phone_photo: PhotoMaker, vton: Vton
) -> None:
    vton(IN_FLIGHT=1)
    order_by_form(guest, shirt, phone_photo())
    response = post_order(guest, shirt, phone_photo(shade=1))
    assert response.status_code == 429
    assert shows_message(response, "in_flight_limit")
    assert TryOnRequest.objects.count() == 1


def test_a_product_without_a_try_on_is_not_found(guest: Client, db: None) -> None:  # noqa: ARG001
    assert guest.get(form_url(make_product("tote", "accessory"))).status_code == 404
