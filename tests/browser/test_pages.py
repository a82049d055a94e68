"""The result and history pages, with and without JavaScript."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.live_shop import phone_photo

from .accessibility import violations
from .actions import create_result

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize

    from tests.live_shop import RunningShop, ShopperClient

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]

DIVIDER_POSITION = "stage => Number(stage.style.getPropertyValue('--share'))"
BOX = "it => it.getBoundingClientRect().toJSON()"
# Ignores shifts right after user input, as the metric is defined.
LAYOUT_SHIFT = """() => new Promise((resolve) => {
    let sum = 0;
    const add = (entries) => entries.forEach((it) => (sum += it.hadRecentInput ? 0 : it.value));
    const observer = new PerformanceObserver((list) => add(list.getEntries()));
    observer.observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => (add(observer.takeRecords()), resolve(sum))));
})"""
FAKE_SHARE = """
    navigator.canShare = () => true;
    window.shared = new Promise((resolve) => (navigator.share = async ({ files: [file], url }) =>
        resolve([file.name, file.size > 1000, url])));
"""

SCREENS: list[ViewportSize] = [
    {"width": 1280, "height": 900},
    {"width": 390, "height": 844},
    {"width": 320, "height": 568},
]


def create_shirt_result(
    context: BrowserContext, shop: RunningShop, photo: bytes | None = None, **fields: Any
) -> Any:
    return create_result(context, shop, "linen-shirt", photo or phone_photo(), **fields)


def create_results(
    context: BrowserContext, shop: RunningShop, *slugs: str
) -> tuple[ShopperClient, list[Any]]:
    """Create completed try-ons of one shopper by the API, and log the browser in as them."""
    shopper = shop.shopper()
    try_ons = []
    for slug in slugs:
        accepted = shopper.post_tryon(shop.product(slug), phone_photo(), consent="true")
        try_ons.append(shopper.wait_for_status(accepted.json()["id"]))
    session = shopper.http.cookies["sessionid"]
    context.add_cookies([{"name": "sessionid", "value": session, "url": shop.url}])
    return shopper, try_ons


def open_result_page(page: Page, shop: RunningShop, try_on: Any, query: str = "") -> Any:
    page.goto(f"{shop.url}{try_on['page_url']}{query}")
    return page.locator("[data-stage]")


def test_the_divider_follows_the_pointer_and_the_keyboard(page: Page, shop: RunningShop) -> None:
    stage = open_result_page(page, shop, create_shirt_result(page.context, shop))
    handle = page.locator("[data-handle]")
    expect(handle).to_be_visible()
    assert stage.evaluate(DIVIDER_POSITION) == 0
    box, handle_box = stage.evaluate(BOX), handle.evaluate(BOX)
    assert handle_box["width"] >= 44
    page.mouse.move(handle_box["x"] + handle_box["width"] / 2, handle_box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, handle_box["y"] + 260, steps=5)
    page.mouse.up()
    assert stage.evaluate(DIVIDER_POSITION) == pytest.approx(0.5, abs=0.01)
    slider = page.get_by_role("slider", name="Compare with the original photo")
    expect(slider).to_be_focused()
    page.keyboard.press("ArrowRight")
    assert stage.evaluate(DIVIDER_POSITION) == pytest.approx(0.51, abs=0.01)
    page.keyboard.press("End")
    assert stage.evaluate(DIVIDER_POSITION) == 1
    # At the end, the handle is still inside of the picture.
    handle_box = handle.evaluate(BOX)
    assert handle_box["x"] + handle_box["width"] <= box["x"] + box["width"] + 1


def test_each_side_shows_its_own_label(page: Page, shop: RunningShop) -> None:
    stage = open_result_page(page, shop, create_shirt_result(page.context, shop))
    expect(page.locator("[data-handle]")).to_be_visible()
    for position, text in ((0, "AI-generated preview"), (1, "Before")):
        stage.evaluate("(stage, position) => stage.style.setProperty('--share', position)", position)
        label = page.locator("[data-stage] figcaption", has_text=text)
        at = label.evaluate(BOX)
        middle = [at["x"] + at["width"] / 2, at["y"] + at["height"] / 2]
        top = page.evaluate(
            """([x, y]) => document.elementsFromPoint(x, y).map((it) => it.dataset.layer).find(Boolean)""",
            middle,
        )
        assert top == label.locator("..").get_attribute("data-layer")


def test_another_preview_is_shown_without_a_reload(page: Page, shop: RunningShop) -> None:
    try_on = create_shirt_result(page.context, shop, options='{"num_samples": 3}')
    stage = open_result_page(page, shop, try_on)
    expect(page.locator("[data-handle]")).to_be_visible()
    page.evaluate("window.isTheSamePage = true")
    page.get_by_role("link", name="Preview 3").click()
    third = try_on["images"][2]
    expect(stage.locator("[data-layer=after] img")).to_have_attribute("src", third["url"])
    expect(page.get_by_role("link", name="Save")).to_have_attribute("href", third["download_url"])
    expect(page.get_by_role("link", name="Preview 3")).to_have_attribute("aria-current", "true")
    assert page.locator(".vton-samples [aria-current]").count() == 1
    assert page.evaluate("window.isTheSamePage")


def test_the_share_button_is_shown_if_the_browser_can_share(page: Page, shop: RunningShop) -> None:
    try_on = create_shirt_result(page.context, shop)
    open_result_page(page, shop, try_on)
    expect(page.locator("[data-handle]")).to_be_visible()
    button = page.get_by_role("button", name="Share")
    if not page.evaluate("'canShare' in navigator"):
        expect(button).to_be_hidden()
    page.add_init_script(FAKE_SHARE)
    open_result_page(page, shop, try_on)
    button.click()
    assert page.evaluate("window.shared") == ["try-on.png", True, try_on["product_url"]]


def test_a_panorama_is_not_shown_as_a_thin_strip(page: Page, shop: RunningShop) -> None:
    stage = open_result_page(page, shop, create_shirt_result(page.context, shop, phone_photo(2000, 400)))
    expect(page.locator("[data-handle]")).to_be_visible()
    box = stage.evaluate(BOX)
    assert box["height"] > box["width"] / 1.7


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: f"{screen['width']}")
def test_no_layout_shift_no_horizontal_scrolling_and_no_axe_violation(
    browser: Browser, shop: RunningShop, screen: ViewportSize
) -> None:
    context = browser.new_context(viewport=screen, locale="en-GB")
    page = context.new_page()
    shopper, (first, second) = create_results(context, shop, "linen-shirt", "breton-tee")
    feedback = {"value": "dislike", "reason": "fit"}
    shopper.http.put(f"/try-on/api/try-ons/{first['id']}/feedback/", json=feedback)
    history = "/try-on/mine/"
    found = {}
    for url in (
        first["page_url"],
        f"{first['page_url']}?confirm=delete",
        history,
        f"{history}?liked=1",
        f"{history}?compare={first['id']}",
        f"{history}?compare={first['id']}&compare={second['id']}",
    ):
        page.goto(f"{shop.url}{url}", wait_until="networkidle")
        problems = violations(page)
        if (shift := page.evaluate(LAYOUT_SHIFT)) > 0.05:
            problems.append(f"shifts by {shift}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            problems.append("scrolls sideways")
        if problems:
            found[url] = problems
    context.close()
    assert found == {}


def are_side_by_side(page: Page) -> bool:
    """Whether both pictures are completely visible, the preview first."""
    after, before = (
        page.locator(f"[data-layer={name}]").evaluate(
            "it => ({ ...it.getBoundingClientRect().toJSON(), clip: getComputedStyle(it).clipPath })"
        )
        for name in ("after", "before")
    )
    return bool(
        after["clip"] == before["clip"] == "none"
        and abs(after["y"] - before["y"]) < 1
        and after["x"] + after["width"] < before["x"]
        and before["width"] > 100
    )


def test_without_javascript_both_pictures_are_side_by_side(browser: Browser, shop: RunningShop) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, locale="en-GB", java_script_enabled=False
    )
    page = context.new_page()
    open_result_page(page, shop, create_shirt_result(context, shop))
    assert are_side_by_side(page)
    expect(page.get_by_text("AI-generated preview", exact=True)).to_be_visible()
    expect(page.get_by_text("Before", exact=True)).to_be_visible()
    for hidden in ("[data-handle]", "[data-zoom]", "[data-share]", "[type=range]"):
        expect(page.locator(hidden)).to_be_hidden()
    page.get_by_role("button", name="Not for me").click()
    page.get_by_role("button", name="Colour").click()
    expect(page.get_by_role("button", name="Colour")).to_have_attribute("aria-pressed", "true")
    context.close()


def test_if_the_script_fails_to_load_both_pictures_are_side_by_side(
    context: BrowserContext, shop: RunningShop
) -> None:
    page = context.new_page()
    page.route("**/compare*.js", lambda route: route.abort())
    open_result_page(page, shop, create_shirt_result(context, shop))
    expect(page.locator("[data-apart]")).to_be_visible()
    assert are_side_by_side(page)


def test_two_ticked_try_ons_are_compared_side_by_side(page: Page, shop: RunningShop) -> None:
    create_results(page.context, shop, "linen-shirt", "breton-tee", "clara-dress")
    page.goto(f"{shop.url}/try-on/mine/")
    button = page.get_by_role("button", name="Compare")
    expect(button).to_be_hidden()
    for name in ("Compare: Linnea linen shirt", "Compare: Clara wrap dress"):
        page.get_by_role("checkbox", name=name).check()
        expect(button).to_be_in_viewport()
    button.click()
    expect(page.get_by_role("heading", name="Side by side")).to_be_visible()
    pictures = page.locator(".vton-side img")
    expect(pictures).to_have_count(2)
    left, right = (pictures.nth(number).evaluate(BOX) for number in range(2))
    assert left["x"] + left["width"] < right["x"]
    like = page.get_by_role("button", name=re.compile("Like.*Clara wrap dress"))
    expect(like).to_have_attribute("aria-pressed", "false")
    like.click()
    expect(like).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("heading", name="Side by side")).to_be_visible()


def test_the_product_link_opens_the_dialog_with_the_result(page: Page, shop: RunningShop) -> None:
    open_result_page(page, shop, create_shirt_result(page.context, shop))
    page.get_by_role("link", name="View product").click()
    expect(page).to_have_url(re.compile("/products/linen-shirt/"))
    expect(page.locator("dialog [data-view=result]")).to_be_visible()
    expect(page.locator("#cart")).to_be_visible()
