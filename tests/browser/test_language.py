"""The pages without JavaScript keep the language of the page that linked to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser

TIMEOUT_MS = 30_000


@pytest.fixture
def prefixed_shop(tmp_path: Path) -> Iterator[RunningShop]:
    env = {"DJANGO_SETTINGS_MODULE": "tests.language_prefixes.settings"}
    with RunningShop(tmp_path, seconds=2, env=env) as running:
        yield running


def click(page: Page, name: str) -> None:
    """Click the link or button, and expect a German page."""
    page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name)).first.click()
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_all_pages_stay_german_in_an_english_browser(
    browser: Browser, prefixed_shop: RunningShop, photo: Path
) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{prefixed_shop.url}/de/products/linen-shirt/")
    click(page, "Anprobieren")
    page.locator("input[type=file]").set_input_files(photo)
    page.locator("input[name=consent]").check()
    click(page, "Anprobieren")
    # The page reloads automatically by a Refresh header without a URL.
    click(page, "Automatisch aktualisieren")
    expect(page.get_by_text("KI-generierte Vorschau").first).to_be_visible(timeout=TIMEOUT_MS)
    click(page, "Gefällt mir")
    click(page, "Löschen")
    click(page, "Löschen")
    expect(page.get_by_text("Gelöscht", exact=True)).to_be_visible()
    click(page, "Datenschutz")

    click(page, "Meine Anproben")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="My try-ons")).to_be_visible()
    context.close()
