"""A German page of a shop, read in a browser that asks for English."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.template import Context, Template
from django.test import Client
from django.urls import reverse, set_script_prefix
from django.utils import translation

from django_vton import lifecycle
from django_vton.messages import MESSAGES
from django_vton.models import PauseSwitch, PersonPhoto, TryOnRequest
from django_vton.web.pages.history import PER_PAGE
from tests.doors import ref, render, start, upload
from tests.test_locale import PLACEHOLDER, catalogue, read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db

SPOKEN = {"alt", "aria-label", "title", "placeholder", "value"}
"""Attributes that somebody reads, or hears; and sentences in data-, which scripts show."""


def english() -> re.Pattern[str]:
    """Any of our sentences whose German is another."""
    found = set()
    for key, entry in read(catalogue("de")).items():
        for text in filter(None, (key and entry.fields["msgid"], entry.fields.get("msgid_plural"))):
            if text not in entry.forms:
                words = " ".join(text.split()).replace("%%", "%")
                found.add(".+".join(map(re.escape, PLACEHOLDER.split(words))))
    assert len(found) > 200
    return re.compile("|".join(sorted(found)))


class Read(HTMLParser):
    """What is read on a page, and where one can go from there."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.forms: list[str] = []
        self.element: dict[str, dict[str, str]] = {}
        self.ours: dict[str, str] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.element.setdefault(tag, given)
        if given.get("class") == "vton-page":
            self.ours = given
        self.texts += [
            value
            for name, value in given.items()
            if name in SPOKEN or (name.startswith("data-") and not value.islower())
        ]
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag == "form" and given.get("action", "").startswith("/try-on/"):
            self.forms.append(given["action"])

    def handle_data(self, data: str) -> None:
        self.texts.append(" ".join(data.split()))


class German:
    """A visitor of German pages, whose browser asks for English: every answer has to be German."""

    def __init__(self) -> None:
        self.client = Client(headers={"Accept-Language": "en"})
        self.english = english()

    def check(self, response: Any, status: int = 200) -> Read:
        assert response.status_code == status, response.content.decode()
        assert response["Content-Language"] == "de"
        page = Read(response.content.decode())
        assert page.element["html"]["lang"] == "de"
        if response.request["PATH_INFO"].startswith("/try-on/"):
            assert (page.ours["lang"], page.ours["dir"]) == ("de", "ltr")
        assert [text for text in page.texts if self.english.fullmatch(text)] == []
        assert any(re.search("Anprobe|anprobieren", text) for text in page.texts)
        return page

    def get(self, address: str, status: int = 200) -> Read:
        return self.check(self.client.get(address), status)

    def post(self, address: str, status: int = 200, **fields: Any) -> Read:
        """Where it was taken, the page to which it leads."""
        return self.check(self.client.post(address, fields, follow=True), status)

    def order(self, address: str, **fields: Any) -> TryOnRequest:
        self.post(address, key=str(uuid4()), consent="on", **fields)
        row = TryOnRequest.objects.exclude(shopper=None).order_by("created_at").last()
        assert row is not None
        return row

    def walk(self, address: str) -> dict[str, Read]:
        """The page and all of ours that links lead to from there."""
        found: dict[str, Read] = {}
        left = [address]
        while left:
            if (it := left.pop()) not in found:
                found[it] = self.get(it)
                left += [link for link in found[it].links if re.match("/try-on/(try|r|mine|privacy)/", link)]
        return found


@pytest.fixture
def german() -> German:
    return German()


