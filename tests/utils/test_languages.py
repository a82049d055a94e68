"""German pages of a shop in a browser that prefers English."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import translation

from django_vton import lifecycle
from django_vton.messages import MESSAGES
from django_vton.models import PauseSwitch, PersonPhoto, TryOnRequest
from django_vton.web.pages.history import PER_PAGE
from tests.tryons import complete_tryon, get_start, product_ref, uploaded_photo

if TYPE_CHECKING:
    from shop.models import Product
    from tests.conftest import PhotoMaker

from .german import GermanVisitor, ParsedPage, form_url, product_page_url

pytestmark = pytest.mark.django_db


def test_the_check_recognizes_english(german: GermanVisitor, shirt: Product) -> None:
    texts = ParsedPage(german.client.get(f"/try-on/try/{product_ref(shirt)}/").content.decode()).texts
    assert len([text for text in texts if german.english_pattern.fullmatch(text)]) > 15


@pytest.mark.usefixtures("prefixed_shop", "house_model")
def test_the_button_the_form_and_the_result_are_german(
    german: GermanVisitor, shirt: Product, phone_photo: PhotoMaker
) -> None:
    form = german.get(product_page_url(shirt)).links
    assert form_url(shirt) in form
    assert german.get(form_url(shirt)).forms == [form_url(shirt)]

    row = german.order(form_url(shirt), photo=uploaded_photo(phone_photo()), keep_photo="on")
    here = f"/try-on/r/{row.pk}/"
    walked = german.walk(f"{here}?lang=de")
    assert {f"{here}?auto=1&lang=de", "/try-on/mine/?lang=de", "/try-on/privacy/?lang=de"} <= set(walked)

    complete_tryon(row)
    ready = german.walk(f"{here}?lang=de")
    assert {f"{here}?confirm=delete&lang=de", "/try-on/mine/?confirm=withdraw&lang=de"} <= set(ready)
    assert any(link.startswith(product_page_url(shirt)) for link in ready[f"{here}?lang=de"].links)
    assert "KI-generierte Vorschau: Shirt auf Ihrem Foto" in ready[f"{here}?lang=de"].texts
    (tools,) = ready[f"{here}?lang=de"].forms
    german.post(tools, action="like")
    assert all(url.endswith("lang=de") for page in ready.values() for url in page.forms)

    (delete,) = ready[f"{here}?confirm=delete&lang=de"].forms
    german.post(delete, action="delete")


@pytest.mark.usefixtures("prefixed_shop")
def test_canceled_and_failed_try_ons_are_german(
    german: GermanVisitor, shirt: Product, phone_photo: PhotoMaker, house_model: PersonPhoto
) -> None:
    row = german.order(form_url(shirt), photo=uploaded_photo(phone_photo()), keep_photo="on")
    here = f"/try-on/r/{row.pk}/?lang=de"
    german.post(here, action="cancel")
    german.post(here, status=409, action="cancel")
    again = f"/try-on/try/{product_ref(shirt)}/?photo={row.photo_id}&lang=de"
    assert again in german.walk(here)

    other = german.order(form_url(shirt), photo_id=str(house_model.pk))
    assert lifecycle.cancel(other)
    TryOnRequest.objects.filter(pk=other.pk).update(state="failed", error_code="no_person")
    german.walk(f"/try-on/r/{other.pk}/?lang=de")


@pytest.mark.usefixtures("prefixed_shop")
def test_history_and_deletion_are_german(
    german: GermanVisitor, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = german.order(form_url(shirt), photo=uploaded_photo(phone_photo()), keep_photo="on")
    TryOnRequest.objects.bulk_create(
        TryOnRequest(shopper=row.shopper, product=row.product, engine=row.engine) for _ in range(PER_PAGE)
    )
    history = "/try-on/mine/?lang=de"
    pages = german.walk(history)
    assert {"/try-on/mine/?page=1&lang=de", "/try-on/mine/?page=2&lang=de"} <= set(pages)
    assert set(pages[history].forms) == {history}
    german.post(history, action="forget", photo=str(row.photo_id))
    for action in ("withdraw", "erase"):
        (form,) = pages[f"/try-on/mine/?confirm={action}&lang=de"].forms
        german.post(form, action=action)


@pytest.mark.usefixtures("prefixed_shop")
def test_refusals_are_german(german: GermanVisitor, shirt: Product, glasses: Product) -> None:
    assert german_for("photo_required") in german.post(form_url(shirt), status=400).texts
    german.post(form_url(shirt), status=400, photo=uploaded_photo(b"no photo"), consent="on")
    german.post(form_url(shirt), status=400, photo_id=str(uuid4()))
    german.get("/try-on/try/shop.product:0/?lang=de", 404)
    german.get(f"/try-on/r/{uuid4()}/?lang=de", 404)
    german.post("/try-on/mine/?lang=de", status=400, action="x")
    forged = Client(headers={"Accept-Language": "en"}, enforce_csrf_checks=True).post(form_url(glasses))
    assert form_url(glasses) in german.check(forged, 403).links
    PauseSwitch.objects.create(is_paused=True)
    german.get(form_url(shirt), 503)


def german_for(code: str) -> str:
    with translation.override("de"):
        return str(MESSAGES[code])


@pytest.mark.usefixtures("prefixed_shop")
def test_only_the_shops_languages_are_used(german: GermanVisitor, shirt: Product) -> None:
    html = german.client.get(form_url(shirt)).content.decode()
    (here,) = re.findall(r'name="next" value="([^"]+)"', html)
    chosen = german.client.post("/i18n/setlang/", {"language": "ar", "next": here}, follow=True)
    page = ParsedPage(chosen.content.decode())
    assert page.element["html"]["lang"] == "ar"
    assert page.forms == [f"/try-on/try/{product_ref(shirt)}/?lang=ar"]


def test_an_unsupported_language_falls_back_to_the_browsers(german: GermanVisitor, shirt: Product) -> None:
    for lang in ("", "xx", "de\0", "d" * 1000):
        response = german.client.get(f"/try-on/try/{product_ref(shirt)}/", {"lang": lang})
        assert response["Content-Language"] == "en"
        assert '<html lang="en"' in response.content.decode()


@pytest.mark.usefixtures("prefixed_shop")
def test_the_page_passes_its_language_to_the_scripts(german: GermanVisitor, shirt: Product) -> None:
    page = german.get(product_page_url(shirt))
    assert page.element["script"]["lang"] == "de"
    assert page.element["vton-try-on"]["lang"] == "de"


@pytest.mark.usefixtures("prefixed_shop")
def test_the_dialog_is_german(german: GermanVisitor, shirt: Product) -> None:
    response = german.client.get("/try-on/dialog/", {"product": product_ref(shirt), "lang": "de"})
    assert response["Content-Language"] == "de"
    assert not [
        text for text in ParsedPage(response.content.decode()).texts if german.english_pattern.fullmatch(text)
    ]
    lost = german.client.get("/try-on/dialog/", {"product": "shop.product:0", "lang": "de"})
    assert lost.content.decode() == german_for("product_unknown")


@pytest.mark.usefixtures("prefixed_shop")
def test_all_api_responses_are_german(german: GermanVisitor, shirt: Product, phone_photo: PhotoMaker) -> None:
    api = "/try-on/api/try-ons/"
    links = get_start(german.client, shirt, lang="de").json()
    assert links["links"] == {"history": "/try-on/mine/?lang=de", "privacy": "/try-on/privacy/?lang=de"}
    assert links["consent"]["url"] == "/try-on/privacy/?lang=de"
    assert links["product"]["url"] == product_page_url(shirt)

    body = {"product": product_ref(shirt), "photo": uploaded_photo(phone_photo()), "consent": "true"}
    created = german.client.post(f"{api}?lang=de", body)
    assert created["Content-Language"] == "de"
    row = TryOnRequest.objects.get(pk=created.json()["id"])
    here = f"/try-on/r/{row.pk}/?lang=de"
    assert (created.json()["page_url"], created.json()["product_url"]) == (here, product_page_url(shirt))

    complete_tryon(row)
    one, many = german.client.get(f"{api}{row.pk}/?lang=de"), german.client.get(f"{api}?lang=de")
    liked = german.client.put(
        f"{api}{row.pk}/feedback/?lang=de", {"value": "like"}, content_type="application/json"
    )
    for tryon in (one.json(), many.json()["results"][0], liked.json()):
        assert tryon["page_url"] == here
        assert tryon["images"][0]["alt"] == "KI-generierte Vorschau: Shirt auf Ihrem Foto"
    unchanged = german.client.get(f"{api}{row.pk}/?lang=de", headers={"If-None-Match": one["ETag"]})
    assert unchanged.status_code == 200  # The shopper has liked the result in between.
    refused = german.client.post(f"{api}{row.pk}/cancel/?lang=de")
    assert refused.json()["detail"] == german_for("not_cancelable")
    deleted = german.client.delete(f"{api}{row.pk}/?lang=de")
    assert (deleted.status_code, deleted["Content-Language"]) == (204, "de")
    gone = german.client.get(f"{api}{row.pk}/?lang=de")
    assert gone.json()["detail"] == german_for("not_found")
    forged = Client(headers={"Accept-Language": "en"}, enforce_csrf_checks=True).post(f"{api}?lang=de")
    assert forged.json()["detail"] == german_for("csrf_failed")


@pytest.mark.usefixtures("prefixed_shop")
def test_the_apis_next_page_url_keeps_the_language(
    german: GermanVisitor, shirt: Product, phone_photo: PhotoMaker
) -> None:
    row = german.order(form_url(shirt), photo=uploaded_photo(phone_photo()))
    TryOnRequest.objects.bulk_create(
        TryOnRequest(shopper=row.shopper, product=row.product, engine=row.engine) for _ in range(20)
    )
    first = german.client.get("/try-on/api/try-ons/?lang=de").json()
    second = german.client.get(first["next"])
    assert second["Content-Language"] == "de"
    assert len(second.json()["results"]) == 1
