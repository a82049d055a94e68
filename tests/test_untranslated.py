"""A French page of a shop: nobody has translated the package's words into French, but the shop its own.

Then the try-on is English and says so, never half French; and it leads back to French pages.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils import translation

from django_vton.models import Consent, PauseSwitch, Publication, TryOnRequest
from tests.doors import ask, ref, render, start, upload
from tests.test_locale import HEADER, catalogue, catalogue_of, read
from tests.utils.test_languages import Read

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db

RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\w{64}")
"""Keys and tokens, which differ from answer to answer."""
LINK = re.compile(r' (href|action|data-share|name="lang" value)="[^"]*"')


@pytest.fixture(autouse=True, params=["en", "de"])
def shop(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> None:
    """Its default language is English, or German, which Django falls back to. Other apps speak French.

    French stands there for each message of the package, but without its context: nothing of it may be used.
    """
    messages = [entry.fields["msgid"] for key, entry in read(catalogue("de")).items() if key]
    (tmp_path / "fr" / "LC_MESSAGES").mkdir(parents=True)
    words = {"": HEADER, "Bag": "Panier"} | {message: f"French: {message}" for message in messages}
    (tmp_path / "fr" / "LC_MESSAGES" / "django.mo").write_bytes(catalogue_of(words))
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGE_CODE = request.param
    settings.LANGUAGES = [*settings.LANGUAGES, ("fr", "French"), ("pt-br", "Portuguese"), ("de-at", "German")]
    settings.ROOT_URLCONF = "tests.prefixes.outside"


def our_part(html: str) -> str:
    """Of a page, what is between the shop's header and footer, without what is random in it."""
    start = html.index('<div class="vton-page"')
    return RANDOM.sub("", html[start : html.index("</main>", start)])


class Shopper:
    """Asks for each page in French and in English."""

    def __init__(self) -> None:
        self.client = Client(headers={"Accept-Language": "de"})

    def get(self, address: str, **query: str) -> Read:
        """The French page: its part of ours is the English one, but that its links lead to French pages."""
        french, english = (self.client.get(address, query | {"lang": lang}) for lang in ("fr", "en"))
        assert french.status_code == english.status_code
        assert french["Content-Language"] == english["Content-Language"] == "en"
        html, other = (our_part(it.content.decode()) for it in (french, english))
        assert LINK.sub("", html) == LINK.sub("", other)
        page = Read(french.content.decode())
        assert page.element["html"]["lang"] == "fr"
        assert "Panier" in french.content.decode()
        assert (page.ours["lang"], page.ours["dir"]) == ("en", "ltr")
        links = [
            link for link in [*Read(html).links, *Read(html).forms] if link.startswith(("/try-on/", "/fr"))
        ]
        assert links
        assert all(
            "lang=fr" in link or link.startswith(("/fr/", "/try-on/images/", "/try-on/photos/"))
            for link in links
        ), links
        title = re.search(r"<title>(.*?) · Lindenhof</title>", french.content.decode(), re.DOTALL)
        assert title is not None
        assert f"<title>{title[1]} · Lindenhof</title>" in english.content.decode()
        return page


@pytest.fixture
def shopper() -> Shopper:
    return Shopper()


@pytest.mark.usefixtures("house_model")
def test_pages_are_english_in_the_shops_french_frame(
    shopper: Shopper, shirt: Product, phone_photo: PhotoMaker
) -> None:
    form = f"/try-on/try/{ref(shirt)}/"
    shopper.get(form)
    fields = {"key": str(uuid4()), "consent": "on", "keep_photo": "on"}
    sent = shopper.client.post(f"{form}?lang=fr", fields | {"photo": upload(phone_photo())})
    row = TryOnRequest.objects.get()
    assert sent["Location"] == f"/try-on/r/{row.pk}/?lang=fr"
    assert row.product_url == f"/fr/products/{shirt.slug}/"
    assert Consent.objects.get().locale == "en"  # The language in which they read what they agreed to.
    shopper.get(f"/try-on/r/{row.pk}/")
    render(row)
    shopper.get(f"/try-on/r/{row.pk}/")
    shopper.get(f"/try-on/r/{row.pk}/", confirm="delete")
    TryOnRequest.objects.filter(pk=row.pk).update(state="failed", error_code="no_person")
    shopper.get(f"/try-on/r/{row.pk}/")
    shopper.get("/try-on/mine/")
    shopper.get("/try-on/mine/", confirm="erase")
    shopper.get("/try-on/privacy/")
    shopper.get(f"/try-on/r/{uuid4()}/")
    PauseSwitch.objects.create(is_paused=True)
    shopper.get(form)


def test_what_a_form_refuses_is_said_in_english(shopper: Shopper, shirt: Product) -> None:
    form = f"/try-on/try/{ref(shirt)}/"
    french, english = (shopper.client.post(f"{form}?lang={lang}", {}) for lang in ("fr", "en"))
    assert french.status_code == 400
    html, other = (LINK.sub("", our_part(it.content.decode())) for it in (french, english))
    assert html == other
    assert "Please add a photo first." in html


def test_the_dialog_is_english_and_says_so(shopper: Shopper, shirt: Product) -> None:
    french, english = (
        shopper.client.get("/try-on/dialog/", {"product": ref(shirt), "lang": lang}) for lang in ("fr", "en")
    )
    assert french["Content-Language"] == "en"
    assert french.content == english.content
    assert b' lang="en" dir="ltr"' in french.content