@pytest.fixture
def outside(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.prefixes.outside"


def page_in_shop(product: Product) -> str:
    return f"/de/products/{product.slug}/"


def form_of(product: Product) -> str:
    return f"/try-on/try/{ref(product)}/?lang=de"


# Without JavaScript -----------------------------------------------------------------------------------


def test_the_check_knows_english_when_it_sees_it(german: German, shirt: Product) -> None:
    texts = Read(german.client.get(f"/try-on/try/{ref(shirt)}/").content.decode()).texts
    assert len([text for text in texts if german.english.fullmatch(text)]) > 15


@pytest.mark.usefixtures("outside", "house_model")
def test_from_the_button_to_the_result(german: German, shirt: Product, phone_photo: PhotoMaker) -> None:
    form = german.get(page_in_shop(shirt)).links
    assert form_of(shirt) in form
    assert german.get(form_of(shirt)).forms == [form_of(shirt)]

    row = german.order(form_of(shirt), photo=upload(phone_photo()), keep_photo="on")
    here = f"/try-on/r/{row.pk}/"
    walked = german.walk(f"{here}?lang=de")
    assert {f"{here}?auto=1&lang=de", "/try-on/mine/?lang=de", "/try-on/privacy/?lang=de"} <= set(walked)

    render(row)
    ready = german.walk(f"{here}?lang=de")
    assert {f"{here}?confirm=delete&lang=de", "/try-on/mine/?confirm=withdraw&lang=de"} <= set(ready)
    assert any(link.startswith(page_in_shop(shirt)) for link in ready[f"{here}?lang=de"].links)
    assert "KI-generierte Vorschau: Shirt auf Ihrem Foto" in ready[f"{here}?lang=de"].texts
    (tools,) = ready[f"{here}?lang=de"].forms
    german.post(tools, action="like")
    assert all(address.endswith("lang=de") for page in ready.values() for address in page.forms)

    (delete,) = ready[f"{here}?confirm=delete&lang=de"].forms
    german.post(delete, action="delete")


@pytest.mark.usefixtures("outside")
def test_what_is_canceled_or_failed(
    german: German, shirt: Product, phone_photo: PhotoMaker, house_model: PersonPhoto
) -> None:
    row = german.order(form_of(shirt), photo=upload(phone_photo()), keep_photo="on")
    here = f"/try-on/r/{row.pk}/?lang=de"
    german.post(here, action="cancel")
    german.post(here, status=409, action="cancel")
    again = f"/try-on/try/{ref(shirt)}/?photo={row.photo_id}&lang=de"
    assert again in german.walk(here)

    other = german.order(form_of(shirt), photo_id=str(house_model.pk))
    assert lifecycle.cancel(other)
    TryOnRequest.objects.filter(pk=other.pk).update(state="failed", error_code="no_person")
    german.walk(f"/try-on/r/{other.pk}/?lang=de")


@pytest.mark.usefixtures("outside")
def test_the_history_and_how_to_be_rid_of_it(german: German, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = german.order(form_of(shirt), photo=upload(phone_photo()), keep_photo="on")
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


@pytest.mark.usefixtures("outside")
def test_refusals(german: German, shirt: Product, glasses: Product) -> None:
    assert german_for("photo_required") in german.post(form_of(shirt), status=400).texts
    german.post(form_of(shirt), status=400, photo=upload(b"no photo"), consent="on")
    german.post(form_of(shirt), status=400, photo_id=str(uuid4()))
    german.get("/try-on/try/shop.product:0/?lang=de", 404)
    german.get(f"/try-on/r/{uuid4()}/?lang=de", 404)
    german.post("/try-on/mine/?lang=de", status=400, action="x")
    forged = Client(headers={"Accept-Language": "en"}, enforce_csrf_checks=True).post(form_of(glasses))
    assert form_of(glasses) in german.check(forged, 403).links
    PauseSwitch.objects.create(is_paused=True)
    german.get(form_of(shirt), 503)


def german_for(code: str) -> str:
    with translation.override("de"):
        return str(MESSAGES[code])


@pytest.mark.usefixtures("outside")
def test_the_shops_own_choice_of_languages_wins(german: German, shirt: Product) -> None:
    html = german.client.get(form_of(shirt)).content.decode()
    (here,) = re.findall(r'name="next" value="([^"]+)"', html)
    chosen = german.client.post("/i18n/setlang/", {"language": "ar", "next": here}, follow=True)
    page = Read(chosen.content.decode())
    assert page.element["html"]["lang"] == "ar"
    assert page.forms == [f"/try-on/try/{ref(shirt)}/?lang=ar"]


def test_a_language_that_the_shop_lacks_is_the_browsers(german: German, shirt: Product) -> None:
    for lang in ("", "xx", "de\0", "d" * 1000):
        response = german.client.get(f"/try-on/try/{ref(shirt)}/", {"lang": lang})
        assert response["Content-Language"] == "en"
        assert '<html lang="en"' in response.content.decode()


# For scripts ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("outside")
def test_the_page_tells_the_scripts_its_language(german: German, shirt: Product) -> None:
    page = german.get(page_in_shop(shirt))
    assert page.element["script"]["lang"] == "de"
    assert page.element["vton-try-on"]["lang"] == "de"


@pytest.mark.usefixtures("outside")
def test_the_dialog_is_german(german: German, shirt: Product) -> None:
    response = german.client.get("/try-on/dialog/", {"product": ref(shirt), "lang": "de"})
    assert response["Content-Language"] == "de"
    assert not [text for text in Read(response.content.decode()).texts if german.english.fullmatch(text)]
    lost = german.client.get("/try-on/dialog/", {"product": "shop.product:0", "lang": "de"})
    assert lost.content.decode() == german_for("product_unknown")


@pytest.mark.usefixtures("outside")
def test_every_call_of_the_api_is_answered_in_german(
    german: German, shirt: Product, phone_photo: PhotoMaker
) -> None:
    api = "/try-on/api/try-ons/"
    links = start(german.client, shirt, lang="de").json()
    assert links["links"] == {"history": "/try-on/mine/?lang=de", "privacy": "/try-on/privacy/?lang=de"}
    assert links["consent"]["url"] == "/try-on/privacy/?lang=de"
    assert links["product"]["url"] == page_in_shop(shirt)

    body = {"product": ref(shirt), "photo": upload(phone_photo()), "consent": "true"}
    asked = german.client.post(f"{api}?lang=de", body)
    assert asked["Content-Language"] == "de"
    row = TryOnRequest.objects.get(pk=asked.json()["id"])
    here = f"/try-on/r/{row.pk}/?lang=de"
    assert (asked.json()["page_url"], asked.json()["product_url"]) == (here, page_in_shop(shirt))

    render(row)
    one, many = german.client.get(f"{api}{row.pk}/?lang=de"), german.client.get(f"{api}?lang=de")
    liked = german.client.put(
        f"{api}{row.pk}/feedback/?lang=de", {"value": "like"}, content_type="application/json"
    )
    for it in (one.json(), many.json()["results"][0], liked.json()):
        assert it["page_url"] == here
        assert it["images"][0]["alt"] == "KI-generierte Vorschau: Shirt auf Ihrem Foto"
    unchanged = german.client.get(f"{api}{row.pk}/?lang=de", headers={"If-None-Match": one["ETag"]})
    assert unchanged.status_code == 200  # Liked since.
    refused = german.client.post(f"{api}{row.pk}/cancel/?lang=de")
    assert refused.json()["detail"] == german_for("not_cancelable")
    deleted = german.client.delete(f"{api}{row.pk}/?lang=de")
    assert (deleted.status_code, deleted["Content-Language"]) == (204, "de")
    gone = german.client.get(f"{api}{row.pk}/?lang=de")
    assert gone.json()["detail"] == german_for("not_found")
    forged = Client(headers={"Accept-Language": "en"}, enforce_csrf_checks=True).post(f"{api}?lang=de")
    assert forged.json()["detail"] == german_for("csrf_failed")


@pytest.mark.usefixtures("outside")
def test_a_next_page_of_the_api_stays_german(german: German, shirt: Product, phone_photo: PhotoMaker) -> None:
    row = german.order(form_of(shirt), photo=upload(phone_photo()))
    TryOnRequest.objects.bulk_create(
        TryOnRequest(shopper=row.shopper, product=row.product, engine=row.engine) for _ in range(20)
    )
    first = german.client.get("/try-on/api/try-ons/?lang=de").json()
    second = german.client.get(first["next"])
    assert second["Content-Language"] == "de"
    assert len(second.json()["results"]) == 1


# Where the address tells it ---------------------------------------------------------------------------


def addresses(client: Client, page: str, product: Product) -> tuple[str, str, str]:
    """Of the form, as the button links to it; the history, as it links to it; and the API's start."""
    shown = Read(client.get(page).content.decode())
    (form,) = [link for link in shown.links if ref(product) in link]
    (history, *_others) = [link for link in Read(client.get(form).content.decode()).links if "/mine/" in link]
    return form, history, shown.element["vton-try-on"]["start-url"]


def test_under_the_prefix_it_is_told_by_the_prefix(
    settings: Settings, german: German, shirt: Product
) -> None:
    settings.ROOT_URLCONF = "tests.prefixes.inside"
    found = addresses(german.client, page_in_shop(shirt), shirt)
    assert found == (f"/de/try-on/try/{ref(shirt)}/", "/de/try-on/mine/", "/de/try-on/api/start/")
    german.get(found[0])


def test_a_default_language_without_prefix_is_told_by_its_lack(
    settings: Settings, german: German, shirt: Product
) -> None:
    settings.ROOT_URLCONF = "tests.prefixes.default_without"
    form, history, _start = addresses(german.client, page_in_shop(shirt), shirt)
    assert (form, history) == (form_of(shirt), "/try-on/mine/?lang=de")
    german.get(form)
    form, history, _start = addresses(german.client, f"/products/{shirt.slug}/", shirt)
    assert (form, history) == (f"/try-on/try/{ref(shirt)}/", "/try-on/mine/")


def test_a_shop_without_prefixes_has_plain_addresses(german: German, shirt: Product) -> None:
    german.client.cookies["django_language"] = "de"
    found = addresses(german.client, f"/products/{shirt.slug}/", shirt)
    assert found == (f"/try-on/try/{ref(shirt)}/", "/try-on/mine/", "/try-on/api/start/")
    german.get(found[0])
    assert start(german.client, shirt, lang="de").json()["links"]["history"] == "/try-on/mine/"


@pytest.fixture
def in_a_folder() -> Iterator[None]:
    set_script_prefix("/shop/")
    yield
    set_script_prefix("/")


@pytest.mark.usefixtures("in_a_folder")
@pytest.mark.parametrize(
    ("urls", "history"), [("inside", "/shop/de/try-on/mine/"), ("outside", "/shop/try-on/mine/?lang=de")]
)
def test_a_shop_in_a_folder_of_its_host(settings: Settings, urls: str, history: str) -> None:
    settings.ROOT_URLCONF = f"tests.prefixes.{urls}"
    with translation.override("de"):
        assert reverse("vton:history") in history
        assert Template('{% load vton %}{% tryon_url "history" %}').render(Context()) == history
