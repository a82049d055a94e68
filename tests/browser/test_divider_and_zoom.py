"""The divider between photo and result, and zoom: by mouse, keyboard and touch."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.live_shop import phone_photo

from .actions import (
    READY,
    TIMEOUT_MS,
    create_result,
    divider_position,
    drag_divider,
    open_dialog,
    open_product_page,
    swipe,
    take_screenshot,
    try_on_model,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page, Route

    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]

SLUG = "linen-shirt"

# The layer that is visible at a label. The handle is in front of both layers.
LAYER_AT = """it => {
    const { left, right, top, bottom } = it.getBoundingClientRect();
    return it.getRootNode().elementsFromPoint((left + right) / 2, (top + bottom) / 2)
        .find((element) => element.closest("[data-layer]"))?.closest("[data-layer]").dataset.layer;
}"""
ZOOM = "it => Number(it.style.getPropertyValue('--zoom'))"
OFFSET = "it => ['--x', '--y'].map((name) => parseFloat(it.style.getPropertyValue(name)))"


def open_result(page: Page, shop: RunningShop, shade: int) -> None:
    create_result(page.context, shop, SLUG, phone_photo(shade=shade))
    open_product_page(page, shop, SLUG)
    open_dialog(page, READY)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    for css in ("#after", "#before"):
        page.locator(css).evaluate("it => it.decode()")


def test_the_divider_follows_the_pointer_and_the_keyboard(page: Page, shop: RunningShop) -> None:
    open_result(page, shop, 1)
    slider = page.get_by_role("slider", name="Compare with the original photo")
    stage = page.locator("#stage")
    page.wait_for_load_state("networkidle")
    assert divider_position(page) == 0
    untouched = take_screenshot(stage)
    drag_divider(page, 0.6)
    assert 0.55 < divider_position(page) < 0.65
    expect(slider).to_be_focused()
    half = take_screenshot(stage)
    slider.press("End")
    assert divider_position(page) == 1
    photo = take_screenshot(stage)
    assert len({untouched, half, photo}) == 3
    slider.press("ArrowLeft")
    assert divider_position(page) == 0.99
    slider.press("Home")
    assert divider_position(page) == 0


@pytest.mark.parametrize("locale", ["en-GB", "ar"])
def test_each_label_is_visible_only_on_its_own_layer(
    browser: Browser, shop: RunningShop, locale: str
) -> None:
    """The shopper's own photo is never labelled as AI-generated."""
    context = browser.new_context(
        locale=locale, viewport={"width": 1280, "height": 900}, reduced_motion="reduce"
    )
    page = context.new_page()
    create_result(context, shop, SLUG, phone_photo(shade=2))
    open_product_page(page, shop, SLUG)
    page.locator(".vton-button").click()
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    generated, before = (page.locator(f"[data-layer={side}] .label") for side in ("after", "before"))
    for key, layer in (("End", "before"), ("Home", "after")):
        page.locator("#compare").press(key)
        assert generated.evaluate(LAYER_AT) == layer
        assert before.evaluate(LAYER_AT) == layer
    if locale == "en-GB":
        expect(generated).to_have_text("AI-generated preview")
        expect(before).to_have_text("Before")
    context.close()


RECORD_POSITIONS = """it => {
    window.positions = [];
    new MutationObserver(() => window.positions.push(Number(it.style.getPropertyValue("--share"))))
        .observe(it, { attributeFilter: ["style"] });
}"""


def test_a_new_result_is_revealed_once_until_the_shopper_moves_the_divider(
    page: Page, shop: RunningShop
) -> None:
    page.emulate_media(reduced_motion="no-preference")
    open_product_page(page, shop, "ingrid-coat")
    open_dialog(page)
    page.locator("#stage").evaluate(RECORD_POSITIONS)
    try_on_model(page, "Noa")
    page.wait_for_function(
        "() => Math.max(...window.positions) === 1 && window.positions.at(-1) === 0", timeout=TIMEOUT_MS
    )

    page.get_by_role("button", name="Close").click()
    open_dialog(page, READY)
    page.locator("#stage").evaluate(RECORD_POSITIONS)
    page.locator("#before").evaluate("it => it.decode()")
    page.wait_for_load_state("networkidle")
    assert max(page.evaluate("[0, ...window.positions]")) == 0, "an old result is not revealed again"

    page.get_by_role("button", name="Try another photo").click()
    try_on_model(page, "Mateo")
    page.wait_for_function(
        "() => window.positions.at(-1) > 0.2 && window.positions.at(-1) < 1", timeout=TIMEOUT_MS
    )
    page.locator("#compare").press("End")
    page.evaluate("() => new Promise((done) => setTimeout(done, 100))")
    assert divider_position(page) == 1


def test_with_reduced_motion_the_result_is_shown_without_animation(page: Page, shop: RunningShop) -> None:
    open_product_page(page, shop, "anton-trousers")
    open_dialog(page)
    page.locator("#stage").evaluate(RECORD_POSITIONS)
    try_on_model(page, "Noa")
    expect(page.locator("#before")).to_be_visible(timeout=TIMEOUT_MS)
    page.locator("#before").evaluate("it => it.decode()")
    page.wait_for_load_state("networkidle")
    assert max(page.evaluate("window.positions")) == 0


