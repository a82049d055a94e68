"""The button and the shop's page around it: what it costs, what is the shop's, and what the page hears."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Page, expect

from tests.running import RunningShop

from .steps import FAILED, READY, SOON, button, heading, orders, quick, touch, try_on_model, visit

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_gateway")]

ROOT = Path(__file__).parents[2]

# Where the button stands, or what is below it moves.
SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
    for (const { value, sources } of list.getEntries())
        if (sources.some(({ node }) => node?.parentElement?.closest(".facts"))) window.shifts.push(value);
}).observe({ type: "layout-shift", buffered: true });
"""
SHIFTED = """async () => {
    await new Promise(requestAnimationFrame);
    await new Promise((settled) => setTimeout(settled));
    return window.shifts;
}"""


def test_untouched_it_asks_for_two_files_and_moves_nothing(page: Page, shop: RunningShop) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(SHIFTS)
    visit(page, shop, "linen-shirt")
    page.wait_for_load_state("networkidle")
    button(page).hover()
    ours = sorted(url.removeprefix(shop.url) for url in asked if re.search("/vton/|/try-on/", url))
    assert ours == ["/static/vton/button.css", "/static/vton/button.js"]
    assert page.evaluate(SHIFTED) == []


@pytest.mark.parametrize("how", [{"modifiers": ["Control"]}, {"modifiers": ["Shift"]}, {"button": "middle"}])
def test_a_click_for_a_new_tab_opens_the_plain_page_there(
    page: Page, context: BrowserContext, shop: RunningShop, how: Any
) -> None:
    visit(page, shop, "linen-shirt")
    with context.expect_page() as news:
        button(page).click(**how)
    expect(news.value.get_by_role("heading", name=re.compile("Linnea linen shirt"))).to_be_visible()
    assert re.search(r"/try-on/try/shop\.product:\d+/$", news.value.url)
    expect(page.locator("vton-dialog")).to_have_count(0)
    assert page.url.endswith("/products/linen-shirt/")


AGAIN = """() => new Promise((loaded, failed) => {
    const first = document.querySelector("script[data-vton]");
    const again = document.createElement("script");
    for (const { name, value } of first.attributes) again.setAttribute(name, value);
    Object.assign(again, { src: first.src + "?again", onload: loaded, onerror: failed });
    document.head.append(again);
})"""


def test_loaded_twice_it_is_there_once(page: Page, shop: RunningShop) -> None:
    shop.gateway.reset()
    visit(page, shop, "freya-skirt")
    page.evaluate(AGAIN)
    posts = orders(page)
    touch(page)
    expect(page.get_by_role("dialog")).to_have_count(1)
    try_on_model(page, "Noa")
    heading(page, "Your try-on")
    page.get_by_role("button", name="Keep shopping").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("vton-badge")).to_have_count(1)
    expect(page.get_by_role("link", name=READY)).to_have_count(1, timeout=SOON)
    assert len(posts) == 1


HEAR = """
window.heard = [];
for (const name of ["opened", "submitted", "completed", "failed", "add-to-cart"])
    document.addEventListener(`vton:${name}`, (event) => {
        event.preventDefault();
        const { detail, target, composed, defaultPrevented } = event;
        window.heard.push([name, detail, target.localName, composed, defaultPrevented]);
    });
"""


