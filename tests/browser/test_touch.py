"""The whole way on a phone, by touch alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .test_newcomer import SOON

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.running import RunningShop

pytestmark = pytest.mark.browser


def test_from_the_list_into_the_basket_by_touch(browser: Browser, shop: RunningShop) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = context.new_page()
    page.goto(shop.url)
    page.get_by_role("link", name=re.compile("linen shirt")).first.tap()
    page.get_by_role("link", name=re.compile("Try it on")).tap()
    page.get_by_role("button", name="Noa").tap()
    page.locator("#order").get_by_role("button", name="Try it on").tap()
    expect(page.locator("#after")).to_be_visible(timeout=SOON)

    share = slide(page)
    assert share > 0.5
    like = page.get_by_role("button", name="I like it")
    like.tap()
    expect(like).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Add to cart").tap()
    expect(page.get_by_role("link", name=re.compile(r"Bag.*1"))).to_be_visible()
    context.close()


def slide(page: Page) -> float:
    """Drag the slider's handle to the right with one finger; how much of the photo is seen then."""
    box = page.locator("#compare").bounding_box()
    assert box is not None
    devtools = page.context.new_cdp_session(page)
    y = box["y"] + box["height"] / 2
    for kind, at in (("touchStart", 20), ("touchMove", box["width"] / 2), ("touchMove", box["width"] * 0.9)):
        points = [{"x": box["x"] + at, "y": y}]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    return float(page.locator("#stage").evaluate("it => getComputedStyle(it).getPropertyValue('--share')"))
