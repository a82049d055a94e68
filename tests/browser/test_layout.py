"""Nothing jumps, and the main actions are visible on the smallest phones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from .actions import (
    CHOOSE,
    READY,
    TIMEOUT_MS,
    expect_heading,
    open_dialog,
    open_product_page,
    order,
    render_instantly,
    tryon_button,
)
from .visibility import COVERED_ON_FOCUS, HIDDEN_OR_COVERED

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from playwright.sync_api import Browser, Page, ViewportSize

    from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser

PHONE: dict[str, Any] = {"is_mobile": True, "has_touch": True}
SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, **PHONE},
    "small": {"viewport": {"width": 320, "height": 568}, **PHONE},
}
SMALL: list[ViewportSize] = [
    {"width": 320, "height": 568},
    {"width": 375, "height": 553},
    {"width": 390, "height": 664},
]

SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
    for (const { value, hadRecentInput, sources } of list.getEntries())
        if (!hadRecentInput) window.shifts.push([value, ...sources.map(({ node }) => `${node?.className}`)]);
}).observe({ type: "layout-shift", buffered: true });
"""
AWAIT_REVEAL = """it => {
    const shares = [];
    window.revealed = new Promise((resolve) => new MutationObserver(() => {
        shares.push(Number(it.style.getPropertyValue("--share")));
        if (shares.at(-1) === 0 && Math.max(...shares) === 1) resolve();
    }).observe(it, { attributeFilter: ["style"] }));
}"""
PAINTED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))"


