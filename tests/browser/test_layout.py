"""Nothing jumps, and what moves a step on is in sight on the smallest phones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from .reach import FOCUS_COVERED, OUT_OF_REACH
from .steps import CHOOSE, READY, SOON, button, heading, quick, touch, visit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from playwright.sync_api import Browser, Page, ViewportSize

    from tests.running import RunningShop

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
REVEAL = """it => {
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


def test_nothing_jumps_on_the_whole_way(screen: Page, shop: RunningShop, photo: Path) -> None:
    page = screen
    shop.gateway.reset()
    shop.gateway.scenario(seconds=1)
    page.add_init_script(SHIFTS)
    visit(page, shop, "linen-shirt")
    touch(page)
    page.wait_for_load_state("networkidle")
    page.locator("#file").set_input_files(photo)
    heading(page, "Use this photo?")
    page.locator("[name=num_samples]").select_option("2")
    page.locator("#stage").evaluate(REVEAL)
    page.locator("#consent").check()
    page.locator("#order").get_by_role("button", name="Try it on").click()
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    page.evaluate("window.revealed")
    page.locator("#samples button").nth(1).click()
    page.locator("#after").evaluate("it => it.decode()")
    page.evaluate(PAINTED)
    shifts = page.evaluate("window.shifts")
    assert sum(value for value, *_nodes in shifts) <= 0.05, shifts


class Reach:
    """What is out of reach, by state and by screen."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: dict[str, list[str]] = {}

    def look(self, state: str, *wanted: str, sizes: Sequence[ViewportSize] = SMALL) -> None:
        for size in sizes:
            self.page.set_viewport_size(size)
            self.page.evaluate(PAINTED)
            missing = self.page.evaluate(OUT_OF_REACH, ["[part=close]", *wanted])
            if missing:
                self.found[f"{state} on {size['width']} by {size['height']}"] = missing

    def focus(self, state: str) -> None:
        """The page scrolls to what has the focus; neither bar may stand on it then."""
        for size in SMALL:
            self.page.set_viewport_size(size)
            covered = self.page.evaluate(FOCUS_COVERED)
            if covered:
                self.found[f"focus in {state} on {size['width']} by {size['height']}"] = covered


@pytest.mark.parametrize("locale", ["en-GB", "de"])
def test_each_main_action_is_in_sight_on_a_small_phone(
    browser: Browser, shop: RunningShop, photo: Path, locale: str
) -> None:
    context = browser.new_context(viewport=SMALL[0], locale=locale, **PHONE)
    context.grant_permissions(["camera"])
    page = context.new_page()
    reach = Reach(page)

    def view(name: str) -> None:
        expect(page.locator(f"[data-view={name}]")).to_be_visible(timeout=SOON)

    def look(state: str, *wanted: str) -> None:
        reach.look(state, *wanted)
        reach.focus(state)

    visit(page, shop, "linen-shirt")
    page.locator(".vton-button").click()
    view("choose")
    page.wait_for_load_state("networkidle")
    look("choose", "label[for=file]")
    page.locator("#camera").click()
    view("camera")
    look("camera", "[data-do=snap]")
    page.locator("[data-view=camera] [data-do=back]").click()
    page.locator("#file").set_input_files(photo)
    view("check")
    look("check", "#order .primary")
    page.locator("#order .primary").click()
    expect(page.locator("#check-problem")).to_be_visible()
    look("consent missing", "#order .primary", "#check-problem")
    shop.gateway.reset()
    shop.gateway.scenario(seconds=600)
    page.locator("#consent").check()
    page.locator("#order .primary").click()
    expect(page.locator("#cancel")).to_be_visible(timeout=SOON)
    look("waiting", "[data-view=waiting] [data-do=close]", "#cancel")
    page.locator("#cancel").click()
    view("choose")
    quick(shop, outcome="FAILED", error="PoseError: no body found")
    page.locator("#house-photos .card").first.click()
    page.locator("[name=num_samples]").select_option("4")  # No render of another test.
    page.locator("#order .primary").click()
    view("error")
    look("error", "#again")
    page.locator("#again").click()
    page.locator("#house-photos .card").last.click()
    page.locator("#order .primary").click()
    view("result")
    look("result", "#cart")
    for size in SMALL:
        page.set_viewport_size(size)
        page.locator("#delete").click()
        reach.look("delete asked", "#cart", "#spare", "[data-do=erase]", sizes=[size])
        page.locator("#spare").click()
    context.close()
    assert not reach.found


LONG = "A shirt of washed linen with a collar, two pockets and buttons of mother-of-pearl " * 3
LINES = """it => {
    const { lineHeight } = getComputedStyle(it);
    return Math.round(it.getBoundingClientRect().height / parseFloat(lineHeight));
}"""


def test_a_title_of_nine_lines_takes_two(browser: Browser, shop: RunningShop) -> None:
    context = browser.new_context(**SCREENS["small"], locale="en-GB")
    page = context.new_page()

    def rename(route: Any) -> None:
        start = route.fetch().json()
        start["product"]["title"] = LONG
        route.fulfill(json=start)

    page.route("**/api/start/*", rename)
    visit(page, shop, "linen-shirt")
    touch(page)
    title = page.locator("#product-title")
    expect(title).to_have_text(LONG)
    assert title.evaluate(LINES) == 2
    assert page.evaluate(OUT_OF_REACH, ["[part=close]", "label[for=file]"]) == []
    context.close()


OUTLINE = "it => [it.getRootNode().activeElement === it, getComputedStyle(it).outlineStyle]"


@pytest.mark.parametrize("how", ["mouse", "keyboard"])
@pytest.mark.usefixtures("quick_gateway")
def test_a_heading_has_no_box_around_it(page: Page, shop: RunningShop, how: str) -> None:
    """It has the focus, for screen readers, but nobody can do anything with it."""
    visit(page, shop, "linen-shirt")

    def press(css: str) -> None:
        if how == "mouse":
            page.locator(css).first.click()
            return
        page.locator(css).first.focus()
        page.keyboard.press("Enter")

    press(".vton-button")
    heading(page, CHOOSE)
    assert page.locator("#choose-title").evaluate(OUTLINE) == [True, "none"]
    press("#house-photos .card")
    heading(page, "Use this photo?")
    assert page.locator("#check-title").evaluate(OUTLINE) == [True, "none"]
    press("#order .primary")
    heading(page, READY)
    assert page.locator("#result-title").evaluate(OUTLINE) == [True, "none"]
    assert button(page).count() == 1
