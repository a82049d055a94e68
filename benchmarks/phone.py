"""A slow phone on a slow network: a quarter of the processor, slow 3G, a photo of 12 megapixels, touch.

Measures how long the page is unresponsive between the choice of the photo and the result: the longest task of
the main thread, and the longest time from a tap to its effect.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect, sync_playwright

from tests.live_shop import CHROMIUM, RunningShop

from .report import Row, at_most, info, skipped
from .sample_images import camera_photo

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
CPU_SLOWDOWN = 4
QUICK_SIZE = (1152, 864)
SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
TIMEOUT_MS = 120_000
OBSERVERS = """
window.tasks = [];
window.taps = [];
new PerformanceObserver(list => list.getEntries().forEach(it => tasks.push(it.duration)))
    .observe({entryTypes: ["longtask"]});
new PerformanceObserver(list => list.getEntries().forEach(it => taps.push(it.duration)))
    .observe({type: "event", durationThreshold: 16});
"""


def measure(*, quick: bool) -> list[Row]:
    """One try-on; `quick` uses a photo of one megapixel."""
    if CHROMIUM is None:
        return [skipped("a slow phone", "Chromium is not installed")]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        photo = Path(folder, "me.jpg")
        photo.write_bytes(camera_photo(QUICK_SIZE) if quick else camera_photo())
        with RunningShop(Path(folder, "shop"), seconds=2) as shop:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            measured = _measure_visit(browser, shop, photo)
            browser.close()
        size = photo.stat().st_size / 1000
    return [
        at_most("longest task of the page", measured["task"], "ms", goal=200),
        at_most("longest reaction to a tap", measured["tap"], "ms", goal=200),
        info("size of the photo", size, "kB"),
        at_most("size of the photo when sent", measured["sent"], "kB", goal=900),
    ]


def _measure_visit(browser: Browser, shop: RunningShop, photo: Path) -> dict[str, Any]:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )
    page = context.new_page()
    page.add_init_script(OBSERVERS)
    page.goto(shop.url)
    page.get_by_role("link", name=re.compile("linen shirt")).first.tap()
    page.get_by_role("link", name=re.compile("Try it on")).wait_for()
    devtools = context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", SLOW_3G)
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
    sent = _order(page, photo)
    measured = page.evaluate("({task: Math.max(0, ...tasks), tap: Math.max(0, ...taps)})")
    context.close()
    return {**measured, "sent": sent}


def _order(page: Page, photo: Path) -> float:
    """Order a try-on and wait for its result; returns the size of the request, in kB."""
    page.get_by_role("link", name=re.compile("Try it on")).tap()
    expect(page.get_by_role("heading", name="Add a photo of yourself")).to_be_visible(timeout=TIMEOUT_MS)
    page.evaluate("tasks.length = taps.length = 0")
    page.locator("#file").set_input_files(photo)
    expect(page.get_by_role("heading", name="Use this photo?")).to_be_visible(timeout=TIMEOUT_MS)
    page.locator("#consent").tap()
    with page.expect_request(lambda it: it.method == "POST", timeout=TIMEOUT_MS) as order:
        page.locator("#order").get_by_role("button", name="Try it on").tap()
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    return int(order.value.all_headers()["content-length"]) / 1000
