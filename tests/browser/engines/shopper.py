"""A shopper's actions in any engine. Only this module knows the dialog's selectors."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.live_shop import RunningShop

    from .base import Browser

PRODUCT = "linen-shirt"
BUTTON = "vton-try-on a"
HOUSE_MODEL = "#house-photos [data-do=pick]"
ORDER = "#order .primary"

# Stores the photo that the page sends.
KEEP_SENT_PHOTO = """() => {
    const { send } = XMLHttpRequest.prototype;
    XMLHttpRequest.prototype.send = function (body) {
        if (body instanceof FormData) window.sent = body.get("photo");
        return send.call(this, body);
    };
}"""
READ_SENT_PHOTO = """async () => {
    const bytes = new Uint8Array(await window.sent.arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""
# Replaces the camera by a stream that shows a house model.
FAKE_CAMERA = """(css) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 900, height: 1200 });
    const person = $(css);
    setInterval(() => canvas.getContext("2d").drawImage(person, 0, 0, canvas.width, canvas.height), 100);
    MediaDevices.prototype.getUserMedia = async () => canvas.captureStream();
}"""
IS_PLAYING = "() => $('#video')?.readyState > 1"
IS_LOADED = "(css) => $(css)?.complete && $(css).naturalWidth > 100"
IS_SETTLED = """async () => {
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    const isInViewport = (it) => it.getBoundingClientRect().top < innerHeight;
    return !isMoving() && all("img").every((it) => it.complete || !isInViewport(it));
}"""
LATEST_PAGE_URL = """async (product) => {
    const query = new URLSearchParams({ product });
    return (await (await fetch(`/try-on/api/start/?${query}`)).json()).latest.page_url;
}"""


@dataclass
class Shopper:
    browser: Browser
    shop: RunningShop

    def visit(self, path: str = f"/products/{PRODUCT}/") -> None:
        self.browser.open(f"{self.shop.url}{path}")

    def open_product_as_new_shopper(self) -> None:
        self.visit()
        self.browser.reset_session()
        self.visit()

    def open_dialog(self) -> None:
        self.browser.click(BUTTON)
        self.expect_view("choose")

    def expect_view(self, view: str) -> None:
        """Wait until the dialog shows this view and no other one."""
        is_only_view = (
            "(name) => all('[data-view]').filter((it) => !it.hidden).every((it) => it.dataset.view === name)"
        )
        self.browser.wait(f"(name) => $(`[data-view=${{name}}]`) && ({is_only_view})(name)", view)

    def click_action(self, action: str) -> None:
        self.browser.click(f"[data-do={action}]")

    def add_photo(self, photo: Path) -> None:
        self.browser.upload("#file", photo)
        self.expect_view("check")

    def order(self) -> None:
        self.browser.click(ORDER)

    def keep_sent_photo(self) -> None:
        self.browser.run(KEEP_SENT_PHOTO)

    def sent_photo(self) -> bytes:
        self.browser.wait("() => Boolean(window.sent)")
        return base64.b64decode(self.browser.run(READ_SENT_PHOTO))

    def move_divider(self, key: str) -> int:
        """Press a key on the slider. Return the visible share of the photo in percent."""
        self.browser.run("() => $('#compare').focus()")
        self.browser.press(key)
        return int(self.browser.run("() => $('#compare').valueAsNumber"))


def states(shopper: Shopper, photo: Path) -> Iterator[str]:
    """Go through every state of the dialog and two pages, and yield the name of each."""
    shopper.open_product_as_new_shopper()
    yield "product"
    shopper.open_dialog()
    shopper.browser.wait(IS_LOADED, f"{HOUSE_MODEL} img")
    yield "choose"
    yield from _other_sources(shopper)
    shopper.add_photo(photo)
    yield "check"
    yield from _orders(shopper)
    shopper.open_product_as_new_shopper()
    yield from _failure(shopper)
    shopper.click_action("again")
    shopper.expect_view("choose")
    shopper.add_photo(photo)
    yield from _success(shopper)


def _other_sources(shopper: Shopper) -> Iterator[str]:
    browser = shopper.browser
    browser.run(FAKE_CAMERA, f"{HOUSE_MODEL} img")
    shopper.click_action("camera")
    browser.wait(IS_PLAYING)
    yield "camera"
    shopper.click_action("back")
    shopper.expect_view("choose")
    if browser.run("() => Boolean($('[data-do=phone]'))"):
        shopper.click_action("phone")
        shopper.expect_view("phone")
        yield "phone"
        shopper.click_action("back")
        shopper.expect_view("choose")


def _orders(shopper: Shopper) -> Iterator[str]:
    browser = shopper.browser
    shopper.order()
    browser.wait("() => $('#check-problem')?.textContent")
    yield "consent-missing"
    shopper.shop.gateway.scenario(seconds=600)
    browser.click("#consent")
    shopper.order()
    browser.wait("() => $('#typical')?.textContent")
    yield "waiting"


def _failure(shopper: Shopper) -> Iterator[str]:
    gateway = shopper.shop.gateway
    gateway.reset()
    gateway.scenario(outcome="FAILED", error="PoseError: no body found", seconds=0, times=None)
    shopper.open_dialog()
    shopper.browser.click(HOUSE_MODEL)
    shopper.order()
    shopper.expect_view("error")
    yield "error"


def _success(shopper: Shopper) -> Iterator[str]:
    browser = shopper.browser
    shopper.shop.gateway.reset()
    browser.click("#consent")
    shopper.order()
    for css in ("#after", "#before"):
        browser.wait(IS_LOADED, css)
    shopper.move_divider("Home")
    for _step in range(40):
        shopper.move_divider("ArrowRight")
    yield "result"
    page = browser.run(LATEST_PAGE_URL, shopper.shop.product(PRODUCT))
    shopper.visit("/try-on/mine/")
    yield "page-history"
    shopper.visit(page)
    yield "page-result"
