"""A shop in Swedish, into which the package is not translated.

The try-on is then completely in English, is marked as English, and links to Swedish pages.
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
from tests.test_locale import CATALOGUE_HEADER, catalogue_path, compile_messages, read_catalogue
from tests.tryons import complete_tryon, get_start, post_tryon, product_ref, uploaded_photo
from tests.utils.german import ParsedPage

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_django import Settings

    from shop.models import Product
    from tests.conftest import PhotoMaker

pytestmark = pytest.mark.django_db

RANDOM = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\w{64}")
"""Keys and tokens, which differ in each response."""
LINK = re.compile(r' (href|action|data-share|name="lang" value)="[^"]*"')


@pytest.fixture(autouse=True, params=["en", "de"])
def shop(request: pytest.FixtureRequest, settings: Settings, tmp_path: Path) -> None:
    """A shop whose default language is English or German, and whose other apps are translated into Swedish.

    Its Swedish catalogue has all messages of the package without their context. None of them may be used.
    """
    messages = [entry.fields["msgid"] for key, entry in read_catalogue(catalogue_path("de")).items() if key]
    (tmp_path / "sv" / "LC_MESSAGES").mkdir(parents=True)
    words = {message: f"Swedish: {message}" for message in messages}
    words |= {"": CATALOGUE_HEADER, "Bag": "Varukorg"}
    (tmp_path / "sv" / "LC_MESSAGES" / "django.mo").write_bytes(compile_messages(words))
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGE_CODE = request.param
    settings.LANGUAGES = [*settings.LANGUAGES, ("sv", "Swedish"), ("sr-latn", "Serbian"), ("de-at", "German")]
    settings.ROOT_URLCONF = "tests.language_prefixes.shop_only"


def our_part(html: str) -> str:
    """Return the part of a page between the shop's header and footer, without random values."""
    start = html.index('<div class="vton-page"')
    return RANDOM.sub("", html[start : html.index("</main>", start)])


class Shopper:
    """Requests each page in Swedish and in English."""

    def __init__(self) -> None:
        self.client = Client(headers={"Accept-Language": "de"})

    def get(self, url: str, **query: str) -> ParsedPage:
        """Return the Swedish page. Our part of it must be in English, with links to Swedish pages."""
        swedish, english = (self.client.get(url, query | {"lang": lang}) for lang in ("sv", "en"))
        assert swedish.status_code == english.status_code
        assert swedish["Content-Language"] == english["Content-Language"] == "en"
        html, other = (our_part(it.content.decode()) for it in (swedish, english))
        assert LINK.sub("", html) == LINK.sub("", other)
        page = ParsedPage(swedish.content.decode())
        assert page.element["html"]["lang"] == "sv"
        assert "Varukorg" in swedish.content.decode()
        assert (page.package_element["lang"], page.package_element["dir"]) == ("en", "ltr")
        links = [
            link
            for link in [*ParsedPage(html).links, *ParsedPage(html).forms]
            if link.startswith(("/try-on/", "/sv"))
        ]
        assert links
        assert all(
            "lang=sv" in link or link.startswith(("/sv/", "/try-on/images/", "/try-on/photos/"))
            for link in links
        ), links
        title = re.search(r"<title>(.*?) · Lindenhof</title>", swedish.content.decode(), re.DOTALL)
        assert title is not None
        assert f"<title>{title[1]} · Lindenhof</title>" in english.content.decode()
        return page


@pytest.fixture
def shopper() -> Shopper:
    return Shopper()


@pytest.mark.usefixtures("house_model")
def test_pages_are_english_in_the_shops_swedish_layout(
    shopper: Shopper, shirt: Product, phone_photo: PhotoMaker
) -> None:
    form = f"/try-on/try/{product_ref(shirt)}/"
    shopper.get(form)
    fields = {"key": str(uuid4()), "consent": "on", "keep_photo": "on"}
    sent = shopper.client.post(f"{form}?lang=sv", fields | {"photo": uploaded_photo(phone_photo())})
    row = TryOnRequest.objects.get()
    assert sent["Location"] == f"/try-on/r/{row.pk}/?lang=sv"
    assert row.product_url == f"/sv/products/{shirt.slug}/"
    assert Consent.objects.get().locale == "en"  # The language of the consent text that was shown.
    shopper.get(f"/try-on/r/{row.pk}/")
    complete_tryon(row)
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


def test_form_errors_are_in_english(shopper: Shopper, shirt: Product) -> None:
    form = f"/try-on/try/{product_ref(shirt)}/"
    swedish, english = (shopper.client.post(f"{form}?lang={lang}", {}) for lang in ("sv", "en"))
    assert swedish.status_code == 400
    html, other = (LINK.sub("", our_part(it.content.decode())) for it in (swedish, english))
    assert html == other
    assert "Please add a photo first." in html


def test_the_dialog_is_english_and_marked_as_english(shopper: Shopper, shirt: Product) -> None:
    swedish, english = (
        shopper.client.get("/try-on/dialog/", {"product": product_ref(shirt), "lang": lang})
        for lang in ("sv", "en")
    )
    assert swedish["Content-Language"] == "en"
    assert swedish.content == english.content
    assert b' lang="en" dir="ltr"' in swedish.content


