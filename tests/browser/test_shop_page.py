"""The button in the shop's page: what it loads, new tabs, events, styles and hints for developers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect

from tests.live_shop import RunningShop

from .actions import (
    FAILED,
    READY,
    TIMEOUT_MS,
    expect_heading,
    open_dialog,
    open_product_page,
    order,
    record_orders,
    render_instantly,
    try_on_model,
    tryon_button,
)

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]


# Layout shifts of the button or of elements below it.
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries())
        if (sources.some(({ node }) => node?.parentElement?.closest(".facts"))) window.shifts.push(value);
}).observe({ type: "layout-shift", buffered: true });
"""
GET_SHIFTS = """async () => {
    await new Promise(requestAnimationFrame);
    await new Promise((done) => setTimeout(done));
    return window.shifts;
}"""


def test_before_a_click_the_button_loads_two_files_and_moves_nothing(page: Page, shop: RunningShop) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.add_init_script(SHIFTS)
    open_product_page(page, shop, "linen-shirt")
    page.wait_for_load_state("networkidle")
    tryon_button(page).hover()
    ours = sorted(url.removeprefix(shop.url) for url in requested if re.search("/vton/|/try-on/", url))
    assert ours == ["/static/vton/button.css", "/static/vton/button.js"]
    assert page.evaluate(GET_SHIFTS) == []


@pytest.mark.parametrize("how", [{"modifiers": ["Control"]}, {"modifiers": ["Shift"]}, {"button": "middle"}])
def test_ctrl_shift_or_middle_click_on_the_button_opens_the_form_without_javascript(
    page: Page, context: BrowserContext, shop: RunningShop, how: Any
) -> None:
    open_product_page(page, shop, "linen-shirt")
    with context.expect_page() as new_tab:
        tryon_button(page).click(**how)
    expect(new_tab.value.get_by_role("heading", name=re.compile("Linnea linen shirt"))).to_be_visible()
    assert re.search(r"/try-on/try/shop\.product:\d+/$", new_tab.value.url)
    expect(page.locator("vton-dialog")).to_have_count(0)
    assert page.url.endswith("/products/linen-shirt/")


LOAD_AGAIN = """() => new Promise((loaded, failed) => {
    const first = document.querySelector("script[data-vton]");
    const again = document.createElement("script");
    for (const { name, value } of first.attributes) again.setAttribute(name, value);
    Object.assign(again, { src: first.src + "?again", onload: loaded, onerror: failed });
    document.head.append(again);
})"""


def test_a_script_loaded_twice_runs_once(page: Page, shop: RunningShop) -> None:
    shop.gateway.reset()
    open_product_page(page, shop, "freya-skirt")
    page.evaluate(LOAD_AGAIN)
    posts = record_orders(page)
    open_dialog(page)
    expect(page.get_by_role("dialog")).to_have_count(1)
    try_on_model(page, "Noa")
    expect_heading(page, "Your try-on")
    page.get_by_role("button", name="Keep shopping").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("vton-badge")).to_have_count(1)
    expect(page.get_by_role("link", name=READY)).to_have_count(1, timeout=TIMEOUT_MS)
    assert len(posts) == 1


RECORD_EVENTS = """
window.events = [];
for (const name of ["opened", "submitted", "completed", "failed", "add-to-cart"])
    document.addEventListener(`vton:${name}`, (event) => {
        event.preventDefault();
        const { detail, target, composed, defaultPrevented } = event;
        window.events.push([name, detail, target.localName, composed, defaultPrevented]);
    });
"""


