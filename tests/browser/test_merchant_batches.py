"""A merchant's batch in the admin: from the choice of products to a published render."""

from __future__ import annotations

import io
import os
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, expect

from .conftest import save_for_guide

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser

TIMEOUT_MS = 60_000
PHONE: ViewportSize = {"width": 390, "height": 844}


def save_screenshot(page: Page, name: str) -> None:
    """Save a picture of the whole page for the documentation."""
    if "SCREENSHOTS" in os.environ:
        screenshot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
        save_for_guide(screenshot.convert("RGB"), f"merchant-{name}")


def log_in(page: Page, shop: RunningShop) -> None:
    page.goto(f"{shop.url}/admin/")
    page.locator("#id_username").fill("admin")
    page.locator("#id_password").fill("tests")
    page.locator("#id_password").press("Enter")
    expect(page.locator("#user-tools")).to_be_visible()


def expect_no_horizontal_scrolling(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def upload_house_model(page: Page, shop: RunningShop, photo: Path) -> None:
    page.goto(f"{shop.url}/admin/vton/housemodel/add/")
    page.get_by_label("Photo").set_input_files(photo)
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()


def test_from_an_empty_catalogue_to_a_published_render(page: Page, shop: RunningShop, photo: Path) -> None:
    shop.gateway.reset()
    log_in(page, shop)
    upload_house_model(page, shop, photo)
    page.get_by_role("link", name="Batches").first.click()
    page.get_by_role("link", name="Render on models…").click()

    page.get_by_label("Search", exact=True).fill("striped tee")
    page.get_by_label("Search", exact=True).press("Enter")
    page.get_by_label("Maren striped tee").check()
    page.get_by_role("button", name="Add selected").click()
    page.get_by_role("link", name="Show all").click()
    page.get_by_label(re.compile("Otto")).check()
    page.get_by_label(re.compile("Linden tote")).check()
    page.get_by_role("button", name="Add selected").click()
    expect(page.get_by_text("3 products selected")).to_be_visible()
    save_screenshot(page, "choose")
    page.get_by_role("link", name="Continue: models and price").click()

    expect(page.get_by_label("Ada")).to_be_visible()
    page.get_by_label("Mateo").check()
    page.get_by_role("button", name="Save and calculate").click()
    expect(page.get_by_text("1 product cannot be tried on now")).to_be_visible()
    save_screenshot(page, "price")
    page.get_by_role("button", name="Start 2 renders for at most 0.375 USD").click()

    page.evaluate("window.isTheSamePage = true")
    state = page.get_by_role("status")
    expect(state).to_contain_text("Finished · 3 of 3", timeout=TIMEOUT_MS)
    assert page.evaluate("window.isTheSamePage"), "the numbers were updated without a reload"
    expect(page.get_by_text("0.375 USD spent")).to_be_visible()
    expect(page.get_by_role("link", name="Reload the page")).to_be_hidden()
    save_screenshot(page, "finished")
    page.get_by_role("link", name="Review", exact=True).click()

    review_by_keyboard(page)
    page.get_by_role("button", name="Publish 1 accepted render").press("Enter")
    expect(page.get_by_text("1 render was published.")).to_be_visible()

    title = page.locator(".vton-card h3").inner_text()
    page.goto(shop.url)
    page.get_by_role("link", name=re.compile(title)).first.click()
    shown = page.get_by_role("img", name=re.compile("AI-generated preview of"))
    expect(shown.first).to_be_visible()
    assert shown.first.evaluate("async image => (await image.decode(), image.naturalWidth)") > 100


def review_by_keyboard(page: Page) -> None:
    """Accept the first, reject the second for a reason, undo that and reject it again."""
    cards = page.locator(".vton-card")
    expect(cards).to_have_count(2)
    expect(page.get_by_text("Keyboard:")).to_be_visible()  # The script is loaded.
    page.keyboard.press("j")
    expect(cards.nth(0)).to_be_focused()
    page.keyboard.press("a")
    expect(cards.nth(0)).to_contain_text("accepted")
    expect(cards.nth(1)).to_be_focused()
    page.keyboard.press("r")
    expect(cards.nth(1).get_by_role("button", name="Wrong garment or glasses")).to_be_focused()
    page.keyboard.press("Enter")
    expect(cards.nth(1)).to_contain_text("rejected: wrong garment or glasses")
    expect(cards.nth(1)).to_be_focused()
    page.keyboard.press("u")
    expect(cards.nth(1)).to_contain_text("not reviewed")
    page.keyboard.press("k")
    expect(cards.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("2")
    expect(cards.nth(1)).to_contain_text("rejected: artefact")
    for name, count in (("unreviewed", "0"), ("accepted", "1"), ("rejected", "1")):
        expect(page.locator(f"[data-vton-count={name}]")).to_have_text(count)
    expect(page.get_by_role("button", name="Publish 1 accepted render")).to_be_visible()
    save_screenshot(page, "reviewed")
    page.reload()
    expect(page.locator("[data-vton-count=rejected]")).to_have_text("1")


def test_a_single_product_is_tested_from_its_admin_page(page: Page, shop: RunningShop) -> None:
    log_in(page, shop)
    page.goto(f"{shop.url}/admin/shop/product/")
    page.locator("#result_list").get_by_role("link", name="Mira").click()
    page.get_by_role("button", name="Test this product for 0.30 USD").click()
    expect(page.get_by_role("status")).to_contain_text("Finished", timeout=TIMEOUT_MS)
    expect(page.get_by_role("img", name="Try-on of Mira")).to_be_visible()


def test_a_batch_without_javascript_in_dark_mode_on_a_phone(browser: Browser, shop: RunningShop) -> None:
    context = browser.new_context(java_script_enabled=False, viewport=PHONE, color_scheme="dark")
    page = context.new_page()
    log_in(page, shop)
    page.goto(f"{shop.url}/admin/vton/batch/add/?q=skirt")
    page.get_by_role("button", name="Add the 1 product found").click()
    page.get_by_role("link", name="Continue: models and price").click()
    page.get_by_label("Noa").check()
    page.get_by_role("button", name="Save and calculate").click()
    page.get_by_role("button", name="Start 1 render").click()
    for _attempt in range(60):
        if page.get_by_text("Finished").count():
            break
        page.get_by_role("link", name="Reload the page").click()
        page.wait_for_timeout(500)
    page.get_by_role("link", name="Review", exact=True).click()
    page.get_by_role("button", name="Accept", exact=True).click()
    page.get_by_role("link", name=re.compile("^Accepted")).click()
    page.get_by_role("button", name="Publish 1 accepted render").click()
    expect(page.get_by_text("1 render was published.")).to_be_visible()
    page.get_by_role("button", name="Remove from the shop").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("[data-vton-count=unreviewed]")).to_have_text("1")
    context.close()


def test_the_pages_fit_a_phone_and_work_from_right_to_left(browser: Browser, shop: RunningShop) -> None:
    context = browser.new_context(viewport=PHONE, locale="ar")
    page = context.new_page()
    log_in(page, shop)
    for name in ("", "add/"):
        page.goto(f"{shop.url}/admin/vton/batch/{name}")
        expect(page.locator("html")).to_have_attribute("dir", "rtl")
        expect_no_horizontal_scrolling(page)
        save_screenshot(page, f"arabic-{name.strip('/') or 'list'}")
    page.goto(f"{shop.url}/admin/vton/batch/1/review/?show=rejected")
    expect_no_horizontal_scrolling(page)
    context.close()
