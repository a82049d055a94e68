"""On the narrowest screen, no text is cut off, covers another one or has a broken word, in any language."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.live_shop import phone_photo
from tests.test_locale import LANGUAGES

from .actions import TIMEOUT_MS, create_result, open_product_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]

PAGES = ("mine/", "try/{product}/", "r/{try_on}/")

# All views below each other, with everything that can be hidden, and the longest message in each place.
SHOW_ALL = """() => {
    const root = document.querySelector("vton-dialog").shadowRoot;
    const longest = (css) => [...root.getElementById("messages").content.querySelectorAll(css)]
        .map((it) => it.textContent.trim()).reduce((a, b) => (b.length > a.length ? b : a));
    for (const it of root.querySelectorAll("dialog [hidden]")) it.hidden = false;
    for (const it of root.querySelectorAll(".bar, .head")) it.style.position = "static";
    for (const it of root.querySelectorAll("[role=alert]")) it.textContent = longest("[data-code]");
    const states = ["sending", "queued", "processing", "nearly", "late"];
    root.getElementById("state").textContent = longest(states.map((it) => `[data-word=${it}]`).join());
    root.getElementById("left").textContent = longest("[data-word^=left]");
    root.getElementById("photo-until").textContent = longest("[data-word=deleted]");
    root.getElementById("typical").textContent = longest("[data-word=typical]");
    root.getElementById("consent-text").textContent ||= longest("[data-code]");
}"""

CUT_OFF_OR_COVERED = """() => {
    const dialog = document.querySelector("vton-dialog")?.shadowRoot.querySelector("dialog");
    const box = dialog ?? document.querySelector(".vton-page");
    // Breaking a word is better than cutting it off, but a shorter word is better still.
    const breaksNoWords = "overflow-wrap: normal; hyphens: none";
    for (const it of box.querySelectorAll(".guide")) it.style.cssText = breaksNoWords;
    const describe = (it) => `${it.localName}#${it.id}.${it.className} "${it.textContent.trim()}"`;
    const rectsOf = (node) => {
        const range = document.createRange();
        range.selectNodeContents(node);
        return [...range.getClientRects()];
    };
    const texts = [...box.querySelectorAll("*")]
        .filter((it) => it.checkVisibility({ visibilityProperty: true }))
        .filter((it) => !it.closest(".hidden, .vton-hidden, select"))
        .flatMap((it) => [...it.childNodes].filter((node) => node.nodeType === 3 && node.data.trim())
            .map((node) => ({ it, rects: rectsOf(node) })));
    const found = box.scrollWidth > box.clientWidth ? [`${box.scrollWidth} in ${box.clientWidth}`] : [];
    const bounds = box.getBoundingClientRect();
    for (const { it, rects } of texts) {
        const { display, overflowY, webkitLineClamp } = getComputedStyle(it);
        const own = display === "inline" ? bounds : it.getBoundingClientRect();
        const [start, end] = [Math.max(bounds.left, own.left - 1), Math.min(bounds.right, own.right + 1)];
        if (rects.some((at) => at.left < start || at.right > end)) found.push(`cut off: ${describe(it)}`);
        const isCut = overflowY !== "visible" && webkitLineClamp === "none";
        if (isCut && it.scrollHeight > it.clientHeight + 1) found.push(`cut off below: ${describe(it)}`);
    }
    const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
    for (const [index, a] of texts.entries())
        for (const b of texts.slice(index + 1))
            if (a.rects.some((one) => b.rects.some((other) => overlap(one, other))))
                found.push(`covered: ${describe(a.it)} and ${describe(b.it)}`);
    return found;
}"""


def test_no_text_is_cut_off_at_320_px(browser: Browser, shop: RunningShop) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 568}, reduced_motion="reduce")
    try_on = create_result(context, shop, "linen-shirt", phone_photo(shade=32))
    urls = [path.format(product=shop.product("otto-glasses"), try_on=try_on["id"]) for path in PAGES]
    page = context.new_page()
    found = {}
    for lang in ["en", *LANGUAGES]:
        context.set_extra_http_headers({"Accept-Language": lang})
        open_product_page(page, shop, "linen-shirt")
        page.locator(".vton-button").click()
        expect(page.locator("#handle")).to_be_visible(timeout=TIMEOUT_MS)
        page.evaluate(SHOW_ALL)
        found[f"{lang}, dialog"] = page.evaluate(CUT_OFF_OR_COVERED)
        for url in urls:
            page.goto(f"{shop.url}/try-on/{url}")
            found[f"{lang}, {url}"] = page.evaluate(CUT_OFF_OR_COVERED)
    context.close()
    assert {place: problems for place, problems in found.items() if problems} == {}
