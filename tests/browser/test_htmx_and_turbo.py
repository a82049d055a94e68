"""HTMX and Turbo replace the page without a reload: no try-on is lost, and no copy remains."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .actions import CHOOSE, READY, RUNNING, TIMEOUT_MS, send_photo
from .conftest import npm_file

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser

HTMX = "htmx.org/dist/htmx.min.js"
TURBO = "@hotwired/turbo/dist/turbo.es2017-umd.js"
HTMX_CONFIG = """<meta name="htmx-config" content='{"includeIndicatorStyles": false}'>"""


def add_script(page: Page, script: str) -> None:
    """Load the library in the head of every page, from the shop's own origin.

    Turbo styles its progress bar inline, so the policy must allow inline styles.
    """
    source = npm_file(script)

    def document(route: Route) -> None:
        response = route.fetch()
        if "text/html" not in response.headers.get("content-type", ""):
            route.fulfill(response=response)
            return
        body = response.text().replace(
            "</head>", f'{HTMX_CONFIG}<script src="/swap.js" defer></script></head>'
        )
        policy = f"{response.headers['content-security-policy']}; style-src 'self' 'unsafe-inline'"
        route.fulfill(
            response=response,
            body=body.replace("<body>", '<body hx-boost="true">'),
            headers={**response.headers, "content-security-policy": policy},
        )

    page.route(re.compile(r"^http://127\.0\.0\.1:\d+/(?!static/|media/|try-on/(api|dialog)/)"), document)
    page.route("**/swap.js", lambda route: route.fulfill(path=source, content_type="text/javascript"))


def start_tryon(page: Page, shop: RunningShop, photo: Path) -> None:
    """Go from the list to a product without a reload, and order a try-on."""
    shop.gateway.reset()
    page.goto(shop.url)
    page.evaluate("window.isTheSamePage = true")
    page.get_by_role("link", name=re.compile("linen shirt")).first.click()
    page.get_by_role("link", name=re.compile("Try it on")).click()
    expect(page.get_by_role("heading", name=CHOOSE)).to_be_visible()
    send_photo(page, photo)
    expect(page.locator("#state")).to_contain_text(RUNNING)


def is_same_page(page: Page) -> bool:
    return bool(page.evaluate("window.isTheSamePage === true"))


@pytest.mark.parametrize("script", [HTMX, TURBO], ids=["htmx", "turbo"])
def test_the_badge_survives_the_change_of_page(
    page: Page, shop: RunningShop, photo: Path, script: str
) -> None:
    add_script(page, script)
    start_tryon(page, shop, photo)
    page.get_by_role("button", name="Keep shopping").click()
    expect(page.locator("vton-badge")).to_have_text(RUNNING)

    page.get_by_role("link", name=re.compile("Lindenhof")).first.click()
    expect(page).to_have_url(f"{shop.url}/")
    expect(page.locator("vton-badge")).to_contain_text(READY, timeout=TIMEOUT_MS)
    expect(page.locator("vton-badge")).to_have_count(1)
    assert is_same_page(page)

    page.get_by_role("link", name=READY).click()
    expect(page.get_by_text("AI-generated preview").first).to_be_visible()
    expect(page.locator("vton-badge")).to_have_count(0)
    assert len(shop.gateway.ledger.entries) == 1


@pytest.mark.parametrize("script", [HTMX, TURBO], ids=["htmx", "turbo"])
def test_going_back_closes_the_dialog_and_shows_the_badge(
    page: Page, shop: RunningShop, photo: Path, script: str
) -> None:
    """Forward again, no copy of the dialog is in the way."""
    add_script(page, script)
    start_tryon(page, shop, photo)
    page.go_back()
    expect(page).to_have_url(f"{shop.url}/")
    expect(page.locator("vton-dialog")).to_have_count(0)
    expect(page.locator("vton-badge")).to_contain_text(READY, timeout=TIMEOUT_MS)

    page.go_forward()
    expect(page.get_by_role("heading", name=re.compile("linen shirt"))).to_be_visible()
    expect(page.locator("vton-dialog")).to_have_count(0)
    page.get_by_role("link", name=re.compile("Try it on")).click()
    expect(page.locator("#after")).to_be_visible()
    assert is_same_page(page)
    assert len(shop.gateway.ledger.entries) == 1


def test_the_dialog_survives_a_replaced_button(page: Page, shop: RunningShop, photo: Path) -> None:
    """HTMX replaces the article with the button that opened the dialog. The cart still works."""
    add_script(page, HTMX)
    start_tryon(page, shop, photo)
    page.evaluate(
        """htmx.ajax("GET", location.href, {target: "article", select: "article", swap: "outerHTML"})"""
    )
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    page.locator("#cart").click()
    expect(page.get_by_role("link", name=re.compile(r"Bag.*1"))).to_be_visible()
