"""The whole flow on a phone, only by touch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .actions import TIMEOUT_MS, divider_position, swipe

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser


def test_from_the_product_list_to_the_cart_by_touch(browser: Browser, shop: RunningShop) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
        reduced_motion="reduce",  # The divider is not animated.
    )
    page = context.new_page()
    page.goto(shop.url)
    page.get_by_role("link", name=re.compile("linen shirt")).first.tap()
    page.wait_for_load_state()  # Until its script has run, the button is a plain link.
    page.get_by_role("link", name=re.compile("Try it on")).tap()
    page.get_by_role("button", name="Noa").tap()
    page.locator("#order").get_by_role("button", name="Try it on").tap()
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    for picture in ("#before", "#after"):  # While it is decoded, a busy page may lose a touch.
        page.locator(picture).evaluate("it => it.decode()")

    swipe_divider(page, 0.9)
    assert divider_position(page) > 0.5
    like = page.locator("#like")
    like.tap()
    expect(like).to_have_attribute("aria-pressed", "true")
    page.locator("#cart").tap()
    expect(page.get_by_role("link", name=re.compile(r"Bag.*1"))).to_be_visible()
    context.close()


def swipe_divider(page: Page, to: float) -> None:
    """Move the divider by one finger to this share of the picture's width."""
    handle, stage = page.locator("#handle").bounding_box(), page.locator("#stage").bounding_box()
    assert handle
    assert stage
    y = stage["y"] + stage["height"] / 2
    swipe(page, (handle["x"] + 22, y), *((stage["x"] + stage["width"] * share, y) for share in (to / 2, to)))