@pytest.mark.parametrize(
    ("page_language", "shown_language"), [("sr-latn", "en"), ("de-at", "de-at"), ("ar", "ar"), ("en", "en")]
)
def test_a_regional_language_uses_the_translation_of_its_base(
    shopper: Shopper, shirt: Product, page_language: str, shown_language: str
) -> None:
    shown = shopper.client.get("/try-on/dialog/", {"product": product_ref(shirt), "lang": page_language})
    assert shown["Content-Language"] == shown_language
    assert (
        f' lang="{shown_language}" dir="{"rtl" if shown_language == "ar" else "ltr"}"'
        in shown.content.decode()
    )
    assert ("In den Warenkorb" in shown.content.decode()) == (shown_language == "de-at")


def test_the_api_is_english_and_links_to_swedish_pages(
    shopper: Shopper, shirt: Product, phone_photo: PhotoMaker
) -> None:
    swedish, english = (get_start(shopper.client, shirt, lang=lang) for lang in ("sv", "en"))
    assert swedish["Content-Language"] == swedish.json()["lang"] == "en"
    assert swedish.json()["consent"]["text"] == english.json()["consent"]["text"]
    assert swedish.json()["options"] == english.json()["options"]
    assert swedish.json()["links"]["history"] == "/try-on/mine/?lang=sv"
    assert swedish.json()["product"]["url"] == f"/sv/products/{shirt.slug}/"

    refused = shopper.client.post("/try-on/api/try-ons/?lang=sv", {"product": product_ref(shirt)})
    assert refused["Content-Language"] == "en"
    assert refused.json()["detail"] == "Please add a photo first."

    row = TryOnRequest.objects.get(pk=post_tryon(shopper.client, shirt, phone_photo()).json()["id"])
    complete_tryon(row)
    shown: Any = shopper.client.get(f"/try-on/api/try-ons/{row.pk}/?lang=sv").json()
    assert shown["images"][0]["alt"] == "AI-generated preview: Shirt on your photo"
    assert shown["page_url"] == f"/try-on/r/{row.pk}/?lang=sv"


def test_a_missing_file_is_refused_in_english(shopper: Shopper) -> None:
    missing = shopper.client.get(f"/try-on/images/{uuid4()}/", {"lang": "sv"})
    assert missing["Content-Language"] == "en"
    with translation.override("en"):
        assert missing.json()["detail"].startswith("We couldn't find")


def render(language: str, template: str, **context: Any) -> str:
    with translation.override(language):
        return Template("{% load vton %}" + template).render(Context(context))


def test_the_button_is_english_and_links_to_a_swedish_page(shirt: Product) -> None:
    swedish = render("sv", "{% tryon product %}", product=shirt)
    element = ParsedPage(swedish).element
    assert element["vton-try-on"]["lang"] == "sv"  # In which scripts request pages and the API.
    assert element["a"]["href"] == f"/try-on/try/{product_ref(shirt)}/?lang=sv"
    assert (element["a"]["lang"], element["a"]["dir"]) == ("en", "ltr")
    assert "Try it on" in ParsedPage(swedish).texts
    assert "lang" not in ParsedPage(render("de", "{% tryon product %}", product=shirt)).element["a"]


def test_the_badge_has_english_texts_and_their_language() -> None:
    swedish, english = (
        ParsedPage(render(lang, "{% tryon_assets %}")).element["script"] for lang in ("sv", "en")
    )
    assert (swedish.pop("lang"), swedish["data-lang"]) == ("sv", "en")
    assert english.pop("lang") == "en"
    assert swedish == english


def test_the_gallery_is_english(shirt: Product, phone_photo: PhotoMaker) -> None:
    row = TryOnRequest.objects.get(pk=post_tryon(Client(), shirt, phone_photo()).json()["id"])
    image = complete_tryon(row).images.get()
    Publication.objects.create(image=image, product=row.product, main_product=row.main_product)
    swedish, english = (
        ParsedPage(render(lang, "{% tryon_gallery product %}", product=shirt)) for lang in ("sv", "en")
    )
    assert swedish.texts == english.texts
    assert swedish.element["figure"] == {"lang": "en", "dir": "ltr"}
    assert english.element["figure"] == {}


def test_urls_never_use_a_language_prefix_that_the_shop_lacks(
    settings: Settings, shopper: Shopper, shirt: Product
) -> None:
    """URLs below `/en/` do not exist there."""
    settings.LANGUAGES = [("sv", "Swedish"), ("de", "German")]
    settings.ROOT_URLCONF = "tests.language_prefixes.shop_and_tryon"
    html = shopper.client.get("/sv/try-on/dialog/", {"product": product_ref(shirt)}).content.decode()
    assert ' lang="en"' in html
    assert 'data-try-ons="/sv/try-on/api/try-ons/"' in html
    assert "/en/" not in html


def test_everything_is_english_without_internationalization(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, shopper: Shopper, shirt: Product
) -> None:
    settings.USE_I18N = False
    monkeypatch.setattr(translation, "_trans", type(translation._trans)())  # type: ignore[attr-defined]  # It caches the setting.
    shown = shopper.client.get("/try-on/dialog/", {"product": product_ref(shirt)})
    assert shown["Content-Language"] == "en"
    assert b' lang="en" dir="ltr"' in shown.content
    assert b"Add a photo of yourself" in shown.content
