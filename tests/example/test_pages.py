import re
from decimal import Decimal

import pytest
from django.test import Client

from shop.middleware import POLICY
from shop.models import Kind
from tests.example.conftest import MakeProduct


def test_the_list_shows_only_public_products(client: Client, make_product: MakeProduct) -> None:
    shirt = make_product("Linen shirt", price=Decimal("89.50"))
    make_product("Secret coat", is_public=False)
    page = client.get("/").content.decode()
    assert shirt.get_absolute_url() in page
    assert shirt.photo.url in page
    assert "89.50&nbsp;€" in page
    assert "Secret coat" not in page


def test_products_are_filtered_by_kind(client: Client, make_product: MakeProduct) -> None:
    make_product("Linen shirt", kind=Kind.TOP)
    make_product("Otto", kind=Kind.EYEWEAR)
    glasses = client.get("/?kind=eyewear").content.decode()
    assert "Otto" in glasses
    assert "Linen shirt" not in glasses
    assert "Linen shirt" in client.get("/?kind=nonsense").content.decode()


@pytest.mark.django_db
def test_an_empty_shop_shows_a_message(client: Client) -> None:
    assert "Nothing here yet." in client.get("/").content.decode()


def test_a_product_page_has_the_cart_form_and_the_sizes(client: Client, make_product: MakeProduct) -> None:
    page = client.get(make_product(sizes="S M L").get_absolute_url()).content.decode()
    assert '<form id="cart-form" method="post"' in page
    assert re.findall(r'name="size" value="(\w+)"', page) == ["S", "M", "L"]


def test_the_button_is_shown_except_for_bags(client: Client, make_product: MakeProduct) -> None:
    shirt, bag = make_product(), make_product("Tote", kind=Kind.ACCESSORY, sizes="")
    assert f'product="shop.product:{shirt.pk}"' in client.get(shirt.get_absolute_url()).content.decode()
    assert "<vton-try-on" not in client.get(bag.get_absolute_url()).content.decode()


def test_a_hidden_product_is_not_found(client: Client, make_product: MakeProduct) -> None:
    hidden = make_product(is_public=False)
    assert client.get(hidden.get_absolute_url()).status_code == 404
    assert client.post(f"{hidden.get_absolute_url()}add/", {"size": "M"}).status_code == 404


def test_pages_send_the_policy_and_contain_nothing_that_it_forbids(
    client: Client, make_product: MakeProduct
) -> None:
    product = make_product().get_absolute_url()
    client.post(f"{product}add/", {"size": "M"})
    for url in ("/", product, "/cart/", "/thanks/"):
        response = client.get(url)
        assert response.headers["Content-Security-Policy"] == POLICY
        page = response.content.decode()
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:|data:|<script(?![^>]*\ssrc=)", page), url


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("code", "direction", "text"), [("de", "ltr", "Ihre Tasche"), ("ar", "rtl", "حقيبتك")]
)
def test_the_language_is_chosen_in_the_header(client: Client, code: str, direction: str, text: str) -> None:
    response = client.post("/i18n/setlang/", {"language": code, "next": "/cart/"}, follow=True)
    page = response.content.decode()
    assert f'<html lang="{code}" dir="{direction}">' in page
    assert text in page
