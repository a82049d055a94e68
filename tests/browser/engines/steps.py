"""The steps of a shopper in any engine. What the dialog's parts are called is said here alone."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
IS_LOADED = "(css) => $(css)?.complete && $(css).naturalWidth > 100"
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

    def text(self, css: str) -> Any:
        return self.browser.run("(css) => $(css)?.textContent.trim()", css)
