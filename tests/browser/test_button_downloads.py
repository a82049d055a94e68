"""What the button loads: only files of its own directory and origin, and few bytes."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import django_vton

from .actions import open_dialog, open_product_page, tryon_button

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page, Route

    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]

STATIC = Path(django_vton.__file__).parent / "static" / "vton"
PLAIN_PAGE = re.compile(r"/try-on/try/shop\.product:\d+/$")

FOREIGN_SCRIPT = "sessionStorage.ran = 'yes'; export const open = () => ({ closed: Promise.resolve() });"
FOREIGN_URLS = [
    f"data:text/javascript,{FOREIGN_SCRIPT.replace(' ', '%20')}",
    "https://elsewhere.example/static/vton/dialog.js",
    "//elsewhere.example/static/vton/dialog.js",
    "/media/dialog.js",
    "/static/vton/more/dialog.js",
    "/static/vton/..%2f..%2fmedia%2fdialog.js",
    "/static/vton/../../media/dialog.js",
]


@pytest.fixture
def context_without_csp(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that ignores the shop's policy, so that only the button's own check protects."""
    context = browser.new_context(locale="en-GB", bypass_csp=True)
    yield context
    context.close()


@pytest.mark.parametrize("url", FOREIGN_URLS)
def test_no_script_from_another_place_runs(
    context_without_csp: BrowserContext, shop: RunningShop, url: str
) -> None:
    page = context_without_csp.new_page()
    requested: list[str] = []

    def serve_foreign_script(route: Route) -> None:
        requested.append(route.request.url)
        headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript"}
        route.fulfill(body=FOREIGN_SCRIPT, headers=headers)

    page.route(
        re.compile(r"elsewhere\.example|media(/|%2f)dialog\.js|/more/dialog\.js"), serve_foreign_script
    )
    open_product_page(page, shop, "linen-shirt")
    page.locator("vton-try-on").evaluate(
        "(it, url) => it.setAttribute('modules', `${url} ${it.getAttribute('modules')}`)", url
    )
    tryon_button(page).click()
    page.wait_for_url(PLAIN_PAGE)
    assert page.evaluate("sessionStorage.ran") is None
    assert requested == []


@pytest.mark.parametrize("name", ["dialog-url", "start-url", "stylesheet"])
def test_no_html_data_or_style_from_another_origin_is_loaded(
    context_without_csp: BrowserContext, shop: RunningShop, name: str
) -> None:
    page = context_without_csp.new_page()
    requested: list[str] = []
    page.on("request", lambda it: requested.append(it.url) if "elsewhere" in it.url else None)
    open_product_page(page, shop, "linen-shirt")
    page.locator("vton-try-on").evaluate(
        "(it, name) => it.setAttribute(name, 'https://elsewhere.example/static/vton/x')", name
    )
    tryon_button(page).click()
    page.wait_for_url(PLAIN_PAGE)
    assert requested == []


def test_scripts_with_a_version_query_are_loaded(page: Page, shop: RunningShop) -> None:
    open_product_page(page, shop, "linen-shirt")
    versions = "it => it.setAttribute('modules', it.getAttribute('modules').replaceAll('.js', '.js?v=2'))"
    page.locator("vton-try-on").evaluate(versions)
    open_dialog(page)


def compressed_size(*names: str) -> int:
    return sum(len(gzip.compress((STATIC / name).read_bytes(), 9)) for name in names)


def test_the_button_is_small() -> None:
    assert compressed_size("button.js") <= 3000
    assert compressed_size("button.css") <= 1500
