"""The badge: where it leads, how it is dismissed and where it is placed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.live_shop import phone_photo

from .actions import (
    READY,
    create_result,
    expect_closed,
    expect_heading,
    expect_open,
    open_product_page,
    tryon_button,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]

TRY_ON = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
STORED = "sessionStorage.getItem('vton')"


def add_pending_tryon(page: Page, shop: RunningShop, slug: str, **values: Any) -> None:
    """Store a try-on in the tab, and make the shop answer with these values for it."""
    answer = {
        "id": TRY_ON,
        "product": shop.product(slug),
        "product_url": f"/products/{slug}/",
        "page_url": f"/try-on/r/{TRY_ON}/",
        "status": "completed",
        "error": None,
        **values,
    }
    page.route(f"**/api/try-ons/{TRY_ON}/*", lambda route: route.fulfill(json=answer))
    stored = json.dumps(json.dumps(answer | {"status": "queued"}))
    page.add_init_script(f"sessionStorage.getItem('vton') ?? sessionStorage.setItem('vton', {stored})")


BADGE = "vton-badge a"


def test_the_badge_leads_to_the_result_on_the_product_page(
    page: Page, context: BrowserContext, shop: RunningShop
) -> None:
    tryon = create_result(context, shop, "linen-shirt", phone_photo(shade=81))
    stored = json.dumps({"id": tryon["id"], "product": tryon["product"], "status": "queued"})
    page.goto(shop.url)
    page.evaluate("it => sessionStorage.setItem('vton', it)", stored)
    page.reload()
    page.get_by_role("link", name="Your look is ready").click()
    expect_heading(page, READY)
    assert page.url == f"{shop.url}/products/linen-shirt/"
    assert page.evaluate(STORED) is None
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    expect_closed(page)
    expect(page.locator("vton-badge")).to_have_count(0)


@pytest.mark.parametrize("status", ["processing", "completed"])
def test_on_the_product_page_the_badge_opens_the_dialog(page: Page, shop: RunningShop, status: str) -> None:
    add_pending_tryon(page, shop, "linen-shirt", status=status)
    open_product_page(page, shop, "linen-shirt")
    page.evaluate("window.isTheSamePage = true")
    page.locator(BADGE).click()
    expect_open(page)
    assert page.evaluate("window.isTheSamePage") is True
    page.keyboard.press("Escape")
    expect_closed(page)
    expect(tryon_button(page)).to_be_focused()


@pytest.mark.parametrize(
    ("values", "href"),
    [
        ({}, "/products/linen-shirt/#try-on"),
        ({"status": "processing"}, "/products/linen-shirt/#try-on"),
        ({"product_url": "/products/linen-shirt/?size=M#more"}, "/products/linen-shirt/?size=M#try-on"),
        ({"status": "failed"}, f"/try-on/r/{TRY_ON}/"),
        ({"product_url": ""}, f"/try-on/r/{TRY_ON}/"),
        ({"product_url": "https://elsewhere.example/shirt/"}, f"/try-on/r/{TRY_ON}/"),
        ({"product_url": "javascript:alert(1)"}, f"/try-on/r/{TRY_ON}/"),
        ({"product_url": "http://["}, f"/try-on/r/{TRY_ON}/"),
        # The current page, which has no button of the product.
        ({"product_url": "/products/linden-tote/"}, f"/try-on/r/{TRY_ON}/"),
    ],
)
def test_elsewhere_the_badge_leads_to_the_product_or_else_to_the_result(
    page: Page, shop: RunningShop, values: dict[str, str], href: str
) -> None:
    add_pending_tryon(page, shop, "linen-shirt", **values)
    open_product_page(page, shop, "linden-tote")
    expect(page.locator(BADGE)).to_have_attribute("href", re.compile(f"^({shop.url})?{re.escape(href)}$"))


def test_only_dismissing_the_badge_removes_the_stored_try_on(page: Page, shop: RunningShop) -> None:
    add_pending_tryon(page, shop, "linen-shirt")
    page.goto(shop.url)
    page.evaluate("addEventListener('click', (event) => event.preventDefault())")
    page.locator(BADGE).click()
    assert json.loads(page.evaluate(STORED))["id"] == TRY_ON
    expect(page.locator(BADGE)).to_be_visible()
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("vton-badge")).to_have_count(0)
    assert page.evaluate(STORED) is None


@pytest.mark.parametrize("how", [{"modifiers": ["Control"]}, {"button": "middle"}])
def test_ctrl_click_and_middle_click_on_the_badge_open_the_result_in_a_new_tab(
    page: Page, context: BrowserContext, shop: RunningShop, how: Any
) -> None:
    add_pending_tryon(page, shop, "linen-shirt")
    open_product_page(page, shop, "linen-shirt")
    with context.expect_page() as new_tab:
        page.locator(BADGE).click(**how)
    new_tab.value.wait_for_url(f"**/try-on/r/{TRY_ON}/*")
    expect_closed(page)


def test_the_badge_is_not_printed(page: Page, shop: RunningShop) -> None:
    add_pending_tryon(page, shop, "linen-shirt")
    page.goto(shop.url)
    expect(page.locator(BADGE)).to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator(BADGE)).to_be_hidden()


SHOW_LONGEST_MESSAGE = "it => it.showMessage(document.querySelector('script[data-vton]').dataset.offline)"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_on_a_phone_the_badge_keeps_inside_of_the_safe_area(
    browser: Browser, shop: RunningShop, language: str
) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 568}, locale=language)
    page = context.new_page()
    add_pending_tryon(page, shop, "linen-shirt")
    page.goto(shop.url)
    expect(page.locator(BADGE)).to_be_visible()
    insets = {"top": 0, "left": 30, "bottom": 34, "right": 30}
    context.new_cdp_session(page).send("Emulation.setSafeAreaInsetsOverride", {"insets": insets})
    page.locator("vton-badge").evaluate(SHOW_LONGEST_MESSAGE)
    box = page.locator("vton-badge").bounding_box()
    assert box
    assert box["x"] >= 30
    assert box["x"] + box["width"] <= 320 - 30
    assert box["y"] + box["height"] == 568 - 34 - 16
    context.close()
