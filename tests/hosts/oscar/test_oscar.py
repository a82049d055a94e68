"""django-vton in a django-oscar shop: its pages, its basket and its checkout, as they come."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.staticfiles import finders
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.actions import TIMEOUT_MS
from tests.browser.test_newcomer import send, shoot
from tests.hosts.running import RunningHost, Visitor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASKET = "#add_to_basket_form"
ADDRESS = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "line1": "Lindenhof 1",
    "line4": "Berlin",
    "postcode": "10115",
    "country": "DE",
}


class Oscar(RunningHost):
    settings = "tests.hosts.oscar.settings"

    def number(self, slug: str) -> int:
        ((number,),) = self.sql(f"SELECT id FROM catalogue_product WHERE slug = '{slug}'")  # noqa: S608 - a test's
        return int(number)

    def product(self, slug: str) -> str:
        return f"catalogue.product:{self.number(slug)}"

    def page(self, slug: str) -> str:
        return f"/catalogue/{slug}_{self.number(slug)}/"


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oscar]:
    with Oscar(tmp_path_factory.mktemp("oscar")) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_counted(shop: Oscar) -> None:
    shop.sql("DELETE FROM vton_conversion")


@pytest.fixture
def guest(shop: Oscar) -> Visitor:
    return shop.visitor()


@pytest.fixture(scope="session")
def staff(shop: Oscar) -> Visitor:
    """Who sees pages that are not public."""
    visitor = shop.visitor()
    log_in(visitor)
    return visitor


def log_in(visitor: Visitor) -> None:
    names = {"login-username": "staff@shop.example", "login-password": "staff", "login_submit": "1"}
    visitor.send("/accounts/login/", "#login_form", **names)


def order(guest: Visitor, *, account: bool = False) -> str:
    """Check out; what the last page says."""
    if not account:
        guest.send("/checkout/", "form:has([name=options])", username="ada@example.com", options="anonymous")
    guest.send("/checkout/shipping-address/", "#new_shipping_address", **ADDRESS)
    guest.open("/checkout/payment-method/")
    thanks = guest.send("/checkout/preview/", "#place_order_form")
    return str(thanks.get_text())


@pytest.mark.parametrize("slug", ["shirt", "tee-blue", "tee-red"])
def test_a_product_can_be_tried_on_by_anybody(shop: Oscar, guest: Visitor, slug: str) -> None:
    page = guest.open(shop.page(slug))

    (button,) = page.select("vton-try-on")
    assert button["product"] == shop.product(slug)
    assert page.select_one(f"form#{button['cart']}[action*='/basket/add/']")
    assert page.select_one("head script[data-vton]")
    assert guest.start(shop.product(slug))["product"]["url"] == shop.page(slug)
    assert not button.find_parents("a")


@pytest.mark.parametrize("slug", ["bare", "tee", "secret", "coat-m"])
def test_what_cannot_be_tried_on_shows_no_button(shop: Oscar, staff: Visitor, slug: str) -> None:
    """Without a picture; a parent, whose children are bought; not public, seen by staff; a child of that."""
    heading = staff.open(shop.page(slug)).select_one("h1")
    assert heading is not None
    assert heading.text == slug.title()
    assert staff.button(shop.page(slug)) is None
    assert staff.start(shop.product(slug))["reason"] == "product_not_enabled"


def test_the_garment_is_the_childs_own_picture_or_its_parents(shop: Oscar, guest: Visitor) -> None:
    def colour(slug: str) -> Any:
        answer = guest.http.get(guest.start(shop.product(slug))["product"]["image_url"])
        with Image.open(io.BytesIO(answer.content)) as picture:
            return picture.getpixel((250, 300))

    assert colour("tee-blue") == pytest.approx((0, 0, 255), abs=5)
    assert colour("tee-red") == pytest.approx((255, 0, 0), abs=5)


def test_a_guest_tries_on_and_buys(shop: Oscar, guest: Visitor) -> None:
    shirt = shop.product("shirt")
    done = guest.try_on(shirt, shade=1)
    assert done["status"] == "completed", shop.log("workers")
    assert (done["product_title"], done["product_url"]) == ("Shirt", shop.page("shirt"))

    guest.send(shop.page("shirt"), BASKET)
    assert shop.conversions() == [("added", shirt, "")]

    thanks = order(guest)
    ((number,),) = shop.sql("SELECT number FROM order_order ORDER BY id DESC LIMIT 1")
    assert str(number) in thanks
    assert shop.conversions() == [("added", shirt, ""), ("purchased", shirt, str(number))]


def test_who_logs_in_before_paying_is_counted(shop: Oscar, guest: Visitor) -> None:
    shirt = shop.product("shirt")
    assert guest.try_on(shirt, shade=3)["status"] == "completed"
    guest.send(shop.page("shirt"), BASKET)

    log_in(guest)
    order(guest, account=True)

    assert [(kind, product) for kind, product, _order in shop.conversions()] == [
        ("added", shirt),
        ("purchased", shirt),
    ]


def test_a_siblings_try_on_counts_for_the_variant_that_is_bought(shop: Oscar, guest: Visitor) -> None:
    assert guest.try_on(shop.product("tee-red"), shade=2)["status"] == "completed"

    guest.send(shop.page("tee-blue"), BASKET)
    guest.send(shop.page("shirt"), BASKET)

    assert shop.conversions() == [("added", shop.product("tee-blue"), "")]


def test_who_tried_nothing_on_is_not_counted(shop: Oscar, guest: Visitor) -> None:
    guest.send(shop.page("shirt"), BASKET)
    order(guest)

    assert shop.conversions() == []


@pytest.mark.browser
def test_the_dialogs_button_puts_it_into_oscars_basket(page: Page, shop: Oscar, photo: Path) -> None:
    jquery = finders.find("oscar/js/jquery/jquery.min.js")
    assert jquery
    page.context.route("https://ajax.googleapis.com/**", lambda route: route.fulfill(path=jquery))
    page.goto(shop.url + shop.page("tee-red"))
    shoot(page, "oscar-product")

    page.get_by_role("link", name=re.compile("Try it on")).click()
    expect(page.get_by_role("heading", name="Add a photo of yourself")).to_be_visible()
    send(page, photo)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    shoot(page, "oscar-result")
    page.locator("#cart").click()

    expect(page.get_by_text("Tee-Red has been added to your basket.")).to_be_visible()
    shoot(page, "oscar-basket")
    page.goto(f"{shop.url}/basket/")
    expect(page.get_by_role("link", name="Tee-Red").first).to_be_visible()
    assert shop.conversions() == [("added", shop.product("tee-red"), "")]
