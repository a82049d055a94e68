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


def scripts() -> str:
    return "".join(file.read_text() for file in STATIC.glob("*.js") if file.name not in OTHER_SCRIPTS)


def test_the_dialog_names_the_product(client: Client, shirt: Product) -> None:
    page = html(client, shirt, lang="en")
    assert 'data-try-ons="/try-on/api/try-ons/"' in page
    assert 'data-photos="/try-on/api/photos/"' in page
    assert "Linen &lt;shirt&gt;" in page


def test_the_dialog_does_not_name_what_is_not_public(client: Client, shirt: Product) -> None:
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
def test_a_language_that_the_shop_lacks_is_the_requests(client: Client, shirt: Product, lang: str) -> None:
    response = client.get(
        "/try-on/dialog/",
        {"product": f"shop.product:{shirt.pk}", "lang": lang},
        headers={"accept-language": "de"},
    )
    assert response["Content-Language"] == "de"
    assert {"Accept-Language", "Cookie"} <= set(response["Vary"].split(", "))


def test_the_dialog_may_be_cached_since_it_is_nobodys(client: Client, shirt: Product) -> None:
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
def test_an_unknown_product_is_404(client: Client, ref: str) -> None:
    response = client.get("/try-on/dialog/", {"product": ref})
    assert response.status_code == 404
    assert "public" not in response.get("Cache-Control", "")


def test_garments_and_glasses_are_photographed_differently(
    client: Client, shirt: Product, glasses: Product
) -> None:
    garment, eyewear = html(client, shirt), html(client, glasses)
    assert "Just you, standing, facing the camera" in garment
    assert "standing" not in eyewear
    assert "Glasses already on" in eyewear


def test_shoppers_are_asked_for_the_options_the_shop_lets_them_set(
    client: Client, shirt: Product, glasses: Product
) -> None:
    garment = html(client, shirt)
    assert '<select name="num_samples" data-option="integer">' in garment
    assert '<option value="4">4</option>' in garment
    assert "moderation_level" not in garment
    assert "data-option" not in html(client, glasses)


def test_a_shop_cannot_offer_the_moderation(
    client: Client, shirt: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ProductTryOn, "shopper_options", ("moderation_level", "mode"))
    page = html(client, shirt)
    assert 'name="mode"' in page
    assert "moderation_level" not in page


REASONS = {"product_not_enabled", "budget_exhausted", "paused", "unavailable", "not_configured"}


def test_what_scripts_refuse_by_themselves_has_a_sentence(client: Client, shirt: Product) -> None:
    """The sentences of all other codes come with the API's answers."""
    said = dict(re.findall(r'data-code="(\w+)"[^>]*>([^<]*)<', html(client, shirt)))
    own = r'(?:Refused|problem)\("(\w+)"|return "(\w+_\w+)"|\? "(photo_\w+)"|: "(photo_\w+)"|: "(camera_\w+)"'
    found = {code for match in re.findall(own, scripts()) for code in match if code}
    assert found >= {
        "cookies_blocked",
        "consent_required",
        "quota_exceeded",
        "photo_too_large",
        "camera_denied",
    }
    for code in found | REASONS:
        assert said.get(code), code


def test_a_strict_policy_lets_all_of_it_pass(client: Client, shirt: Product, glasses: Product) -> None:
    for product in (shirt, glasses):
        page = html(client, product)
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:|data:|blob:", page)


def test_scripts_and_html_know_the_same_names(client: Client, shirt: Product) -> None:
    page = html(client, shirt)
    script = scripts()
    for name in set(re.findall(r'\$\("([a-z-]+)"\)', script)):
        assert f'id="{name}"' in page, name
    for name in ("queued", "processing", "nearly", "late", "counted", "free", "left-1"):  # Chosen as they go.
        assert f'data-word="{name}"' in page, name
    for name in set(re.findall(r'(?:word\(|tell\(session, )"(\w+)"', script)):
        assert f'data-word="{name}"' in page, name
    codes = "camera_[a-z]+|photo_(?:too_\\w+|unreadable|format)|cookies_blocked|upload_too_large|blocked|busy"
    for name in set(re.findall(f'"({codes}|unreachable|unexpected)"', script)):
        assert f'data-code="{name}"' in page, name
    for view in set(re.findall(r'\bview\("(\w+)"', script)):
        assert f'data-view="{view}"' in page, view
    for place in set(re.findall(r'data-at="(\w+)"', page)):
        assert f'data-view="{place}"' in page, place
        assert f'id="{place}-problem"' in page, place
    for action in set(re.findall(r'data-do="(\w+)"', page)):
        assert f'case "{action}":' in script, action


def test_a_shop_can_replace_one_part(client: Client, shirt: Product, tmp_path: Path) -> None:
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


def test_the_view_is_for_everybody_and_only_for_reading(client: Client, shirt: Product) -> None:
    assert client.post(f"/try-on/dialog/?product=shop.product:{shirt.pk}").status_code == 405
    assert client.head(f"/try-on/dialog/?product=shop.product:{shirt.pk}").status_code == 200
    assert dialog.login_required is False  # type: ignore[attr-defined]  # login_not_required sets it.
    assert dialog._non_atomic_requests == {"default"}  # type: ignore[attr-defined]  # As above.


def compressed(*files: bytes) -> int:
    return sum(len(gzip.compress(file)) for file in files)


@pytest.mark.parametrize("lang", ["en", "de", "ar"])
def test_the_first_opening_stays_light(
    client: Client, shirt: Product, glasses: Product, house_model: PersonPhoto, lang: str
) -> None:
    """All but the pictures; what only a result needs comes while one waits for it."""
    del house_model  # Is there to be told of.
    for product in (shirt, glasses):
        ref = f"shop.product:{product.pk}"
        start = client.get("/try-on/api/start/", {"product": ref, "lang": lang}).content
        files = [(STATIC / name).read_bytes() for name in DIALOG]
        assert compressed(html(client, product, lang=lang).encode(), start, *files) <= 22 * 1024


def test_in_debug_it_names_the_worker_that_is_missing(
    client: Client, shirt: Product, settings: Settings, vton: Vton
) -> None:
    assert "no worker has been seen" not in html(client, shirt)
    settings.DEBUG = True
    vton(ENQUEUE=None)
    assert "Start manage.py qcluster; it is noticed" in html(client, shirt)
    vton(ENQUEUE="django_vton.queue.no_queue")
    assert "Start manage.py vton_worker; it is noticed" in html(client, shirt)
