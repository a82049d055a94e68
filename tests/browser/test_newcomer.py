"""What a newcomer does: a product, a photo, the render, the basket; then glasses; then without JavaScript."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from .conftest import SCREENSHOTS
from .steps import CHOOSE, CHOOSE_FACE, RUNNING, SOON

if TYPE_CHECKING:
    from tests.running import RunningShop

pytestmark = pytest.mark.browser


def shoot(page: Page, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


def open_dialog(page: Page, shop: RunningShop, product: str, then: str = CHOOSE) -> None:
    page.goto(shop.url)
    page.get_by_role("link", name=re.compile(product)).first.click()
    page.get_by_role("link", name=re.compile("Try it on")).click()
    expect(page.get_by_role("heading", name=then)).to_be_visible()


def send(page: Page, photo: Path) -> None:
    page.locator("#file").set_input_files(photo)
    expect(page.get_by_role("heading", name="Use this photo?")).to_be_visible()
    assert not page.locator("#consent").is_checked()
    page.locator("#consent").check()
    page.locator("#order").get_by_role("button", name="Try it on").click()


def test_a_shirt_from_the_list_into_the_basket(page: Page, shop: RunningShop, photo: Path) -> None:
    open_dialog(page, shop, "linen shirt")
    shoot(page, "choose")
    send(page, photo)
    expect(page.locator("#progress")).to_be_visible()
    shoot(page, "waiting")

    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    assert page.locator("#after").evaluate("image => image.naturalWidth") > 300
    expect(page.get_by_text("AI-generated preview")).to_be_visible()
    shoot(page, "result")

    page.locator("#cart").click()
    expect(page.get_by_role("link", name=re.compile(r"(bag|cart|basket).*1", re.IGNORECASE))).to_be_visible()
    shoot(page, "basket")


def test_without_consent_nothing_is_sent(page: Page, shop: RunningShop, photo: Path) -> None:
    submits = len(shop.gateway.ledger.entries)
    open_dialog(page, shop, "linen shirt")
    page.locator("#file").set_input_files(photo)
    page.locator("#order").get_by_role("button", name="Try it on").click()
    expect(page.locator("#check-problem")).to_contain_text("agree")
    assert len(shop.gateway.ledger.entries) == submits


def test_a_reload_while_rendering_loses_nothing(page: Page, shop: RunningShop, photo: Path) -> None:
    shop.gateway.reset()
    shop.gateway.scenario(seconds=4)
    open_dialog(page, shop, "Clara")
    send(page, photo)
    # Only what the server has answered to is the shopper's: the answer brings the session.
    expect(page.locator("#state")).to_contain_text(RUNNING)
    page.reload()
    page.get_by_role("link", name=re.compile("Try it on")).click()

    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    assert len(shop.gateway.ledger.entries) == 1


def test_glasses_on_a_house_model(page: Page, shop: RunningShop) -> None:
    open_dialog(page, shop, "Otto", CHOOSE_FACE)
    page.get_by_role("button", name=re.compile("Mateo")).click()
    page.locator("#order").get_by_role("button", name="Try it on").click()

    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    shoot(page, "glasses")


def test_the_same_without_javascript(browser: Browser, shop: RunningShop, photo: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(shop.url)
    page.get_by_role("link", name=re.compile("linen shirt")).first.click()
    page.get_by_role("link", name=re.compile("Try it on")).click()
    shoot(page, "plain-form")
    page.locator("input[type=file]").set_input_files(photo)
    page.locator("input[name=consent]").check()
    page.get_by_role("button", name="Try it on").click()
    shoot(page, "plain-waiting")

    for _look in range(60):
        if page.get_by_text("AI-generated preview").count():
            break
        page.get_by_role("link", name="Check again").click()
        page.wait_for_timeout(500)
    expect(page.get_by_text("AI-generated preview").first).to_be_visible()
    shoot(page, "plain-result")
    context.close()
