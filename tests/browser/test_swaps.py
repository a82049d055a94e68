"""HTMX and Turbo change the page without a reload: no try-on is lost, and no copy is left behind."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .conftest import from_npm
from .steps import CHOOSE, READY, RUNNING, SOON
from .test_newcomer import send

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from tests.running import RunningShop

pytestmark = pytest.mark.browser

HTMX = "htmx.org/dist/htmx.min.js"
TURBO = "@hotwired/turbo/dist/turbo.es2017-umd.js"
QUIET = """<meta name="htmx-config" content='{"includeIndicatorStyles": false}'>"""


def bring(page: Page, script: str) -> None:
    """Serve it from the shop's own origin and load it in every page's head, as a shop would.

    Turbo styles its progress bar inline, which the shop has to allow.
    """
    source = from_npm(script)

    def document(route: Route) -> None:
        response = route.fetch()
        if "text/html" not in response.headers.get("content-type", ""):
            route.fulfill(response=response)
            return
        body = response.text().replace("</head>", f'{QUIET}<script src="/swaps.js" defer></script></head>')
        policy = f"{response.headers['content-security-policy']}; style-src 'self' 'unsafe-inline'"
        route.fulfill(
            response=response,
            body=body.replace("<body>", '<body hx-boost="true">'),
            headers={**response.headers, "content-security-policy": policy},
        )

    page.route(re.compile(r"^http://127\.0\.0\.1:\d+/(?!static/|media/|try-on/(api|dialog)/)"), document)
    page.route("**/swaps.js", lambda route: route.fulfill(path=source, content_type="text/javascript"))


def begin(page: Page, shop: RunningShop, photo: Path) -> None:
    """From the list by a swap to a product, and a try-on on its way there."""
    shop.gateway.reset()
    page.goto(shop.url)
    page.evaluate("window.isTheSamePage = true")
    page.get_by_role("link", name=re.compile("linen shirt")).first.click()
    page.get_by_role("link", name=re.compile("Try it on")).click()
    expect(page.get_by_role("heading", name=CHOOSE)).to_be_visible()
    send(page, photo)
    expect(page.locator("#state")).to_contain_text(RUNNING)


def is_the_same(page: Page) -> bool:
    return bool(page.evaluate("window.isTheSamePage === true"))


@pytest.mark.parametrize("script", [HTMX, TURBO], ids=["htmx", "turbo"])
def test_the_badge_goes_along(page: Page, shop: RunningShop, photo: Path, script: str) -> None:
    bring(page, script)
    begin(page, shop, photo)
    page.get_by_role("button", name="Keep shopping").click()
    expect(page.locator("vton-badge")).to_have_text(RUNNING)

    page.get_by_role("link", name=re.compile("Lindenhof")).first.click()
    expect(page).to_have_url(f"{shop.url}/")
    expect(page.locator("vton-badge")).to_contain_text(READY, timeout=SOON)
    expect(page.locator("vton-badge")).to_have_count(1)
    assert is_the_same(page)

    page.get_by_role("link", name=READY).click()
    expect(page.get_by_text("AI-generated preview").first).to_be_visible()
    expect(page.locator("vton-badge")).to_have_count(0)
    assert len(shop.gateway.ledger.entries) == 1


@pytest.mark.parametrize("script", [HTMX, TURBO], ids=["htmx", "turbo"])
def test_back_while_the_dialog_waits(page: Page, shop: RunningShop, photo: Path, script: str) -> None:
    """The dialog goes with its page, the badge takes over, and forward again nothing stands in the way."""
    bring(page, script)
    begin(page, shop, photo)
    page.go_back()
    expect(page).to_have_url(f"{shop.url}/")
    expect(page.locator("vton-dialog")).to_have_count(0)
    expect(page.locator("vton-badge")).to_contain_text(READY, timeout=SOON)

    page.go_forward()
    expect(page.get_by_role("heading", name=re.compile("linen shirt"))).to_be_visible()
    expect(page.locator("vton-dialog")).to_have_count(0)
    page.get_by_role("link", name=re.compile("Try it on")).click()
    expect(page.locator("#after")).to_be_visible()
    assert is_the_same(page)
    assert len(shop.gateway.ledger.entries) == 1


def test_a_fragment_is_swapped_below_the_dialog(page: Page, shop: RunningShop, photo: Path) -> None:
    """The button that opened it is another one by then; the dialog goes on, into the basket."""
    bring(page, HTMX)
    begin(page, shop, photo)
    page.evaluate(
        """htmx.ajax("GET", location.href, {target: "article", select: "article", swap: "outerHTML"})"""
    )
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    page.locator("#cart").click()
    expect(page.get_by_role("link", name=re.compile(r"Bag.*1"))).to_be_visible()