@pytest.mark.parametrize(
    ("page", "spoken"), [("pt-br", "en"), ("de-at", "de-at"), ("ar", "ar"), ("en", "en")]
)
def test_a_regional_language_is_spoken_where_its_base_is(
    shopper: Shopper, shirt: Product, page: str, spoken: str
) -> None:
    shown = shopper.client.get("/try-on/dialog/", {"product": ref(shirt), "lang": page})
    assert shown["Content-Language"] == spoken
    assert f' lang="{spoken}" dir="{"rtl" if spoken == "ar" else "ltr"}"' in shown.content.decode()
    assert ("In den Warenkorb" in shown.content.decode()) == (spoken == "de-at")


def test_the_api_is_english_and_leads_to_french_pages(
    shopper: Shopper, shirt: Product, phone_photo: PhotoMaker
) -> None:
    french, english = (start(shopper.client, shirt, lang=lang) for lang in ("fr", "en"))
    assert french["Content-Language"] == french.json()["lang"] == "en"
    assert french.json()["consent"]["text"] == english.json()["consent"]["text"]
    assert french.json()["options"] == english.json()["options"]
    assert french.json()["links"]["history"] == "/try-on/mine/?lang=fr"
    assert french.json()["product"]["url"] == f"/fr/products/{shirt.slug}/"

    refused = shopper.client.post("/try-on/api/try-ons/?lang=fr", {"product": ref(shirt)})
    assert refused["Content-Language"] == "en"
    assert refused.json()["detail"] == "Please add a photo first."

    row = TryOnRequest.objects.get(pk=ask(shopper.client, shirt, phone_photo()).json()["id"])
    render(row)
    shown: Any = shopper.client.get(f"/try-on/api/try-ons/{row.pk}/?lang=fr").json()
    assert shown["images"][0]["alt"] == "AI-generated preview: Shirt on your photo"
    assert shown["page_url"] == f"/try-on/r/{row.pk}/?lang=fr"


def test_a_file_that_is_not_there_is_said_in_english(shopper: Shopper) -> None:
    missing = shopper.client.get(f"/try-on/images/{uuid4()}/", {"lang": "fr"})
    assert missing["Content-Language"] == "en"
    with translation.override("en"):
        assert missing.json()["detail"].startswith("We couldn't find")


def in_page(language: str, template: str, **context: Any) -> str:
    with translation.override(language):
        return Template("{% load vton %}" + template).render(Context(context))


def test_the_button_is_english_and_leads_to_a_french_page(shirt: Product) -> None:
    french = in_page("fr", "{% tryon product %}", product=shirt)
    element = Read(french).element
    assert element["vton-try-on"]["lang"] == "fr"  # Which scripts ask our pages and the API for.
    assert element["a"]["href"] == f"/try-on/try/{ref(shirt)}/?lang=fr"
    assert (element["a"]["lang"], element["a"]["dir"]) == ("en", "ltr")
    assert "Try it on" in Read(french).texts
    assert "lang" not in Read(in_page("de", "{% tryon product %}", product=shirt)).element["a"]


def test_the_badge_is_given_english_words_and_their_language() -> None:
    words, english = (Read(in_page(lang, "{% tryon_assets %}")).element["script"] for lang in ("fr", "en"))
    assert (words.pop("lang"), words["data-lang"]) == ("fr", "en")
    assert english.pop("lang") == "en"
    assert words == english


def test_the_gallery_is_english(shirt: Product, phone_photo: PhotoMaker) -> None:
    row = TryOnRequest.objects.get(pk=ask(Client(), shirt, phone_photo()).json()["id"])
    image = render(row).images.get()
    Publication.objects.create(image=image, product=row.product, main_product=row.main_product)
    french, english = (
        Read(in_page(lang, "{% tryon_gallery product %}", product=shirt)) for lang in ("fr", "en")
    )
    assert french.texts == english.texts
    assert french.element["figure"] == {"lang": "en", "dir": "ltr"}
    assert english.element["figure"] == {}


def test_a_shop_that_has_no_english_keeps_its_own_prefixes(
    settings: Settings, shopper: Shopper, shirt: Product
) -> None:
    """Addresses under `/en/` would not exist there."""
    settings.LANGUAGES = [("fr", "French"), ("de", "German")]
    settings.ROOT_URLCONF = "tests.prefixes.inside"
    html = shopper.client.get("/fr/try-on/dialog/", {"product": ref(shirt)}).content.decode()
    assert ' lang="en"' in html
    assert 'data-try-ons="/fr/try-on/api/try-ons/"' in html
    assert "/en/" not in html


def test_without_translation_all_is_english(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, shopper: Shopper, shirt: Product
) -> None:
    settings.USE_I18N = False
    monkeypatch.setattr(translation, "_trans", type(translation._trans)())  # type: ignore[attr-defined]  # Read once.
    shown = shopper.client.get("/try-on/dialog/", {"product": ref(shirt)})
    assert shown["Content-Language"] == "en"
    assert b' lang="en" dir="ltr"' in shown.content
    assert b"Add a photo of yourself" in shown.content
