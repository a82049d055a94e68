"""The whole flow from product to cart; glasses on a house model; and without JavaScript."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from .actions import CHOOSE_FACE, RUNNING, TIMEOUT_MS, open_dialog_from_list, order, send_photo

if TYPE_CHECKING:
    from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser


def test_a_shirt_from_the_product_list_to_the_cart(page: Page, shop: RunningShop, photo: Path) -> None:
    page.emulate_media(reduced_motion="no-preference")
    open_dialog_from_list(page, shop, "linen shirt")
    send_photo(page, photo)
    expect(page.locator("#progress")).to_be_visible()

    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    assert page.locator("#after").evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    expect(page.get_by_text("AI-generated preview")).to_be_visible()

    page.locator("#cart").click()
    expect(page.get_by_role("link", name=re.compile(r"(bag|cart|basket).*1", re.IGNORECASE))).to_be_visible()


def test_without_consent_nothing_is_sent(page: Page, shop: RunningShop, photo: Path) -> None:
    submits = len(shop.gateway.ledger.entries)
    open_dialog_from_list(page, shop, "linen shirt")
    page.locator("#file").set_input_files(photo)
    order(page)
    expect(page.locator("#check-problem")).to_contain_text("agree")
    assert len(shop.gateway.ledger.entries) == submits


def test_a_reload_during_the_render_keeps_the_try_on(page: Page, shop: RunningShop, photo: Path) -> None:
    shop.gateway.reset()
    shop.gateway.scenario(seconds=4)
    open_dialog_from_list(page, shop, "Clara")
    send_photo(page, photo)
    # The answer sets the session cookie. Before it, a reload would lose the try-on.
    expect(page.locator("#state")).to_contain_text(RUNNING)
    page.reload()
    page.get_by_role("link", name=re.compile("Try it on")).click()

    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    assert len(shop.gateway.ledger.entries) == 1


def test_glasses_on_a_house_model(page: Page, shop: RunningShop) -> None:
    open_dialog_from_list(page, shop, "Otto", CHOOSE_FACE)
    page.get_by_role("button", name=re.compile("Mateo")).click()
    order(page)

    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)


def test_the_whole_flow_without_javascript(browser: Browser, shop: RunningShop, photo: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(shop.url)
    page.get_by_role("link", name=re.compile("linen shirt")).first.click()
    page.get_by_role("link", name=re.compile("Try it on")).click()
    page.locator("input[type=file]").set_input_files(photo)
    page.locator("input[name=consent]").check()
    page.get_by_role("button", name="Try it on").click()

    for _attempt in range(60):
        if page.get_by_text("AI-generated preview").count():
            break
        page.get_by_role("link", name="Check again").click()
        page.wait_for_timeout(500)
    expect(page.get_by_text("AI-generated preview").first).to_be_visible()
    context.close()
