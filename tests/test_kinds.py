"""Kinds of products: an engine's kind selects the guidance and the house models, whatever its name is."""

from __future__ import annotations

import io
import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.staticfiles import finders
from django.urls import reverse
from django.utils.html import escape

from django_vton import house_models, kinds, products
from django_vton.kinds import ANY_KIND, KINDS, Kind
from django_vton.models import TryOnRequest
from django_vton.models.states import State
from django_vton.products import TryOn, register
from shop.models import Product
from tests import further_engines
from tests.further_engines.kinds import mirror_of
from tests.tryons import create_tryon, get_start, product_ref
from tests.web.api.openapi_document import document

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.files import File
    from django.test import Client

    from tests.conftest import PhotoMaker, Vton

    KindChanger = Callable[[str], None]

WATCH = Path(further_engines.__file__).with_name("watch.py")
"""The guide's example."""


@pytest.fixture
def sell_only(vton: Vton, monkeypatch: pytest.MonkeyPatch) -> KindChanger:
    """`sell_only("footwear")`: all products are of this kind, for which the shop has an engine."""

    def change(kind: str) -> None:
        monkeypatch.setattr(products, "_registry", {})
        vton(ENGINES={f"mirror-{kind}": mirror_of(kind)}, PIXAZO_API_KEY="key")

        @register(Product)
        class KindTryOn(TryOn[Product]):
            engine = f"mirror-{kind}"

            def get_image(self, product: Product) -> File[bytes]:
                return product.photo

    return change


def dialog(client: Client, product: Product) -> str:
    response = client.get("/try-on/dialog/", {"product": product_ref(product), "lang": "en"})
    assert response.status_code == 200
    return response.content.decode()


def form_page(client: Client, product: Product) -> str:
    response = client.get(reverse("vton:try", args=[product_ref(product)]))
    assert response.status_code == 200
    return response.content.decode()


def drawings(html: str) -> list[str]:
    return re.findall(r'<img src="/static/([^"]+)" width="120" height="160"', html)


def assert_shows_only(html: str, kind: Kind) -> None:
    """Assert that the page has this kind's heading and guidance, and no others."""
    examples = (kind.good, *kind.bad)
    assert drawings(html) == [example.image for example in examples]
    for text in (kind.photo_heading, *(example.text for example in examples)):
        assert escape(str(text)) in html


@pytest.mark.parametrize("name", ["footwear", "jewellery", "bag", "headwear"])
def test_an_engines_kind_selects_the_guidance(
    client: Client,
    shirt: Product,
    sell_only: KindChanger,
    name: str,
) -> None:
    sell_only(name)
    kind = KINDS[name]
    html = dialog(client, shirt)
    assert_shows_only(html, kind)
    assert str(kind.camera_heading) in html
    assert f'class="frame {kind.camera_frame}"' in html
    assert_shows_only(form_page(client, shirt), kind)


def test_an_unknown_kind_has_the_general_guidance(
    client: Client,
    shirt: Product,
    sell_only: KindChanger,
) -> None:
    sell_only("<watch>")
    assert_shows_only(dialog(client, shirt), ANY_KIND)
    assert_shows_only(form_page(client, shirt), ANY_KIND)
    assert get_start(client, shirt).json()["product"]["kind"] == "<watch>"


def test_a_shop_adds_a_kind(
    client: Client,
    shirt: Product,
    sell_only: KindChanger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(kinds, "KINDS", dict(KINDS))
    runpy.run_path(str(WATCH))
    sell_only("watch")
    html = dialog(client, shirt)
    assert "Your bare wrist, from above" in html
    assert_shows_only(html, kinds.KINDS["watch"])
    assert "Hold your wrist into the frame</h3>" in html
    assert 'class="frame face"' in html
    assert_shows_only(form_page(client, shirt), kinds.KINDS["watch"])


def test_a_try_on_without_a_person_shows_the_guidance_of_its_kind(
    guest: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    sell_only: KindChanger,
) -> None:
    sell_only("footwear")
    row = create_tryon(guest, shirt, phone_photo())
    TryOnRequest.objects.filter(pk=row.pk).update(state=State.FAILED, error_code="no_person")
    html = guest.get(reverse("vton:result", args=[row.pk])).content.decode()
    kind = KINDS["footwear"]
    assert drawings(html) == [example.image for example in (kind.good, *kind.bad)]


@pytest.mark.parametrize("name", KINDS)
def test_all_drawings_have_the_same_size_and_are_plain_pictures(name: str) -> None:
    for example in (KINDS[name].good, *KINDS[name].bad, ANY_KIND.good, *ANY_KIND.bad):
        path = finders.find(example.image)
        assert path, example.image
        svg = Path(path).read_text()
        assert svg.startswith('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 160">'), path
        assert len(svg) < 3000, path
        assert not re.search(r"<(script|style|image|text|use)|href|\son\w+=", svg), path


def test_house_models_are_offered_for_their_kinds(
    client: Client,
    shirt: Product,
    phone_photo: PhotoMaker,
    sell_only: KindChanger,
) -> None:
    def add(name: str, shade: int, **values: Any) -> None:
        house_models.add(name=name, file=io.BytesIO(phone_photo(shade=shade)), **values)

    sell_only("footwear")
    add("Noa", 1, suits=["garment"])
    add("Mia", 2, suits=["watch", "footwear"])
    add("Ada", 3)

    offered = {photo["name"]: photo["suits"] for photo in get_start(client, shirt).json()["house_models"]}
    assert offered == {"Mia": ["footwear", "watch"], "Ada": ["garment", "eyewear", "footwear"]}
    html = form_page(client, shirt)
    assert "Mia" in html
    assert "Ada" in html
    assert "Noa" not in html


def test_the_api_takes_any_kind_and_describes_the_known_ones() -> None:
    schemas = document()["components"]["schemas"]
    suits = schemas["VtonPhoto"]["properties"]["suits"]["items"]
    for schema in (schemas["VtonStartProduct"]["properties"]["kind"], suits):
        assert schema["type"] == "string"
        assert "enum" not in schema
        for name in KINDS:
            assert name in schema["description"]
