from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.test import override_settings

import django_vton
from django_vton.web.dialog import dialog
from shop.models import Kind, Product
from shop.tryon import ProductTryOn
from tests.test_locale import LANGUAGES

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries, Settings

    from django_vton.models import PersonPhoto

    from ..conftest import Vton

STATIC = Path(django_vton.__file__).parent / "static" / "vton"
OTHER_SCRIPTS = {"button.js", "batches.js", "pages.js"}
DIALOG = ("dialog.js", "api.js", "photo.js", "choose.js", "tryon.js", "dialog.css")


@pytest.fixture
def shirt(db: None) -> Product:  # noqa: ARG001 - the fixture opens the database
    return Product.objects.create(
        name="Linen <shirt>", slug="shirt", kind=Kind.TOP, price="89.00", photo="shirt.jpg"
    )


@pytest.fixture
def glasses(db: None) -> Product:  # noqa: ARG001 - the fixture opens the database
    return Product.objects.create(
        name="Round glasses", slug="glasses", kind=Kind.EYEWEAR, price="89.00", photo="glasses.jpg"
    )


def html(client: Client, product: Product, **query: str) -> str:
    response = client.get("/try-on/dialog/", {"product": f"shop.product:{product.pk}", **query})
    assert response.status_code == 200
    return response.content.decode()


def dialog_scripts() -> str:
    return "".join(file.read_text() for file in STATIC.glob("*.js") if file.name not in OTHER_SCRIPTS)


def test_the_dialog_names_the_product(client: Client, shirt: Product) -> None:
    page = html(client, shirt, lang="en")
    assert 'data-try-ons="/try-on/api/try-ons/"' in page
    assert 'data-photos="/try-on/api/photos/"' in page
    assert "Linen &lt;shirt&gt;" in page


def test_the_dialog_does_not_name_a_product_that_is_not_public(client: Client, shirt: Product) -> None:
    shirt.is_public = False
    shirt.save()
    assert "Linen" not in html(client, shirt)


@pytest.mark.parametrize(("lang", "direction"), [("en", "ltr"), ("de", "ltr"), ("ar", "rtl")])
def test_the_dialog_is_in_the_pages_language(
    client: Client, shirt: Product, lang: str, direction: str
) -> None:
    response = client.get(
        "/try-on/dialog/",
        {"product": f"shop.product:{shirt.pk}", "lang": lang},
        headers={"accept-language": "en"},
    )
    assert f'lang="{lang}" dir="{direction}"' in response.content.decode()
    assert response["Content-Language"] == lang


@pytest.mark.parametrize("lang", ["", "xx", "../../etc", "d" * 1000, "de\0"])
def test_an_unsupported_language_falls_back_to_the_requests(
    client: Client, shirt: Product, lang: str
) -> None:
    response = client.get(
        "/try-on/dialog/",
        {"product": f"shop.product:{shirt.pk}", "lang": lang},
        headers={"accept-language": "de"},
    )
    assert response["Content-Language"] == "de"
    assert {"Accept-Language", "Cookie"} <= set(response["Vary"].split(", "))


def test_the_dialog_is_cacheable_since_it_holds_nothing_personal(client: Client, shirt: Product) -> None:
    response = client.get("/try-on/dialog/", {"product": f"shop.product:{shirt.pk}", "lang": "de"})
    assert response["Cache-Control"] == "public, max-age=300"
    assert "Cookie" not in response.get("Vary", "")
    assert not response.cookies


@pytest.mark.django_db
@pytest.mark.parametrize(
    "ref",
    [
        "",
        ":",
        "shop.product:",
        "shop.product:999",
        "shop.product:x",
        "shop.product:1\0",
        "no.such:1",
        "a" * 9999,
    ],
)
def test_an_unknown_product_has_no_dialog(client: Client, ref: str) -> None:
    response = client.get("/try-on/dialog/", {"product": ref})
    assert response.status_code == 404
    assert "public" not in response.get("Cache-Control", "")


def test_the_photo_guidance_differs_for_garments_and_glasses(
    client: Client, shirt: Product, glasses: Product
) -> None:
    garment, eyewear = html(client, shirt), html(client, glasses)
    assert "Just you, standing, facing the camera" in garment
    assert "standing" not in eyewear
    assert "Glasses already on" in eyewear


def test_the_dialog_shows_the_options_that_a_shopper_may_set(
    client: Client, shirt: Product, glasses: Product
) -> None:
    garment = html(client, shirt)
    assert '<select name="num_samples" data-option="integer">' in garment
    assert '<option value="4">4</option>' in garment
    assert "moderation_level" not in garment
    assert "data-option" not in html(client, glasses)


def test_the_moderation_level_is_never_offered(
    client: Client, shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProductTryOn, "shopper_options", ("moderation_level", "mode"))
    page = html(client, shirt)
    assert 'name="mode"' in page
    assert "moderation_level" not in page


