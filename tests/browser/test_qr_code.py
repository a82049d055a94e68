"""A phone reads the QR code from a computer's screen, and both show the same result."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from .actions import (
    CHOOSE,
    READY,
    TIMEOUT_MS,
    expect_heading,
    open_dialog,
    open_product_page,
    take_screenshot,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser

CODE_TITLE = "Continue on your phone"


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 390, "height": 664},
        is_mobile=True,
        has_touch=True,
        locale="en-GB",
        reduced_motion="reduce",
    )
    yield context.new_page()
    context.close()


def read_from_screen(page: Page) -> str:
    """Return the URL in the QR code of a screenshot."""
    code = page.get_by_role("img", name="QR code")
    expect(code).to_have_js_property("complete", value=True, timeout=TIMEOUT_MS)
    [found] = zxingcpp.read_barcodes(Image.open(io.BytesIO(take_screenshot(page))))
    return str(found.text)


def show_code(page: Page, shop: RunningShop) -> str:
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.get_by_role("button", name="Use your phone").click()
    expect_heading(page, CODE_TITLE)
    return read_from_screen(page)


@pytest.mark.usefixtures("instant_renders")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_phone_uses_the_code_and_both_devices_show_the_result(
    browser: Browser, shop: RunningShop, phone: Page, photo: Path, scheme: str
) -> None:
    computer = browser.new_context(
        color_scheme=scheme,  # type: ignore[arg-type] # a plain str
        locale="en-GB",
        reduced_motion="reduce",
    )
    page = computer.new_page()
    phone.goto(show_code(page, shop))
    expect(page.get_by_text("The link is open")).to_be_visible(timeout=TIMEOUT_MS)
    phone.get_by_role("button", name="Continue on this phone").click()
    # The product page opens the dialog.
    expect_heading(phone, CHOOSE)
    expect(page.get_by_text("Your phone is connected")).to_be_visible(timeout=TIMEOUT_MS)
    phone.locator("#file").set_input_files(photo)
    phone.locator("#consent").check()
    phone.locator("#order").get_by_role("button", name="Try it on").click()
    expect_heading(phone, READY)
    expect_heading(page, READY)
    on_computer, on_phone = (device.locator("#after").get_attribute("src") for device in (page, phone))
    assert on_computer == on_phone
    computer.close()


def test_a_newer_code_in_another_tab_expires_this_one(context: BrowserContext, shop: RunningShop) -> None:
    first, second = context.new_page(), context.new_page()
    # Headless Chromium does not hide the first tab, so it keeps polling.
    show_code(first, shop)
    show_code(second, shop)
    expect(first.get_by_text("This code has expired.")).to_be_visible(timeout=TIMEOUT_MS)
    expect(first.get_by_role("img", name="QR code")).to_be_hidden()
    first.get_by_role("button", name="Show a new code").click()
    read_from_screen(first)


def test_a_refusal_of_too_many_codes_is_shown_in_place_of_the_code(
    context: BrowserContext, shop: RunningShop
) -> None:
    page = context.new_page()
    refusal = '{"code": "quota_exceeded", "detail": "That was a lot of codes.", "field": ""}'
    page.route("**/api/phone/?*", lambda route: route.fulfill(status=429, body=refusal))
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.get_by_role("button", name="Use your phone").click()
    expect(page.get_by_role("alert").filter(has_text="That was a lot of codes.")).to_be_visible()
    page.get_by_role("button", name="Back").click()
    expect_heading(page, CHOOSE)


def test_a_phone_offers_no_qr_code(phone: Page, shop: RunningShop) -> None:
    open_product_page(phone, shop, "linen-shirt")
    open_dialog(phone)
    expect(phone.get_by_role("button", name="Use your phone")).to_be_hidden()
