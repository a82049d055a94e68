"""The URL fragment `#try-on` opens the dialog of the page's first button."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .actions import expect_closed, expect_open, open_product_page, tryon_button
from .test_htmx_and_turbo import HTMX, TURBO, add_script

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]


def test_the_fragment_opens_the_dialog_once(page: Page, shop: RunningShop) -> None:
    page.goto(f"{shop.url}/products/linen-shirt/?from=mail#try-on")
    expect_open(page)
    assert page.url == f"{shop.url}/products/linen-shirt/?from=mail"
    page.reload()
    expect(tryon_button(page)).to_be_visible()
    page.wait_for_load_state("networkidle")
    expect_closed(page)


ADD_SECOND_BUTTON = """document.addEventListener("DOMContentLoaded", () => {
    const first = document.querySelector("vton-try-on");
    first.after(first.cloneNode(true));
});"""


def test_the_fragment_opens_the_first_of_several_buttons(page: Page, shop: RunningShop) -> None:
    page.add_init_script(ADD_SECOND_BUTTON)
    page.add_init_script("addEventListener('vton:opened', ({ target }) => (window.opened = target))")
    page.goto(f"{shop.url}/products/linen-shirt/#try-on")
    expect_open(page)
    expect(page.locator("vton-try-on")).to_have_count(2)
    assert page.evaluate("window.opened === document.querySelector('vton-try-on')")
    expect(page.locator("vton-dialog")).to_have_count(1)


def test_another_fragment_does_not_open_the_dialog(page: Page, shop: RunningShop) -> None:
    page.goto(f"{shop.url}/products/linen-shirt/#main")
    page.wait_for_load_state("networkidle")
    expect_closed(page)
    assert page.url.endswith("#main")


@pytest.mark.parametrize("script", [HTMX, TURBO], ids=["htmx", "turbo"])
def test_the_fragment_works_for_pages_that_htmx_or_turbo_load(
    page: Page, shop: RunningShop, script: str
) -> None:
    add_script(page, script)
    open_product_page(page, shop, "linen-shirt")
    page.evaluate("window.isTheSamePage = true")
    page.get_by_role("link", name="Lindenhof").first.click()
    expect(page).to_have_url(f"{shop.url}/")
    link = page.get_by_role("link", name=re.compile("linen shirt")).first
    link.evaluate("it => { it.href += '#try-on'; window.htmx?.process(it); }")
    link.click()
    expect_open(page)
    page.wait_for_load_state("networkidle")
    expect_open(page)
    assert page.evaluate("window.isTheSamePage") is True
    assert page.url == f"{shop.url}/products/linen-shirt/"
