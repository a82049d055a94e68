"""The whole way on a phone, by touch alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .steps import SOON, share, slide

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.running import RunningShop

pytestmark = pytest.mark.browser


def test_from_the_list_into_the_basket_by_touch(browser: Browser, shop: RunningShop) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844},
        has_touch=True,
        is_mobile=True,
        device_scale_factor=2,
        reduced_motion="reduce",  # The divider stays where it is.
    )
    page = context.new_page()
    page.goto(shop.url)
    page.get_by_role("link", name=re.compile("linen shirt")).first.tap()
    page.get_by_role("link", name=re.compile("Try it on")).tap()
    page.get_by_role("button", name="Noa").tap()
    page.locator("#order").get_by_role("button", name="Try it on").tap()
    expect(page.locator("#after")).to_be_visible(timeout=SOON)

    slide_divider(page, 0.9)
    assert share(page) > 0.5
    like = page.locator("#like")
    like.tap()
    expect(like).to_have_attribute("aria-pressed", "true")
    page.locator("#cart").tap()
    expect(page.get_by_role("link", name=re.compile(r"Bag.*1"))).to_be_visible()
    context.close()


def slide_divider(page: Page, to: float) -> None:
    """By one finger, to this part of the picture's width."""
    handle, stage = page.locator("#handle").bounding_box(), page.locator("#stage").bounding_box()
    assert handle
    assert stage
    y = stage["y"] + stage["height"] / 2
    slide(page, (handle["x"] + 22, y), *((stage["x"] + stage["width"] * at, y) for at in (to / 2, to)))
