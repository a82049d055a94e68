"""A computer shows a code, a phone reads it from the screen, and both end with the same look."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from .steps import CHOOSE, READY, SOON, heading, touch, visit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import RunningShop

pytestmark = pytest.mark.browser

CODE = "Continue on your phone"


@pytest.fixture
def handset(browser: Browser) -> Iterator[Page]:
    """The shopper's phone."""
    context = browser.new_context(
        viewport={"width": 390, "height": 664}, is_mobile=True, has_touch=True, locale="en-GB"
    )
    yield context.new_page()
    context.close()


def read_from_screen(page: Page) -> str:
    """The URL in the code, as a camera sees it."""
    code = page.get_by_role("img", name="QR code")
    expect(code).to_have_js_property("complete", value=True, timeout=SOON)
    [found] = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.screenshot())))
    return str(found.text)


def ask_for_code(page: Page, shop: RunningShop) -> str:
    visit(page, shop, "linen-shirt")
    touch(page)
    page.get_by_role("button", name="Use your phone").click()
    heading(page, CODE)
    return read_from_screen(page)


@pytest.mark.usefixtures("quick_gateway")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_phone_reads_the_code_and_both_see_the_look(
    browser: Browser, shop: RunningShop, handset: Page, photo: Path, scheme: str
) -> None:
    desk = browser.new_context(color_scheme=scheme, locale="en-GB")  # type: ignore[arg-type] # one of its words
    page = desk.new_page()
    handset.goto(ask_for_code(page, shop))
    expect(page.get_by_text("The link is open")).to_be_visible(timeout=SOON)
    handset.get_by_role("button", name="Continue on this phone").click()
    # The product's own page opens the dialog by itself.
    heading(handset, CHOOSE)
    expect(page.get_by_text("Your phone is connected")).to_be_visible(timeout=SOON)
    handset.locator("#file").set_input_files(photo)
    handset.locator("#consent").check()
    handset.locator("#order").get_by_role("button", name="Try it on").click()
    heading(handset, READY)
    heading(page, READY)
    here, there = (it.locator("#after").get_attribute("src") for it in (page, handset))
    assert here == there
    desk.close()


def test_a_newer_code_in_another_tab_ends_this_one(context: BrowserContext, shop: RunningShop) -> None:
    first, second = context.new_page(), context.new_page()
    # Chromium tells a page that is behind another that it is hidden, but not without a screen.
    ask_for_code(first, shop)
    ask_for_code(second, shop)
    expect(first.get_by_text("This code has expired.")).to_be_visible(timeout=SOON)
    expect(first.get_by_role("img", name="QR code")).to_be_hidden()
    first.get_by_role("button", name="Show a new code").click()
    read_from_screen(first)


def test_too_many_codes_are_told_where_the_code_would_be(context: BrowserContext, shop: RunningShop) -> None:
    page = context.new_page()
    refusal = '{"code": "quota_exceeded", "detail": "That was a lot of codes.", "field": ""}'
    page.route("**/api/phone/?*", lambda route: route.fulfill(status=429, body=refusal))
    visit(page, shop, "linen-shirt")
    touch(page)
    page.get_by_role("button", name="Use your phone").click()
    expect(page.get_by_role("alert").filter(has_text="That was a lot of codes.")).to_be_visible()
    page.get_by_role("button", name="Back").click()
    heading(page, CHOOSE)


def test_a_phone_offers_no_code_to_itself(handset: Page, shop: RunningShop) -> None:
    visit(handset, shop, "linen-shirt")
    touch(handset)
    expect(handset.get_by_role("button", name="Use your phone")).to_be_hidden()
