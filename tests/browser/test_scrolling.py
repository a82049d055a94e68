"""The dialog and the page behind it, also where scrollbars take space: neither moves because of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.running import CHROMIUM

from .conftest import FLAGS
from .steps import visit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page, ViewportSize

    from tests.running import RunningShop

pytestmark = pytest.mark.browser

# Wide and narrow; both lower than a product's page is.
SIZES: list[ViewportSize] = [{"width": 1280, "height": 600}, {"width": 360, "height": 640}]
PLACES = """() => {
    const { left, right, top } = document.querySelector(".facts").getBoundingClientRect();
    return [left, right, top, scrollX, scrollY];
}"""
DIALOG = """() => {
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
    """Classic ones, which take space, as on Windows; else Playwright hides them."""
    running = browser.browser_type.launch(
        executable_path=CHROMIUM, args=FLAGS, ignore_default_args=["--hide-scrollbars"]
    )
    yield running
    running.close()


def view(page: Page, name: str) -> None:
    expect(page.locator(f"[data-view={name}]")).to_be_visible()


@pytest.mark.parametrize("locale", ["en-GB", "ar"])
@pytest.mark.parametrize("size", SIZES, ids=["wide", "narrow"])
def test_neither_moves_because_of_the_other(
    with_scrollbars: Browser, shop: RunningShop, size: ViewportSize, locale: str
) -> None:
    page = with_scrollbars.new_page(viewport=size, locale=locale)
    visit(page, shop, "linen-shirt")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("innerWidth - document.documentElement.clientWidth") > 5, "scrollbars take space"
    assert page.evaluate("document.dir || document.documentElement.dir") == (
        "rtl" if locale == "ar" else "ltr"
    )
    page.locator(".vton-button").scroll_into_view_if_needed()
    before = pytest.approx(page.evaluate(PLACES), abs=1)  # px

    page.locator(".vton-button").click()
    view(page, "choose")
    page.wait_for_load_state("networkidle")
    assert page.evaluate(PLACES) == before
    assert page.evaluate(DIALOG) == {"isInside": True, "isNarrow": True, "wide": []}

    # In the dialog, to its end and further; and beside it.
    for x, y in ((size["width"] / 2, size["height"] / 2), (3, 3)):
        page.mouse.move(x, y)
        for _turn in range(4):
            page.mouse.wheel(0, 900)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert page.evaluate(PLACES) == before

    page.keyboard.press("Escape")
    expect(page.locator("vton-dialog")).to_have_count(0)
    assert page.evaluate(PLACES) == before
    page.mouse.move(size["width"] / 2, size["height"] / 2)
    page.mouse.wheel(0, -2000)
    page.wait_for_function("() => scrollY === 0")
    page.mouse.wheel(0, 90)
    page.wait_for_function("() => scrollY > 0")
    page.close()