def test_the_page_hears_what_happens(page: Page, shop: RunningShop) -> None:
    page.add_init_script(HEAR)
    visit(page, shop, "anton-trousers")
    quick(shop, outcome="FAILED", error="PoseError: no body found")
    touch(page)
    try_on_model(page, "Noa", previews="4")
    heading(page, FAILED)
    quick(shop)
    page.get_by_role("dialog").get_by_role("button", name="Choose another photo").click()
    try_on_model(page, "Mateo")
    heading(page, READY)
    page.locator("#cart").click()
    page.wait_for_function("() => window.heard.at(-1)[0] === 'add-to-cart'")

    heard = page.evaluate("window.heard")
    assert [(name, detail["status"], detail["code"]) for name, detail, *_how in heard] == [
        ("opened", None, None),
        ("submitted", "queued", None),
        ("failed", "failed", "no_person"),
        ("submitted", "queued", None),
        ("completed", "completed", None),
        ("add-to-cart", "completed", None),
    ]
    ids = [detail["id"] for _name, detail, *_how in heard]
    assert ids[0] is None
    assert ids[1] == ids[2] != ids[3] == ids[4] == ids[5]
    for name, detail, target, composed, prevented in heard:
        assert detail.keys() == {"product", "id", "status", "code"}
        assert detail["product"] == shop.product("anton-trousers")
        assert (target, composed, prevented) == ("vton-try-on", True, name == "add-to-cart")


STYLE = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
        :root { --vton-accent: rgb(1, 2, 3); --vton-on-accent: rgb(250, 251, 252); }
        vton-dialog::part(primary) { text-transform: uppercase; }
    `);
    document.adoptedStyleSheets.push(sheet);
}"""
LOOK = """it => {
    const { backgroundColor: back, color, textTransform: letters } = getComputedStyle(it);
    return { back, color, letters };
}"""


def test_the_dialog_wears_the_shops_style(page: Page, shop: RunningShop) -> None:
    visit(page, shop, "linen-shirt")
    page.evaluate(STYLE)
    touch(page)
    assert page.locator("label[for=file]").evaluate(LOOK) == {
        "back": "rgb(1, 2, 3)",
        "color": "rgb(250, 251, 252)",
        "letters": "uppercase",
    }
    light = page.locator("dialog").evaluate(LOOK)
    page.emulate_media(color_scheme="dark")
    dark = page.locator("dialog").evaluate(LOOK)
    assert brightness(light["back"]) > 200
    assert brightness(light["color"]) < 60
    assert brightness(dark["back"]) < 60
    assert brightness(dark["color"]) > 200


def brightness(color: str) -> float:
    """Of "rgb(1, 2, 3)", from 0 to 255."""
    channels = [int(number) for number in re.findall(r"\d+", color)]
    return sum(channels) / len(channels)


def test_a_developer_without_a_worker_is_told(page: Page, shop: RunningShop) -> None:
    hint = page.get_by_text("no worker has been seen lately")
    shop.stop("workers")
    try:
        shop.sql("UPDATE vton_pumpslot SET seen_at = NULL")
        visit(page, shop, "ingrid-coat")
        touch(page)
        expect(hint).to_be_hidden()
        try_on_model(page, "Noa", previews="4")
        heading(page, "Your try-on")
        expect(hint).to_be_hidden()
        hint.evaluate("it => it.getAnimations()[0].finish()")  # After a while.
        expect(hint).to_be_visible()
    finally:
        shop.start_workers()
    heading(page, READY)


@pytest.fixture
def careful_shop(tmp_path: Path) -> Iterator[RunningShop]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    env = {"DJANGO_SETTINGS_MODULE": "tests.captcha.settings", "PYTHONPATH": path}
    with RunningShop(tmp_path, seconds=0, env=env) as running:
        yield running


def test_a_shops_captcha_is_asked_and_sent(context: BrowserContext, careful_shop: RunningShop) -> None:
    page = context.new_page()  # Chromium's console complains of each refusal.
    visit(page, careful_shop, "linen-shirt")
    touch(page)
    answer = page.get_by_label("Which cloth is woven from flax?")
    expect(answer).to_be_hidden()
    try_on_model(page, "Noa")
    expect(page.get_by_role("alert")).to_contain_text("Please confirm that you're not a robot")
    heading(page, "Use this photo?")
    assert answer.evaluate("it => it.getRootNode() === document")
    answer.fill("linen")
    page.locator("#order").get_by_role("button", name="Try it on").click()
    heading(page, READY)