@pytest.fixture(params=SCREENS)
def screen(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    context = browser.new_context(**SCREENS[request.param], locale="en-GB")
    yield context.new_page()
    context.close()


def test_nothing_jumps_during_the_whole_flow(screen: Page, shop: RunningShop, photo: Path) -> None:
    page = screen
    shop.gateway.reset()
    shop.gateway.scenario(seconds=1)
    page.add_init_script(SHIFTS)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.wait_for_load_state("networkidle")
    page.locator("#file").set_input_files(photo)
    expect_heading(page, "Use this photo?")
    page.locator("[name=num_samples]").select_option("2")
    page.locator("#stage").evaluate(AWAIT_REVEAL)
    page.locator("#consent").check()
    order(page)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    page.evaluate("window.revealed")
    page.locator("#samples button").nth(1).click()
    page.locator("#after").evaluate("it => it.decode()")
    page.evaluate(PAINTED)
    shifts = page.evaluate("window.shifts")
    assert sum(value for value, *_nodes in shifts) <= 0.05, shifts


class VisibilityReport:
    """Collects elements that are hidden or covered, by state and screen size."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: dict[str, list[str]] = {}

    def check(self, state: str, *selectors: str, sizes: Sequence[ViewportSize] = SMALL) -> None:
        for size in sizes:
            self.page.set_viewport_size(size)
            self.page.evaluate(PAINTED)
            missing = self.page.evaluate(HIDDEN_OR_COVERED, ["[part=close]", *selectors])
            if missing:
                self.found[f"{state} on {size['width']} by {size['height']}"] = missing

    def check_focus(self, state: str) -> None:
        """The dialog scrolls to the focused element. Neither of its bars may cover it then."""
        for size in SMALL:
            self.page.set_viewport_size(size)
            covered = self.page.evaluate(COVERED_ON_FOCUS)
            if covered:
                self.found[f"focus in {state} on {size['width']} by {size['height']}"] = covered


@pytest.mark.parametrize("locale", ["en-GB", "de"])
def test_each_main_action_is_visible_on_a_small_phone(
    browser: Browser, shop: RunningShop, photo: Path, locale: str
) -> None:
    context = browser.new_context(viewport=SMALL[0], locale=locale, **PHONE)
    context.grant_permissions(["camera"])
    page = context.new_page()
    report = VisibilityReport(page)

    def expect_view(name: str) -> None:
        expect(page.locator(f"[data-view={name}]")).to_be_visible(timeout=TIMEOUT_MS)

    def check(state: str, *selectors: str) -> None:
        report.check(state, *selectors)
        report.check_focus(state)

    open_product_page(page, shop, "linen-shirt")
    page.locator(".vton-button").click()
    expect_view("choose")
    page.wait_for_load_state("networkidle")
    check("choose", "label[for=file]")
    page.locator("#camera").click()
    expect_view("camera")
    check("camera", "[data-do=snap]")
    page.locator("[data-view=camera] [data-do=back]").click()
    page.locator("#file").set_input_files(photo)
    expect_view("check")
    check("check", "#order .primary")
    page.locator("#order .primary").click()
    expect(page.locator("#check-problem")).to_be_visible()
    check("consent missing", "#order .primary", "#check-problem")
    shop.gateway.reset()
    shop.gateway.scenario(seconds=600)
    page.locator("#consent").check()
    page.locator("#order .primary").click()
    expect(page.locator("#cancel")).to_be_visible(timeout=TIMEOUT_MS)
    check("waiting", "[data-view=waiting] [data-do=close]", "#cancel")
    page.locator("#cancel").click()
    expect_view("choose")
    render_instantly(shop, outcome="FAILED", error="PoseError: no body found")
    page.locator("#house-photos .card").first.click()
    page.locator("[name=num_samples]").select_option("4")  # A render that no other test uses.
    page.locator("#order .primary").click()
    expect_view("error")
    check("error", "#again")
    page.locator("#again").click()
    page.locator("#house-photos .card").last.click()
    page.locator("#order .primary").click()
    expect_view("result")
    check("result", "#cart")
    for size in SMALL:
        page.set_viewport_size(size)
        page.locator("#delete").click()
        report.check("delete asked", "#cart", "#spare", "[data-do=erase]", sizes=[size])
        page.locator("#spare").click()
    context.close()
    assert not report.found


LONG_TITLE = "A shirt of washed linen with a collar, two pockets and buttons of mother-of-pearl " * 3
NUMBER_OF_LINES = """it => {
    const { lineHeight } = getComputedStyle(it);
    return Math.round(it.getBoundingClientRect().height / parseFloat(lineHeight));
}"""


def test_a_long_product_title_is_cut_to_two_lines(browser: Browser, shop: RunningShop) -> None:
    context = browser.new_context(**SCREENS["small"], locale="en-GB")
    page = context.new_page()

    def rename(route: Any) -> None:
        start = route.fetch().json()
        start["product"]["title"] = LONG_TITLE
        route.fulfill(json=start)

    page.route("**/api/start/*", rename)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    title = page.locator("#product-title")
    expect(title).to_have_text(LONG_TITLE)
    assert title.evaluate(NUMBER_OF_LINES) == 2
    assert page.evaluate(HIDDEN_OR_COVERED, ["[part=close]", "label[for=file]"]) == []
    context.close()


FOCUS_AND_OUTLINE = "it => [it.getRootNode().activeElement === it, getComputedStyle(it).outlineStyle]"


@pytest.mark.parametrize("how", ["mouse", "keyboard"])
@pytest.mark.usefixtures("instant_renders")
def test_a_focused_heading_has_no_outline(page: Page, shop: RunningShop, how: str) -> None:
    """A heading gets the focus for screen readers, but is not interactive."""
    open_product_page(page, shop, "linen-shirt")

    def press(css: str) -> None:
        if how == "mouse":
            page.locator(css).first.click()
            return
        page.locator(css).first.focus()
        page.keyboard.press("Enter")

    press(".vton-button")
    expect_heading(page, CHOOSE)
    assert page.locator("#choose-title").evaluate(FOCUS_AND_OUTLINE) == [True, "none"]
    press("#house-photos .card")
    expect_heading(page, "Use this photo?")
    assert page.locator("#check-title").evaluate(FOCUS_AND_OUTLINE) == [True, "none"]
    press("#order .primary")
    expect_heading(page, READY)
    assert page.locator("#result-title").evaluate(FOCUS_AND_OUTLINE) == [True, "none"]
    assert tryon_button(page).count() == 1