def test_the_page_receives_an_event_for_each_step(page: Page, shop: RunningShop) -> None:
    page.add_init_script(RECORD_EVENTS)
    open_product_page(page, shop, "anton-trousers")
    render_instantly(shop, outcome="FAILED", error="PoseError: no body found")
    open_dialog(page)
    try_on_model(page, "Noa", previews="4")
    expect_heading(page, FAILED)
    render_instantly(shop)
    page.get_by_role("dialog").get_by_role("button", name="Choose another photo").click()
    try_on_model(page, "Mateo")
    expect_heading(page, READY)
    page.locator("#cart").click()
    page.wait_for_function("() => window.events.at(-1)[0] === 'add-to-cart'")

    events = page.evaluate("window.events")
    assert [(name, detail["status"], detail["code"]) for name, detail, *_how in events] == [
        ("opened", None, None),
        ("submitted", "queued", None),
        ("failed", "failed", "no_person"),
        ("submitted", "queued", None),
        ("completed", "completed", None),
        ("add-to-cart", "completed", None),
    ]
    ids = [detail["id"] for _name, detail, *_how in events]
    assert ids[0] is None
    assert ids[1] == ids[2] != ids[3] == ids[4] == ids[5]
    for name, detail, target, composed, prevented in events:
        assert detail.keys() == {"product", "id", "status", "code"}
        assert detail["product"] == shop.product("anton-trousers")
        assert (target, composed, prevented) == ("vton-try-on", True, name == "add-to-cart")


CUSTOM_STYLE = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
        :root { --vton-accent: rgb(1, 2, 3); --vton-on-accent: rgb(250, 251, 252); }
        vton-dialog::part(primary) { text-transform: uppercase; }
    `);
    document.adoptedStyleSheets.push(sheet);
}"""
COLORS = """it => {
    const { backgroundColor: back, color, textTransform: letters } = getComputedStyle(it);
    return { back, color, letters };
}"""


def test_the_dialog_uses_the_shops_style_and_color_scheme(page: Page, shop: RunningShop) -> None:
    open_product_page(page, shop, "linen-shirt")
    page.evaluate(CUSTOM_STYLE)
    open_dialog(page)
    assert page.locator("label[for=file]").evaluate(COLORS) == {
        "back": "rgb(1, 2, 3)",
        "color": "rgb(250, 251, 252)",
        "letters": "uppercase",
    }
    light = page.locator("dialog").evaluate(COLORS)
    page.emulate_media(color_scheme="dark")
    dark = page.locator("dialog").evaluate(COLORS)
    assert brightness(light["back"]) > 200
    assert brightness(light["color"]) < 60
    assert brightness(dark["back"]) < 60
    assert brightness(dark["color"]) > 200


def brightness(color: str) -> float:
    """Return the mean of the channels of "rgb(1, 2, 3)"."""
    channels = [int(number) for number in re.findall(r"\d+", color)]
    return sum(channels) / len(channels)


def test_a_developer_sees_a_hint_if_no_worker_runs(page: Page, shop: RunningShop) -> None:
    message = page.get_by_text("no worker has been seen lately")
    shop.stop("workers")
    try:
        shop.sql("UPDATE vton_dispatcherlease SET seen_at = NULL")
        open_product_page(page, shop, "ingrid-coat")
        open_dialog(page)
        expect(message).to_be_hidden()
        try_on_model(page, "Noa", previews="4")
        expect_heading(page, "Your try-on")
        expect(message).to_be_hidden()
        message.evaluate("it => it.getAnimations()[0].finish()")  # It appears after a delay.
        expect(message).to_be_visible()
        shop.gateway.reset()
        shop.gateway.scenario(seconds=5)
    finally:
        shop.start_workers()
    expect(page.get_by_text("Creating your look…")).to_be_visible(timeout=30_000)
    assert message.is_hidden()  # Now, and not only when the result replaces it.
    expect_heading(page, READY)


@pytest.fixture
def captcha_shop(tmp_path: Path) -> Iterator[RunningShop]:
    env = {"DJANGO_SETTINGS_MODULE": "tests.captcha.settings"}
    with RunningShop(tmp_path, seconds=0, env=env) as running:
        yield running


def test_the_shops_captcha_is_shown_and_sent_with_the_order(
    context: BrowserContext, captcha_shop: RunningShop
) -> None:
    page = context.new_page()  # Chromium logs refused requests as errors, which the page fixture forbids.
    open_product_page(page, captcha_shop, "linen-shirt")
    open_dialog(page)
    answer = page.get_by_label("Which cloth is woven from flax?")
    expect(answer).to_be_hidden()
    try_on_model(page, "Noa")
    expect(page.get_by_role("alert")).to_contain_text("Please confirm that you're not a robot")
    expect_heading(page, "Use this photo?")
    assert answer.evaluate("it => it.getRootNode() === document")
    answer.fill("linen")
    order(page)
    expect_heading(page, READY)
