import re

import pytest
from django.test import Client

from shop.cart import MAX_QUANTITY
from shop.models import Product
from tests.example.conftest import MakeProduct


@pytest.fixture
def shirt(make_product: MakeProduct) -> Product:
    return make_product()


def add_to_cart(client: Client, product: Product, size: str = "M") -> None:
    response = client.post(f"{product.get_absolute_url()}add/", {"size": size})
    assert response.headers["Location"] == "/cart/"


def cart_lines(client: Client) -> dict[str, int]:
    page = client.get("/cart/").content.decode()
    lines = re.findall(
        r'name="line" value="([^"]+)">\s*<label>.*?name="quantity" value="(\d+)"', page, re.DOTALL
    )
    return {key: int(quantity) for key, quantity in lines}


def test_each_size_is_a_line_and_the_same_size_increases_the_quantity(client: Client, shirt: Product) -> None:
    for size in ("M", "M", "S"):
        add_to_cart(client, shirt, size)
    assert cart_lines(client) == {f"{shirt.pk}:M": 2, f"{shirt.pk}:S": 1}
    page = client.get("/cart/").content.decode()
    assert "267.00&nbsp;€" in page
    assert "(3 items)" in page


def test_a_product_without_sizes_needs_no_size(client: Client, make_product: MakeProduct) -> None:
    glasses = make_product("Otto", sizes="")
    add_to_cart(client, glasses, size="")
    assert cart_lines(client) == {f"{glasses.pk}:": 1}


@pytest.mark.parametrize("size", ["", "XXS"])
def test_a_missing_or_unknown_size_is_an_error(client: Client, shirt: Product, size: str) -> None:
    response = client.post(f"{shirt.get_absolute_url()}add/", {"size": size})
    assert response.status_code == 422
    assert "Please choose a size." in response.content.decode()
    assert cart_lines(client) == {}


def test_a_quantity_is_changed_and_zero_removes_the_line(client: Client, shirt: Product) -> None:
    add_to_cart(client, shirt)
    key = f"{shirt.pk}:M"
    client.post("/cart/change/", {"line": key, "quantity": "3"})
    assert cart_lines(client) == {key: 3}
    client.post("/cart/change/", {"line": key, "quantity": "0"})
    assert cart_lines(client) == {}
    assert "There is nothing in it yet." in client.get("/cart/").content.decode()


@pytest.mark.parametrize("quantity", ["", "-1", "1.5", "many", str(MAX_QUANTITY + 1)])
def test_an_invalid_quantity_changes_nothing(client: Client, shirt: Product, quantity: str) -> None:
    add_to_cart(client, shirt)
    response = client.post("/cart/change/", {"line": f"{shirt.pk}:M", "quantity": quantity}, follow=True)
    assert "That did not work." in response.content.decode()
    assert cart_lines(client) == {f"{shirt.pk}:M": 1}


def test_changing_an_unknown_line_does_not_add_it(client: Client, shirt: Product) -> None:
    client.post("/cart/change/", {"line": f"{shirt.pk}:M", "quantity": "1"})
    client.post("/cart/change/", {"line": "x", "quantity": "1"})
    assert cart_lines(client) == {}


def test_the_quantity_is_limited(client: Client, shirt: Product) -> None:
    for _ in range(MAX_QUANTITY + 2):
        add_to_cart(client, shirt)
    assert cart_lines(client) == {f"{shirt.pk}:M": MAX_QUANTITY}


def test_a_hidden_product_disappears_from_the_cart(client: Client, shirt: Product) -> None:
    add_to_cart(client, shirt)
    shirt.is_public = False
    shirt.save()
    assert cart_lines(client) == {}


def test_checking_out_empties_the_cart(client: Client, shirt: Product) -> None:
    add_to_cart(client, shirt)
    response = client.post("/checkout/", follow=True)
    assert "nothing was paid" in response.content.decode()
    assert cart_lines(client) == {}


@pytest.mark.parametrize("url", ["/cart/change/", "/checkout/", "/products/linen-shirt/add/"])
@pytest.mark.usefixtures("shirt")
def test_urls_that_change_data_refuse_get(client: Client, url: str) -> None:
    assert client.get(url).status_code == 405
