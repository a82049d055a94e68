"""The one main button of a result: the shop's own cart, or the product's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.running import phone_photo

from .steps import READY, heading, rendered, touch, visit

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

    from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_gateway")]

SLUG = "linen-shirt"
ATTRIBUTES = (
    """(it, [name, value]) => value === null ? it.removeAttribute(name) : it.setAttribute(name, value)"""
)


def product_page(page: Page, shop: RunningShop, **attributes: str | None) -> None:
    """Of a product with a result; the tag's attributes as another shop would write them."""
    rendered(page.context, shop, SLUG, phone_photo(shade=7))
    visit(page, shop, SLUG)
    for name, value in attributes.items():
        page.locator("vton-try-on").evaluate(ATTRIBUTES, [name.replace("_", "-"), value])


KEEP = """document.addEventListener("vton:add-to-cart", (event) => {
    event.preventDefault();
    window.kept = true;
}, { once: true })"""


def test_the_shops_own_form_is_sent_once(page: Page, shop: RunningShop) -> None:
    adds: list[Any] = []
    page.on(
        "request", lambda it: adds.append(it) if it.method == "POST" and it.url.endswith("/add/") else None
    )
    product_page(page, shop)
    page.evaluate(KEEP)
    touch(page, READY)
    cart = page.locator("#cart")
    cart.click()
    page.wait_for_function("() => window.kept")
    heading(page, READY)
    assert not adds
    cart.click()
    expect(page.get_by_role("link", name="Bag (1 item)")).to_be_visible()
    assert len(adds) == 1


ADD = """markup => document.querySelector(".facts").insertAdjacentHTML("beforeend", markup)"""


@pytest.mark.parametrize(
    "markup",
    ['<a id="bag" href="/cart/">Buy</a>', '<form action="/cart/"><button id="bag">Buy</button></form>'],
    ids=["link", "button"],
)
def test_a_link_or_a_button_of_the_shop_is_clicked(page: Page, shop: RunningShop, markup: str) -> None:
    product_page(page, shop, cart="bag", cart_label="Buy now")
    page.evaluate(ADD, markup)
    touch(page, READY)
    page.get_by_role("dialog").get_by_role("button", name="Buy now").click()
    page.wait_for_url("**/cart/*")


@pytest.mark.parametrize("wrong", ["no-such-form", "main"])
def test_a_cart_that_is_none_is_told_to_the_developer(page: Page, shop: RunningShop, wrong: str) -> None:
    warnings: list[str] = []

    def hear(line: ConsoleMessage) -> None:
        if line.type == "warning" and "django-vton" in line.text:
            warnings.append(line.text)

    page.on("console", hear)
    product_page(page, shop, cart=wrong)
    touch(page, READY)
    expect(page.locator("#stay")).to_be_visible()
    expect(page.locator("#cart")).to_be_hidden()
    assert warnings
    assert wrong in warnings[0]


def test_without_a_cart_one_goes_back_to_the_product(page: Page, shop: RunningShop) -> None:
    product_page(page, shop, cart=None)
    touch(page, READY)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("link", name="View product")).to_be_hidden()
    expect(page.locator("#cart")).to_be_hidden()
    assert page.locator("[data-view=result] .primary:visible").count() == 1
    dialog.get_by_role("button", name="Back to the product").click()
    expect(dialog).to_have_count(0)
    assert page.url.endswith(f"/products/{SLUG}/")


MOVE = """async url => {
    const page = new DOMParser().parseFromString(await (await fetch(url)).text(), "text/html");
    const button = document.adoptNode(page.querySelector("vton-try-on"));
    button.removeAttribute("cart");
    document.querySelector("main").append(button);
}"""


def test_on_another_page_without_a_cart_one_goes_to_the_product(page: Page, shop: RunningShop) -> None:
    """As on a list of products, each with its button."""
    product_page(page, shop)
    page.goto(shop.url)
    page.evaluate(MOVE, f"/products/{SLUG}/")
    touch(page, READY)
    expect(page.locator("#stay")).to_be_hidden()
    page.get_by_role("dialog").get_by_role("link", name="View product").click()
    page.wait_for_url(f"**/products/{SLUG}/")


def offer(page: Page) -> str:
    return " ".join(page.locator(".offer").inner_text().split())


def test_what_is_bought_is_said_beside_the_picture(page: Page, shop: RunningShop) -> None:
    product_page(page, shop, price="89 €", cart_label="In the bag with it")
    page.get_by_role("radio", name="L", exact=True).check()
    touch(page, READY)
    assert offer(page) == "Linnea linen shirt Size: L 89 €"
    expect(page.locator("#cart")).to_have_text("In the bag with it")

    page.get_by_role("button", name="Close").click()
    page.get_by_role("radio", name="XS", exact=True).check()
    touch(page, READY)
    assert offer(page) == "Linnea linen shirt Size: XS 89 €"

    page.get_by_role("button", name="Close").click()
    page.locator("vton-try-on").evaluate(ATTRIBUTES, ["variant", "Sage, extra small"])
    touch(page, READY)
    assert offer(page) == "Linnea linen shirt Sage, extra small 89 €"


FORM = """<form id="bag" action="/cart/">
    <label>Colour <select name="colour" required>
        <option value="">Please choose</option><option>Sage</option>
    </select></label>
    <input type="hidden" name="token" value="secret">
</form>"""


def test_what_is_still_to_be_chosen_is_asked_by_the_shops_form(page: Page, shop: RunningShop) -> None:
    product_page(page, shop, cart="bag", price=None)
    page.evaluate(ADD, FORM)
    touch(page, READY)
    assert offer(page) == "Linnea linen shirt"
    page.get_by_role("dialog").get_by_role("button", name="Choose your options").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    colour = page.get_by_label("Colour")
    expect(colour).to_be_focused()
    colour.select_option("Sage")
    touch(page, READY)
    assert offer(page) == "Linnea linen shirt Colour: Sage"
    page.locator("#cart").click()
    page.wait_for_url("**/cart/?colour=Sage*")
