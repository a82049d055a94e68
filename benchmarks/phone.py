"""A slow phone on a slow network: four times less processor, slow 3G, a photo of 12 megapixels, touch.

What a shopper feels is how long the page does not answer: the longest task of the page's own thread, and the
longest time from a tap to what it shows, both from the choice of the photo to the result.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect, sync_playwright

from tests.running import CHROMIUM, RunningShop

from . import camera
from .report import Row, at_most, left_out, told

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SLOWER = 4
SMALL = (1152, 864)
SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
PATIENCE = 120_000
WATCH = """
window.tasks = [];
window.taps = [];
new PerformanceObserver(list => list.getEntries().forEach(it => tasks.push(it.duration)))
    .observe({entryTypes: ["longtask"]});
new PerformanceObserver(list => list.getEntries().forEach(it => taps.push(it.duration)))
    .observe({type: "event", durationThreshold: 16});
"""


def measure(*, quick: bool) -> list[Row]:
    """One shopper's way; `quick` with a photo of one megapixel."""
    if CHROMIUM is None:
        return [left_out("a slow phone", "Chromium is not installed")]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        photo = Path(folder, "me.jpg")
        photo.write_bytes(camera.photo(SMALL) if quick else camera.photo())
        with RunningShop(Path(folder), seconds=2) as shop:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            found = _walk(browser, shop, photo)
            browser.close()
        size = photo.stat().st_size / 1000
    return [
        at_most("longest task of the page", found["task"], "ms", goal=200),
        at_most("longest answer to a tap", found["tap"], "ms", goal=200),
        told("the photo as it is", size, "kB"),
        at_most("the photo as it is sent", found["sent"], "kB", goal=900),
    ]


def _walk(browser: Browser, shop: RunningShop, photo: Path) -> dict[str, Any]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(shop.url)
    page.get_by_role("link", name=re.compile("linen shirt")).first.tap()
    page.get_by_role("link", name=re.compile("Try it on")).wait_for()
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", SLOW_3G)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    sent = _order(page, photo)
    found = page.evaluate("({task: Math.max(0, ...tasks), tap: Math.max(0, ...taps)})")
    context.close()
    return {**found, "sent": sent}


def _order(page: Page, photo: Path) -> float:
    """From the choice to the result; kB of the photo as it was sent."""
    page.get_by_role("link", name=re.compile("Try it on")).tap()
    expect(page.get_by_role("heading", name="Add a photo of yourself")).to_be_visible(timeout=PATIENCE)
    page.evaluate("tasks.length = taps.length = 0")
    page.locator("#file").set_input_files(photo)
    expect(page.get_by_role("heading", name="Use this photo?")).to_be_visible(timeout=PATIENCE)
    page.locator("#consent").tap()
    with page.expect_request(lambda it: it.method == "POST", timeout=PATIENCE) as order:
        page.locator("#order").get_by_role("button", name="Try it on").tap()
    expect(page.locator("#after")).to_be_visible(timeout=PATIENCE)
    return int(order.value.all_headers()["content-length"]) / 1000
