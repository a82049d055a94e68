import re

import pytest
from django.test import Client

from shop.cart import MAX_QUANTITY
from shop.models import Product
from tests.example.conftest import MakeProduct


@pytest.fixture
def shirt(make_product: MakeProduct) -> Product:
    return make_product()


def add(client: Client, product: Product, size: str = "M") -> None:
    response = client.post(f"{product.get_absolute_url()}add/", {"size": size})
    assert response.headers["Location"] == "/cart/"


def bag(client: Client) -> dict[str, int]:
    page = client.get("/cart/").content.decode()
    lines = re.findall(
        r'name="line" value="([^"]+)">\s*<label>.*?name="quantity" value="(\d+)"', page, re.DOTALL
    )
    return {key: int(quantity) for key, quantity in lines}


def test_sizes_are_lines_of_their_own_and_the_same_size_adds_up(client: Client, shirt: Product) -> None:
    for size in ("M", "M", "S"):
        add(client, shirt, size)
    assert bag(client) == {f"{shirt.pk}:M": 2, f"{shirt.pk}:S": 1}
    page = client.get("/cart/").content.decode()
    assert "267.00&nbsp;€" in page
    assert "(3 items)" in page


def test_a_product_without_sizes_asks_for_none(client: Client, make_product: MakeProduct) -> None:
    glasses = make_product("Otto", sizes="")
    add(client, glasses, size="")
    assert bag(client) == {f"{glasses.pk}:": 1}


@pytest.mark.parametrize("size", ["", "XXS"])
def test_a_size_that_is_not_sold_is_asked_again(client: Client, shirt: Product, size: str) -> None:
    response = client.post(f"{shirt.get_absolute_url()}add/", {"size": size})
    assert response.status_code == 422
    assert "Please choose a size." in response.content.decode()
    assert bag(client) == {}


def test_change_and_remove(client: Client, shirt: Product) -> None:
    add(client, shirt)
    key = f"{shirt.pk}:M"
    client.post("/cart/change/", {"line": key, "quantity": "3"})
    assert bag(client) == {key: 3}
    client.post("/cart/change/", {"line": key, "quantity": "0"})
    assert bag(client) == {}
    assert "There is nothing in it yet." in client.get("/cart/").content.decode()


@pytest.mark.parametrize("quantity", ["", "-1", "1.5", "many", str(MAX_QUANTITY + 1)])
def test_a_number_that_is_none_changes_nothing(client: Client, shirt: Product, quantity: str) -> None:
    add(client, shirt)
    response = client.post("/cart/change/", {"line": f"{shirt.pk}:M", "quantity": quantity}, follow=True)
    assert "That did not work." in response.content.decode()
    assert bag(client) == {f"{shirt.pk}:M": 1}


def test_a_line_that_is_not_in_the_bag_is_not_put_there(client: Client, shirt: Product) -> None:
    client.post("/cart/change/", {"line": f"{shirt.pk}:M", "quantity": "1"})
    client.post("/cart/change/", {"line": "x", "quantity": "1"})
    assert bag(client) == {}


def test_nobody_gets_more_than_the_shop_sends(client: Client, shirt: Product) -> None:
    for _ in range(MAX_QUANTITY + 2):
        add(client, shirt)
    assert bag(client) == {f"{shirt.pk}:M": MAX_QUANTITY}


def test_a_product_that_left_the_shop_leaves_the_bag(client: Client, shirt: Product) -> None:
    add(client, shirt)
    shirt.is_public = False
    shirt.save()
    assert bag(client) == {}


def test_checking_out_thanks_and_empties_the_bag(client: Client, shirt: Product) -> None:
    add(client, shirt)
    response = client.post("/checkout/", follow=True)
    assert "nothing was paid" in response.content.decode()
    assert bag(client) == {}


@pytest.mark.parametrize("address", ["/cart/change/", "/checkout/", "/products/linen-shirt/add/"])
@pytest.mark.usefixtures("shirt")
def test_what_changes_something_is_no_get(client: Client, address: str) -> None:
    assert client.get(address).status_code == 405
