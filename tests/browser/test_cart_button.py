"""The primary button of a result: it adds to the shop's cart or leads to the product page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.live_shop import phone_photo

from .actions import READY, create_result, expect_heading, open_dialog, open_product_page

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]

SLUG = "linen-shirt"
SET_ATTRIBUTE = (
    """(it, [name, value]) => value === null ? it.removeAttribute(name) : it.setAttribute(name, value)"""
)


def open_product_with_result(page: Page, shop: RunningShop, **attributes: str | None) -> None:
    """Open a product that has a result, and set attributes as another shop's template tag would."""
    create_result(page.context, shop, SLUG, phone_photo(shade=7))
    open_product_page(page, shop, SLUG)
    for name, value in attributes.items():
        page.locator("vton-try-on").evaluate(SET_ATTRIBUTE, [name.replace("_", "-"), value])


CANCEL_FIRST_EVENT = """document.addEventListener("vton:add-to-cart", (event) => {
    event.preventDefault();
    window.isCanceled = true;
}, { once: true })"""


def test_the_shops_cart_form_is_submitted_once_unless_the_page_cancels_the_event(
    page: Page, shop: RunningShop
) -> None:
    adds: list[Any] = []
    page.on(
        "request", lambda it: adds.append(it) if it.method == "POST" and it.url.endswith("/add/") else None
    )
    open_product_with_result(page, shop)
    page.evaluate(CANCEL_FIRST_EVENT)
    open_dialog(page, READY)
    cart = page.locator("#cart")
    cart.click()
    page.wait_for_function("() => window.isCanceled")
    expect_heading(page, READY)
    assert not adds
    cart.click()
    expect(page.get_by_role("link", name="Bag (1 item)")).to_be_visible()
    assert len(adds) == 1


ADD_MARKUP = """markup => document.querySelector(".facts").insertAdjacentHTML("beforeend", markup)"""


@pytest.mark.parametrize(
    "markup",
    ['<a id="bag" href="/cart/">Buy</a>', '<form action="/cart/"><button id="bag">Buy</button></form>'],
    ids=["link", "button"],
)
def test_the_shops_cart_link_or_button_is_clicked(page: Page, shop: RunningShop, markup: str) -> None:
    open_product_with_result(page, shop, cart="bag", cart_label="Buy now")
    page.evaluate(ADD_MARKUP, markup)
    open_dialog(page, READY)
    page.get_by_role("dialog").get_by_role("button", name="Buy now").click()
    page.wait_for_url("**/cart/*")


@pytest.mark.parametrize("wrong", ["no-such-form", "main"])
def test_a_wrong_cart_id_logs_a_warning_for_the_developer(page: Page, shop: RunningShop, wrong: str) -> None:
    warnings: list[str] = []

    def record(line: ConsoleMessage) -> None:
        if line.type == "warning" and "django-vton" in line.text:
            warnings.append(line.text)

    page.on("console", record)
    open_product_with_result(page, shop, cart=wrong)
    open_dialog(page, READY)
    expect(page.locator("#stay")).to_be_visible()
    expect(page.locator("#cart")).to_be_hidden()
    assert warnings
    assert wrong in warnings[0]


def test_without_a_cart_the_button_returns_to_the_product(page: Page, shop: RunningShop) -> None:
    open_product_with_result(page, shop, cart=None)
    open_dialog(page, READY)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("link", name="View product")).to_be_hidden()
    expect(page.locator("#cart")).to_be_hidden()
    assert page.locator("[data-view=result] .primary:visible").count() == 1
    dialog.get_by_role("button", name="Back to the product").click()
    expect(dialog).to_have_count(0)
    assert page.url.endswith(f"/products/{SLUG}/")


MOVE_BUTTON_HERE = """async url => {
    const page = new DOMParser().parseFromString(await (await fetch(url)).text(), "text/html");
    const button = document.adoptNode(page.querySelector("vton-try-on"));
    button.removeAttribute("cart");
    document.querySelector("main").append(button);
}"""


def test_on_another_page_without_a_cart_the_button_links_to_the_product(
    page: Page, shop: RunningShop
) -> None:
    """Such as a product list with a try-on button per product."""
    open_product_with_result(page, shop)
    page.goto(shop.url)
    page.evaluate(MOVE_BUTTON_HERE, f"/products/{SLUG}/")
    open_dialog(page, READY)
    expect(page.locator("#stay")).to_be_hidden()
    page.get_by_role("dialog").get_by_role("link", name="View product").click()
    page.wait_for_url(f"**/products/{SLUG}/")


def offer_text(page: Page) -> str:
    return " ".join(page.locator(".offer").inner_text().split())


def test_the_result_shows_title_selection_and_price_of_the_product(page: Page, shop: RunningShop) -> None:
    open_product_with_result(page, shop, price="89 €", cart_label="In the bag with it")
    page.get_by_role("radio", name="L", exact=True).check()
    open_dialog(page, READY)
    assert offer_text(page) == "Linnea linen shirt Size: L 89 €"
    expect(page.locator("#cart")).to_have_text("In the bag with it")

    page.get_by_role("button", name="Close").click()
    page.get_by_role("radio", name="XS", exact=True).check()
    open_dialog(page, READY)
    assert offer_text(page) == "Linnea linen shirt Size: XS 89 €"

    page.get_by_role("button", name="Close").click()
    page.locator("vton-try-on").evaluate(SET_ATTRIBUTE, ["variant", "Sage, extra small"])
    open_dialog(page, READY)
    assert offer_text(page) == "Linnea linen shirt Sage, extra small 89 €"


FORM = """<form id="bag" action="/cart/">
    <label>Colour <select name="colour" required>
        <option value="">Please choose</option><option>Sage</option>
    </select></label>
    <input type="hidden" name="token" value="secret">
</form>"""


def test_the_shops_form_asks_for_missing_selections(page: Page, shop: RunningShop) -> None:
    open_product_with_result(page, shop, cart="bag", price=None)
    page.evaluate(ADD_MARKUP, FORM)
    open_dialog(page, READY)
    assert offer_text(page) == "Linnea linen shirt"
    page.get_by_role("dialog").get_by_role("button", name="Choose your options").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    colour = page.get_by_label("Colour")
    expect(colour).to_be_focused()
    colour.select_option("Sage")
    open_dialog(page, READY)
    assert offer_text(page) == "Linnea linen shirt Colour: Sage"
    page.locator("#cart").click()
    page.wait_for_url("**/cart/?colour=Sage*")
