"""A German page, a browser that asks for English, and no JavaScript: all the way it stays German."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import RunningShop

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
SOON = 30_000


@pytest.fixture
def prefixed_shop(tmp_path: Path) -> Iterator[RunningShop]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    env = {"DJANGO_SETTINGS_MODULE": "tests.prefixes.settings", "PYTHONPATH": path}
    with RunningShop(tmp_path, seconds=2, env=env) as running:
        yield running


def press(page: Page, name: str) -> None:
    """The link or the button of this name."""
    page.get_by_role("link", name=name).or_(page.get_by_role("button", name=name)).first.click()
    expect(page.locator("html")).to_have_attribute("lang", "de")


def test_it_stays_german(browser: Browser, prefixed_shop: RunningShop, photo: Path) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{prefixed_shop.url}/de/products/linen-shirt/")
    press(page, "Anprobieren")
    page.locator("input[type=file]").set_input_files(photo)
    page.locator("input[name=consent]").check()
    press(page, "Anprobieren")
    # It looks again by itself, by a header that names no address.
    press(page, "Automatisch aktualisieren")
    expect(page.get_by_text("KI-generierte Vorschau").first).to_be_visible(timeout=SOON)
    press(page, "Gefällt mir")
    press(page, "Löschen")
    press(page, "Löschen")
    expect(page.get_by_text("Gelöscht", exact=True)).to_be_visible()
    press(page, "Datenschutz")

    press(page, "Meine Anproben")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="My try-ons")).to_be_visible()
    context.close()
