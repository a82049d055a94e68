"""The dialog and the page behind it do not move each other, even if scrollbars take space."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.live_shop import CHROMIUM

from .actions import expect_closed, expect_open, open_product_page
from .conftest import CHROMIUM_FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, ViewportSize

    from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser

# Wide and narrow. The product page is higher than both.
SIZES: list[ViewportSize] = [{"width": 1280, "height": 600}, {"width": 360, "height": 640}]
POSITIONS = """() => {
    const { left, right, top } = document.querySelector(".facts").getBoundingClientRect();
    return [left, right, top, scrollX, scrollY];
}"""
MEASURE_DIALOG = """() => {
    const dialog = document.querySelector("vton-dialog").shadowRoot.querySelector("dialog");
    const { left, right } = dialog.getBoundingClientRect();
    const page = document.documentElement.getBoundingClientRect();
    const all = [dialog, ...dialog.querySelectorAll("[data-view]:not([hidden]), .head, .bar, .foot")];
    const { clientWidth, scrollWidth } = dialog;
    const wide = all.map((it) => [it.className || it.localName, it.getBoundingClientRect().width])
        .filter(([, width]) => width > dialog.offsetWidth);
    return {
        isInside: left >= page.left && right <= page.right,
        isNarrow: scrollWidth <= clientWidth && document.documentElement.scrollWidth <= innerWidth,
        wide,
    };
}"""


@pytest.fixture(scope="module")
def with_scrollbars(browser: Browser) -> Iterator[Browser]:
    """A browser whose scrollbars take space, as on Windows. By default, Playwright hides them."""
    running = browser.browser_type.launch(
        executable_path=CHROMIUM, args=CHROMIUM_FLAGS, ignore_default_args=["--hide-scrollbars"]
    )
    yield running
    running.close()


def expect_view(page: Page, name: str) -> None:
    expect(page.locator(f"[data-view={name}]")).to_be_visible()


@pytest.mark.parametrize("locale", ["en-GB", "ar"])
@pytest.mark.parametrize("size", SIZES, ids=["wide", "narrow"])
def test_the_dialog_and_the_page_do_not_move_each_other(
    with_scrollbars: Browser, shop: RunningShop, size: ViewportSize, locale: str
) -> None:
    page = with_scrollbars.new_page(viewport=size, locale=locale)
    open_product_page(page, shop, "linen-shirt")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("innerWidth - document.documentElement.clientWidth") > 5, "scrollbars take space"
    assert page.evaluate("document.dir || document.documentElement.dir") == (
        "rtl" if locale == "ar" else "ltr"
    )
    page.locator(".vton-button").scroll_into_view_if_needed()
    before = pytest.approx(page.evaluate(POSITIONS), abs=1)  # px

    page.locator(".vton-button").click()
    expect_view(page, "choose")
    page.wait_for_load_state("networkidle")
    assert page.evaluate(POSITIONS) == before
    assert page.evaluate(MEASURE_DIALOG) == {"isInside": True, "isNarrow": True, "wide": []}

    # Inside the dialog, beyond its end, and on the backdrop.
    for x, y in ((size["width"] / 2, size["height"] / 2), (3, 3)):
        page.mouse.move(x, y)
        for _turn in range(4):
            page.mouse.wheel(0, 900)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate(POSITIONS) == before

    page.keyboard.press("Escape")
    expect(page.locator("vton-dialog")).to_have_count(0)
    assert page.evaluate(POSITIONS) == before
    page.mouse.move(size["width"] / 2, size["height"] / 2)
    page.mouse.wheel(0, -2000)
    page.wait_for_function("() => scrollY === 0")
    page.mouse.wheel(0, 90)
    page.wait_for_function("() => scrollY > 0")
    page.close()


HEADER_POSITIONS = """() => ["header.site", "h1", ".try", "footer.site"].flatMap((it) => {
    const { left, right, top } = document.querySelector(it).getBoundingClientRect();
    return [left, right, top];
})"""
AWAIT_SCROLL = "() => { window.scrolled = new Promise((resolve) => (window.onscroll = () => resolve(0))); }"
STICKY_HEADER = """() => {
    const style = new CSSStyleSheet();
    style.replaceSync(`body { overflow-x: hidden; } header.site { position: sticky; inset-block-start: 0; }`);
    document.adoptedStyleSheets.push(style);
}"""
ROOT_SCROLLS = """() => {
    const style = new CSSStyleSheet();
    style.replaceSync(`html { overflow: hidden scroll; }`);
    document.adoptedStyleSheets.push(style);
}"""


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize(
    ("height", "script"),
    [(700, ""), (2400, ""), (700, STICKY_HEADER), (700, ROOT_SCROLLS), (2400, ROOT_SCROLLS)],
    ids=["long", "short", "sticky header", "root scrolls", "unneeded scrollbar"],
)
def test_the_page_behind_the_dialog_neither_moves_nor_scrolls(
    with_scrollbars: Browser, shop: RunningShop, language: str, height: int, script: str
) -> None:
    page = with_scrollbars.new_page(viewport={"width": 1280, "height": height}, locale=language)
    open_product_page(page, shop, "linen-shirt")
    page.evaluate(script or "0")
    page.evaluate("scrollTo(0, 150)")
    bar = page.evaluate("innerWidth - document.documentElement.clientWidth")
    assert (bar > 0) == (height == 700 or script == ROOT_SCROLLS)
    scrolled = page.evaluate("scrollY")
    assert scrolled == (150 if height == 700 else 0)
    # `vw` may include the scrollbar or not, which changes this page's padding by less than a pixel.
    positions = pytest.approx(page.evaluate(HEADER_POSITIONS), abs=1.5)
    page.locator(".vton-button").click()
    expect_open(page)
    assert page.evaluate(HEADER_POSITIONS) == positions
    page.mouse.move(5, 300)
    page.mouse.wheel(0, 400)
    page.mouse.wheel(0, -50)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate("scrollY") == scrolled
    page.keyboard.press("Escape")
    expect_closed(page)
    assert page.evaluate(HEADER_POSITIONS) == positions
    if height == 700:
        page.evaluate(AWAIT_SCROLL)
        page.mouse.wheel(0, 40)
        page.evaluate("scrolled")
    page.close()