REASONS = {"product_not_enabled", "budget_exhausted", "paused", "unavailable", "not_configured"}


def test_codes_that_scripts_create_have_a_message_in_the_html(client: Client, shirt: Product) -> None:
    """The messages of all other codes come with the API's responses."""
    messages = dict(re.findall(r'data-code="(\w+)"[^>]*>([^<]*)<', html(client, shirt)))
    codes = r'(?:Refused|showProblem)\("(\w+)"|return "(\w+_\w+)"|[?:] "(photo_\w+)"|: "(camera_\w+)"'
    found = {code for match in re.findall(codes, dialog_scripts()) for code in match if code}
    assert found >= {
        "cookies_blocked",
        "consent_required",
        "quota_exceeded",
        "photo_too_large",
        "camera_denied",
    }
    for code in found | REASONS:
        assert messages.get(code), code


def test_the_html_has_no_inline_code_or_style(client: Client, shirt: Product, glasses: Product) -> None:
    for product in (shirt, glasses):
        page = html(client, product)
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:|data:|blob:", page)


def test_scripts_and_html_use_the_same_names(client: Client, shirt: Product) -> None:
    page = html(client, shirt)
    script = dialog_scripts()
    for name in set(re.findall(r'\$\("([a-z-]+)"\)', script)):
        assert f'id="{name}"' in page, name
    for name in (
        "queued",
        "processing",
        "nearly",
        "late",
        "counted",
        "free",
        "left-1",
    ):  # Names that the scripts compute.
        assert f'data-word="{name}"' in page, name
    for name in set(re.findall(r'(?:\btext\(|showProgress\(session, )"(\w+)"', script)):
        assert f'data-word="{name}"' in page, name
    codes = "camera_[a-z]+|photo_(?:too_\\w+|unreadable|format)|cookies_blocked|upload_too_large|blocked|busy"
    for name in set(re.findall(f'"({codes}|unreachable|unexpected)"', script)):
        assert f'data-code="{name}"' in page, name
    for view in set(re.findall(r'\bshowView\("(\w+)"', script)):
        assert f'data-view="{view}"' in page, view
    for place in set(re.findall(r'data-at="(\w+)"', page)):
        assert f'data-view="{place}"' in page, place
        assert f'id="{place}-problem"' in page, place
    for action in set(re.findall(r'data-do="(\w+)"', page)):
        assert f'case "{action}":' in script, action


def test_a_shop_can_override_one_template(client: Client, shirt: Product, tmp_path: Path) -> None:
    part = tmp_path / "vton" / "dialog" / "guidance.html"
    part.parent.mkdir(parents=True)
    part.write_text("<p>Smile for {{ product.title }}!</p>")
    engine = {**settings.TEMPLATES[0], "DIRS": [tmp_path]}
    with override_settings(TEMPLATES=[engine]):
        page = html(client, shirt)
    assert "<p>Smile for Linen &lt;shirt&gt;!</p>" in page
    assert "facing the camera" not in page


def test_the_dialog_costs_one_query(
    client: Client, shirt: Product, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        html(client, shirt, lang="de")


def test_the_view_is_public_and_read_only(client: Client, shirt: Product) -> None:
    assert client.post(f"/try-on/dialog/?product=shop.product:{shirt.pk}").status_code == 405
    assert client.head(f"/try-on/dialog/?product=shop.product:{shirt.pk}").status_code == 200
    assert dialog.login_required is False  # type: ignore[attr-defined]  # Set by login_not_required.
    assert dialog._non_atomic_requests == {"default"}  # type: ignore[attr-defined]  # As above.


def compressed(*files: bytes) -> int:
    return sum(len(gzip.compress(file)) for file in files)


@pytest.mark.parametrize("lang", ["en", *LANGUAGES])
def test_the_first_opening_transfers_at_most_22_kb(
    client: Client, shirt: Product, glasses: Product, house_model: PersonPhoto, lang: str
) -> None:
    """Without images, and without the scripts that are loaded while a try-on runs."""
    del house_model  # Part of the start response.
    for product in (shirt, glasses):
        ref = f"shop.product:{product.pk}"
        start = client.get("/try-on/api/start/", {"product": ref, "lang": lang}).content
        files = [(STATIC / name).read_bytes() for name in DIALOG]
        assert compressed(html(client, product, lang=lang).encode(), start, *files) <= 22 * 1024


def test_in_debug_mode_the_dialog_names_the_missing_worker(
    client: Client, shirt: Product, settings: Settings, vton: Vton
) -> None:
    assert "no worker has been seen" not in html(client, shirt)
    settings.DEBUG = True
    vton(ENQUEUE=None)
    assert "Start manage.py qcluster; it is noticed" in html(client, shirt)
    vton(ENQUEUE="django_vton.queue.no_queue")
    assert "Start manage.py vton_worker; it is noticed" in html(client, shirt)
