"""The steps of a shopper in any engine. What the dialog's parts are called is said here alone."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.running import RunningShop

    from .base import Browser

PRODUCT = "linen-shirt"
BUTTON = "vton-try-on a"
HOUSE_MODEL = "#house-photos [data-do=pick]"
ORDER = "#order .primary"

# The FormData on its way to the shop is the photo as the page made it.
KEEP_WHAT_IS_SENT = """() => {
    const { send } = XMLHttpRequest.prototype;
    XMLHttpRequest.prototype.send = function (body) {
        if (body instanceof FormData) window.sent = body.get("photo");
        return send.call(this, body);
    };
}"""
SENT = """async () => {
    const bytes = new Uint8Array(await window.sent.arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""
# A camera that each engine has on any machine; a house model stands before it.
CAMERA = """(css) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 900, height: 1200 });
    const person = $(css);
    setInterval(() => canvas.getContext("2d").drawImage(person, 0, 0, canvas.width, canvas.height), 100);
    MediaDevices.prototype.getUserMedia = async () => canvas.captureStream();
}"""
PLAYS = "() => $('#video')?.readyState > 1"
IS_LOADED = "(css) => $(css)?.complete && $(css).naturalWidth > 100"
SETTLED = """async () => {
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    const isSeen = (it) => it.getBoundingClientRect().top < innerHeight;
    return !isMoving() && all("img").every((it) => it.complete || !isSeen(it));
}"""
LATEST = """async (product) => {
    const query = new URLSearchParams({ product });
    return (await (await fetch(`/try-on/api/start/?${query}`)).json()).latest.page_url;
}"""


@dataclass
class Shopper:
    browser: Browser
    shop: RunningShop

    def visit(self, path: str = f"/products/{PRODUCT}/") -> None:
        self.browser.open(f"{self.shop.url}{path}")

    def arrive(self) -> None:
        """As somebody who was never here."""
        self.visit()
        self.browser.forget()
        self.visit()

    def open(self) -> None:
        self.browser.click(BUTTON)
        self.sees("choose")

    def sees(self, view: str) -> None:
        """This part of the dialog, and no other one."""
        one = (
            "(name) => all('[data-view]').filter((it) => !it.hidden).every((it) => it.dataset.view === name)"
        )
        self.browser.wait(f"(name) => $(`[data-view=${{name}}]`) && ({one})(name)", view)

    def do(self, action: str) -> None:
        self.browser.click(f"[data-do={action}]")

    def add(self, photo: Path) -> None:
        self.browser.upload("#file", photo)
        self.sees("check")

    def order(self) -> None:
        self.browser.click(ORDER)

    def keep_what_is_sent(self) -> None:
        self.browser.run(KEEP_WHAT_IS_SENT)

    def sent(self) -> bytes:
        self.browser.wait("() => Boolean(window.sent)")
        return base64.b64decode(self.browser.run(SENT))

    def compare(self, key: str) -> int:
        """A key on the slider; how much of the photo is seen then, in percent."""
        self.browser.run("() => $('#compare').focus()")
        self.browser.press(key)
        return int(self.browser.run("() => $('#compare').valueAsNumber"))


def states(shopper: Shopper, photo: Path) -> Iterator[str]:
    """Every state of the dialog, and two pages; the name of each while it is shown."""
    shopper.arrive()
    yield "product"
    shopper.open()
    shopper.browser.wait(IS_LOADED, f"{HOUSE_MODEL} img")
    yield "choose"
    yield from _other_sources(shopper)
    shopper.add(photo)
    yield "check"
    yield from _orders(shopper)
    shopper.arrive()
    yield from _failure(shopper)
    shopper.do("again")
    shopper.sees("choose")
    shopper.add(photo)
    yield from _success(shopper)


def _other_sources(shopper: Shopper) -> Iterator[str]:
    browser = shopper.browser
    browser.run(CAMERA, f"{HOUSE_MODEL} img")
    shopper.do("camera")
    browser.wait(PLAYS)
    yield "camera"
    shopper.do("back")
    shopper.sees("choose")
    if browser.run("() => Boolean($('[data-do=phone]'))"):
        shopper.do("phone")
        shopper.sees("phone")
        yield "phone"
        shopper.do("back")
        shopper.sees("choose")


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
    shopper.open()
    shopper.browser.click(HOUSE_MODEL)
    shopper.order()
    shopper.sees("error")
    yield "error"


def _success(shopper: Shopper) -> Iterator[str]:
    browser = shopper.browser
    shopper.shop.gateway.reset()
    browser.click("#consent")
    shopper.order()
    for css in ("#after", "#before"):
        browser.wait(IS_LOADED, css)
    shopper.compare("Home")
    for _step in range(40):
        shopper.compare("ArrowRight")
    yield "result"
    page = browser.run(LATEST, shopper.shop.product(PRODUCT))
    shopper.visit("/try-on/mine/")
    yield "page-history"
    shopper.visit(page)
    yield "page-result"