@pytest.fixture
def phone(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(
        viewport={"width": 390, "height": 664},
        is_mobile=True,
        has_touch=True,
        locale="en-GB",
        reduced_motion="reduce",
    )
    yield context
    context.close()


def middle(page: Page) -> tuple[float, float]:
    box = page.locator("#stage").bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def pinch(page: Page, before: float, after: float) -> None:
    """Move two fingers apart or together; distances in px from the picture's middle."""
    devtools, (x, y) = page.context.new_cdp_session(page), middle(page)
    distances = [before + (after - before) * step / 5 for step in range(6)]
    for kind, distance in zip(["touchStart", *["touchMove"] * 5], distances, strict=True):
        points = [{"x": x - distance, "y": y, "id": 0}, {"x": x + distance, "y": y + 5, "id": 1}]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


HAS_SCROLLED = (
    """() => document.querySelector("vton-dialog").shadowRoot.querySelector("dialog").scrollTop > 50"""
)


def test_a_finger_scrolls_on_the_picture_and_moves_the_divider_on_the_handle(
    phone: BrowserContext, shop: RunningShop
) -> None:
    page = phone.new_page()
    open_result(page, shop, 3)
    handle, stage = page.locator("#handle").bounding_box(), page.locator("#stage").bounding_box()
    assert handle
    assert stage
    x, y = handle["x"] + handle["width"] / 2, stage["y"] + stage["height"] / 2
    # The finger first moves vertically.
    swipe(page, (x, y), (x, y - 20), (x, y - 40), (stage["x"] + stage["width"] * 0.7, y - 40))
    compared = divider_position(page)
    assert 0.65 < compared < 0.75
    assert page.locator("dialog").evaluate("it => it.scrollTop") == 0

    x, y = middle(page)
    swipe(page, *((x + step / 2, y - 10 * step) for step in range(16)))
    page.wait_for_function(HAS_SCROLLED)
    assert divider_position(page) == compared


def test_fingers_zoom_and_pan(phone: BrowserContext, shop: RunningShop) -> None:
    page = phone.new_page()
    open_result(page, shop, 4)
    stage = page.locator("#stage")
    x, y = middle(page)
    pinch(page, 40, 100)
    assert 2 < stage.evaluate(ZOOM) <= 2.5
    assert divider_position(page) == 0

    before = stage.evaluate(OFFSET)
    swipe(page, (x, y), (x + 40, y + 10), (x + 60, y + 30))
    now = stage.evaluate(OFFSET)
    assert now[0] - before[0] > 30
    assert now[1] - before[1] > 10
    assert page.locator("dialog").evaluate("it => it.scrollTop") == 0
    pinch(page, 100, 20)
    assert stage.evaluate(ZOOM) == 1
    assert stage.evaluate(OFFSET) == [0, 0]

    for zoomed in (2.5, 1):
        for _tap in range(2):
            page.touchscreen.tap(x, y)
        assert stage.evaluate(ZOOM) == zoomed


def test_mouse_and_keyboard_zoom(page: Page, shop: RunningShop) -> None:
    open_result(page, shop, 5)
    stage, button = page.locator("#stage"), page.get_by_role("button", name="Zoom")
    button.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    assert stage.evaluate(ZOOM) == 2.5
    (x, y), before = middle(page), stage.evaluate(OFFSET)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 50, y - 20, steps=4)
    page.mouse.up()
    now = stage.evaluate(OFFSET)
    assert [round(now[0] - before[0]), round(now[1] - before[1])] == [-50, -20]
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert stage.evaluate(ZOOM) == 1
    page.mouse.dblclick(x, y)
    assert stage.evaluate(ZOOM) == 2.5


VISIBLE_HEIGHT = """it => {
    const { width, height } = it.getBoundingClientRect();
    return Math.min(width * it.naturalHeight / it.naturalWidth, height, it.closest(".stage").clientHeight);
}"""


@pytest.mark.parametrize("size", [(9000, 1800), (1800, 9000)])
def test_a_very_wide_or_narrow_result_is_not_shown_as_a_thin_strip(
    phone: BrowserContext, shop: RunningShop, size: tuple[int, int]
) -> None:
    out = io.BytesIO()
    Image.new("1", size).save(out, "PNG")

    def resize(route: Route) -> None:
        start = route.fetch().json()
        start["latest"]["images"][0] |= {"width": size[0], "height": size[1]}
        route.fulfill(json=start)

    page = phone.new_page()
    page.route("**/api/start/*", resize)
    page.route("**/images/*/", lambda route: route.fulfill(body=out.getvalue(), content_type="image/png"))
    open_result(page, shop, 6)
    assert page.locator("#after").evaluate("it => it.naturalWidth") == size[0]
    assert page.locator("#after").evaluate(VISIBLE_HEIGHT) >= 160
    box = page.locator("#stage").bounding_box()
    assert box
    assert box["width"] >= 160
