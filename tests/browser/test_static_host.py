"""Static files on another host, as with a CDN: what the host must send, and what happens without it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .actions import TIMEOUT_MS, open_dialog, open_product_page, send_photo, tryon_button

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]

DOCS = Path(__file__).resolve().parents[2] / "docs"
((ALLOWED_ORIGIN, POLICY),) = re.findall(
    r"Access-Control-Allow-Origin: (\S+)\n.*\nContent-Security-Policy: ([^\n]*)",
    (DOCS / "compatibility.md").read_text(),
    re.DOTALL,
)
"""What the guide documents."""

HOST = "https://static.example"


def use_static_host(page: Page, shop: RunningShop, allowed_origin: str) -> list[str]:
    """Move the static files to another host. Return the list of the files that it sends."""
    sent: list[str] = []

    def answer_shop(route: Route) -> None:
        if route.request.resource_type != "document" and "/dialog/" not in route.request.url:
            route.continue_()
            return
        response = route.fetch()
        headers = {**response.headers, "content-security-policy": POLICY}
        body = response.text().replace("/static/", f"{HOST}/static/")
        route.fulfill(response=response, headers=headers, body=body)

    def answer_host(route: Route) -> None:
        sent.append(route.request.url.removeprefix(f"{HOST}/static/"))
        response = route.fetch(url=route.request.url.replace(HOST, shop.url))
        # Without this header, Playwright would allow the origin.
        headers = {**response.headers, "access-control-allow-origin": allowed_origin}
        route.fulfill(response=response, headers=headers)

    page.route(f"{shop.url}/**", answer_shop)
    page.route(f"{HOST}/**", answer_host)
    return sent


def test_the_dialog_works_if_the_static_host_allows_other_origins(
    page: Page, shop: RunningShop, photo: Path
) -> None:
    sent = use_static_host(page, shop, ALLOWED_ORIGIN)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    send_photo(page, photo)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    files = ("button.css", "dialog.js", "dialog.css", "guide/garment-good.svg", "result.js", "compare.js")
    assert {f"vton/{name}" for name in files} <= set(sent)


def test_the_button_is_a_plain_link_if_the_static_host_does_not_allow_the_shop(
    page_with_failing_requests: Page, shop: RunningShop
) -> None:
    page = page_with_failing_requests
    errors: list[str] = []
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    use_static_host(page, shop, "https://other.example")
    open_product_page(page, shop, "linen-shirt")
    tryon_button(page).click()
    page.wait_for_url(re.compile(r"/try-on/try/shop\.product:\d+/$"))
    assert "blocked by CORS policy" in errors[0]
    assert "Access-Control-Allow-Origin" in errors[0]
