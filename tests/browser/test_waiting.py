"""While a try-on is being made: other pages, other tabs, a reload; and how often the page asks."""

from __future__ import annotations

import re
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.running import phone_photo

from .steps import CHOOSE, READY, RUNNING, SOON, rendered, touch, try_on_model, visit
from .test_newcomer import open_dialog, send

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page, Response

    from tests.running import RunningShop

pytestmark = pytest.mark.browser

POLL = re.compile(r"/api/try-ons/[0-9a-f-]{36}/")
HIDE = """hidden => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => hidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(autouse=True)
def ledger(shop: RunningShop) -> None:
    shop.gateway.reset()


def order(page: Page, shop: RunningShop, photo: Path, seconds: float = 2) -> None:
    """A try-on which the shop has, and which takes so long."""
    shop.gateway.scenario(seconds=seconds)
    open_dialog(page, shop, "linen shirt")
    send(page, photo)
    expect(page.locator("#state")).to_contain_text(RUNNING)


def test_it_may_be_left_and_is_told_of_on_any_page(page: Page, shop: RunningShop, photo: Path) -> None:
    order(page, shop, photo)
    page.get_by_role("button", name="Keep shopping").click()
    page.get_by_role("link", name="Lindenhof").click()
    expect(page.locator("vton-badge")).to_have_text(RUNNING)
    ready = page.get_by_role("link", name=READY)
    expect(ready).to_be_visible(timeout=SOON)

    page.reload()
    expect(ready).to_be_visible()
    ready.click()
    expect(page.get_by_text("AI-generated preview")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name="Lindenhof")).to_be_visible()
    expect(page.locator("vton-badge")).to_have_count(0)
    assert len(shop.gateway.ledger.entries) == 1


def test_a_badge_can_be_dismissed(page: Page, shop: RunningShop, photo: Path) -> None:
    order(page, shop, photo, seconds=0.5)
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name=READY)).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("vton-badge")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("link", name=re.compile("Try it on"))).to_be_visible()
    expect(page.locator("vton-badge")).to_have_count(0)


def test_another_result_that_is_seen_silences_no_badge(
    page: Page, context: BrowserContext, shop: RunningShop
) -> None:
    rendered(context, shop, "clara-dress", phone_photo(shade=9))
    shop.gateway.scenario(seconds=600)
    visit(page, shop, "linen-shirt")
    touch(page)
    try_on_model(page, "Noa", previews="3")
    expect(page.locator("#state")).to_have_text(RUNNING)
    page.get_by_role("button", name="Keep shopping").click()
    badge = page.locator("vton-badge")
    expect(badge).to_have_text(RUNNING)
    visit(page, shop, "clara-dress")
    expect(badge).to_have_text(RUNNING)
    touch(page, READY)
    expect(page.locator("#after")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(badge).to_have_text(RUNNING)


def test_a_second_tab_waits_with_the_first(page: Page, shop: RunningShop, photo: Path) -> None:
    order(page, shop, photo, seconds=5)
    second = page.context.new_page()
    second.goto(page.url)
    second.get_by_role("link", name=re.compile("Try it on")).click()
    expect(second.locator("#progress")).to_be_visible()

    for tab in (page, second):
        expect(tab.locator("#after")).to_be_visible(timeout=SOON)
    assert len(shop.gateway.ledger.entries) == 1


def test_back_and_forth_shows_the_latest_at_once(page: Page, shop: RunningShop, photo: Path) -> None:
    order(page, shop, photo, seconds=0.5)
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Close").click()
    page.get_by_role("link", name="Lindenhof").click()
    page.go_back()
    page.get_by_role("link", name=re.compile("Try it on")).click()
    expect(page.locator("#after")).to_be_visible()
    assert len(shop.gateway.ledger.entries) == 1


def test_a_canceled_one_is_not_told_of(page: Page, shop: RunningShop, photo: Path) -> None:
    order(page, shop, photo, seconds=20)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", name=CHOOSE)).to_be_visible()
    page.get_by_role("button", name="Close").click()
    page.reload()
    expect(page.get_by_role("link", name=re.compile("Try it on"))).to_be_visible()
    expect(page.locator("vton-badge")).to_have_count(0)


def test_it_asks_as_often_as_the_shop_says(page: Page, shop: RunningShop, photo: Path) -> None:
    asked: list[tuple[float, Response]] = []
    page.on("response", lambda it: asked.append((time.monotonic(), it)) if POLL.search(it.url) else None)
    order(page, shop, photo, seconds=6)
    expect(page.locator("#after")).to_be_visible(timeout=SOON)

    assert [it.status for _at, it in asked].count(304) >= 1
    for (before, answer), (after, _next) in pairwise(asked):
        wished = float(answer.headers.get("retry-after", "0"))
        assert after - before > wished - 0.2
    assert "if-none-match" in asked[1][1].request.headers


def test_a_hidden_tab_does_not_ask(page: Page, shop: RunningShop, photo: Path) -> None:
    order(page, shop, photo, seconds=3)
    page.evaluate(HIDE, True)
    page.wait_for_timeout(4000)  # The call under way and its pause may end.
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if POLL.search(request.url) else None)
    page.wait_for_timeout(4000)
    assert asked == []
    expect(page.locator("#progress")).to_be_visible()

    page.evaluate(HIDE, False)
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
