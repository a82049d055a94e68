"""While a try-on runs: other pages, tabs, reloads, and how often the page polls."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.live_shop import phone_photo

from .actions import (
    CHOOSE,
    READY,
    RUNNING,
    TIMEOUT_MS,
    create_result,
    open_dialog,
    open_dialog_from_list,
    open_product_page,
    send_photo,
    try_on_model,
)

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page, Response

    from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser

POLL_URL = re.compile(r"/api/try-ons/[0-9a-f-]{36}/")
SET_HIDDEN = """hidden => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(autouse=True)
def reset_gateway(shop: RunningShop) -> None:
    shop.gateway.reset()


def start_tryon(page: Page, shop: RunningShop, photo: Path, seconds: float = 2) -> None:
    """Order a try-on that takes this long, and wait until the shop has accepted it."""
    shop.gateway.scenario(seconds=seconds)
    open_dialog_from_list(page, shop, "linen shirt")
    send_photo(page, photo)
    expect(page.locator("#state")).to_contain_text(RUNNING)


def test_the_badge_shows_a_running_and_a_ready_try_on_on_any_page(
    page: Page, shop: RunningShop, photo: Path
) -> None:
    start_tryon(page, shop, photo)
    page.get_by_role("button", name="Keep shopping").click()
    page.get_by_role("link", name="Lindenhof").click()
    expect(page.locator("vton-badge")).to_have_text(RUNNING)
    ready = page.get_by_role("link", name=READY)
    expect(ready).to_be_visible(timeout=TIMEOUT_MS)

    page.reload()
    expect(ready).to_be_visible()
    ready.click()
    expect(page.get_by_text("AI-generated preview")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name="Lindenhof")).to_be_visible()
    expect(page.locator("vton-badge")).to_have_count(0)
    assert len(shop.gateway.ledger.entries) == 1


def test_a_badge_can_be_dismissed(page: Page, shop: RunningShop, photo: Path) -> None:
    start_tryon(page, shop, photo, seconds=0.5)
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name=READY)).to_be_visible(timeout=TIMEOUT_MS)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("vton-badge")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("link", name=re.compile("Try it on"))).to_be_visible()
    expect(page.locator("vton-badge")).to_have_count(0)


def test_viewing_another_result_keeps_the_badge(
    page: Page, context: BrowserContext, shop: RunningShop
) -> None:
    create_result(context, shop, "clara-dress", phone_photo(shade=9))
    shop.gateway.scenario(seconds=600)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    try_on_model(page, "Noa", previews="3")
    expect(page.locator("#state")).to_have_text(RUNNING)
    page.get_by_role("button", name="Keep shopping").click()
    badge = page.locator("vton-badge")
    expect(badge).to_have_text(RUNNING)
    open_product_page(page, shop, "clara-dress")
    expect(badge).to_have_text(RUNNING)
    open_dialog(page, READY)
    expect(page.locator("#after")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(badge).to_have_text(RUNNING)


def test_a_second_tab_shows_the_same_running_try_on(page: Page, shop: RunningShop, photo: Path) -> None:
    start_tryon(page, shop, photo, seconds=5)
    second = page.context.new_page()
    second.goto(page.url)
    second.get_by_role("link", name=re.compile("Try it on")).click()
    expect(second.locator("#progress")).to_be_visible()

    for tab in (page, second):
        expect(tab.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    assert len(shop.gateway.ledger.entries) == 1


def test_after_going_back_the_newest_result_is_shown_immediately(
    page: Page, shop: RunningShop, photo: Path
) -> None:
    start_tryon(page, shop, photo, seconds=0.5)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    page.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Lindenhof").click()
    page.go_back()
    page.get_by_role("link", name=re.compile("Try it on")).click()
    expect(page.locator("#after")).to_be_visible()
    assert len(shop.gateway.ledger.entries) == 1


def test_a_cancelled_try_on_has_no_badge(page: Page, shop: RunningShop, photo: Path) -> None:
    start_tryon(page, shop, photo, seconds=20)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name=CHOOSE)).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.reload()
    expect(page.get_by_role("link", name=re.compile("Try it on"))).to_be_visible()
    expect(page.locator("vton-badge")).to_have_count(0)


def test_polling_respects_retry_after_and_uses_etags(page: Page, shop: RunningShop, photo: Path) -> None:
    responses: list[tuple[float, Response]] = []
    page.on(
        "response", lambda it: responses.append((time.monotonic(), it)) if POLL_URL.search(it.url) else None
    )
    start_tryon(page, shop, photo, seconds=6)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)

    assert [it.status for _time, it in responses].count(304) >= 1
    for (before, answer), (after, _next) in pairwise(responses):
        retry_after = float(answer.headers.get("retry-after", "0"))
        assert after - before > retry_after - 0.2
    assert "if-none-match" in responses[1][1].request.headers


def test_a_hidden_tab_does_not_poll(page: Page, shop: RunningShop, photo: Path) -> None:
    start_tryon(page, shop, photo, seconds=3)
    page.evaluate(SET_HIDDEN, True)
    page.wait_for_timeout(4000)  # The current request and its pause may end.
    requested: list[str] = []
    page.on(
        "request", lambda request: requested.append(request.url) if POLL_URL.search(request.url) else None
    )
    page.wait_for_timeout(4000)
    assert requested == []
    expect(page.locator("#progress")).to_be_visible()

    page.evaluate(SET_HIDDEN, False)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
