"""The network goes away in each phase, or the token is rotated: the page goes on by itself, and pays once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .steps import CHOOSE, READY, RUNNING, SOON
from .test_newcomer import open_dialog, send

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page, Route

    from tests.running import RunningShop

pytestmark = pytest.mark.browser

LOST = re.compile("You're offline. We'll continue when you're back")


@pytest.fixture
def page(lossy_page: Page) -> Page:
    return lossy_page


@pytest.fixture(autouse=True)
def ledger(shop: RunningShop) -> None:
    shop.gateway.reset()


def paid(shop: RunningShop) -> int:
    return len(shop.gateway.ledger.entries)


def test_before_the_dialog_was_ever_opened(page: Page, context: BrowserContext, shop: RunningShop) -> None:
    page.goto(shop.url)
    page.get_by_role("link", name=re.compile("linen shirt")).first.click()
    here = page.url
    context.set_offline(True)
    page.get_by_role("link", name=re.compile("Try it on")).click()
    expect(page.locator("vton-badge")).to_have_text(LOST)

    context.set_offline(False)
    expect(page.get_by_role("heading", name=CHOOSE)).to_be_visible()
    expect(page.locator("vton-badge")).to_have_count(0)
    assert page.url == here


def test_while_the_dialog_loads(page: Page, shop: RunningShop) -> None:
    page.route("**/api/start/*", lambda route: route.abort("internetdisconnected"))
    page.goto(shop.url)
    page.get_by_role("link", name=re.compile("linen shirt")).first.click()
    page.get_by_role("link", name=re.compile("Try it on")).click()
    expect(page.locator("#offline")).to_be_visible()

    page.unroute("**/api/start/*")
    expect(page.get_by_role("heading", name=CHOOSE)).to_be_visible()
    expect(page.locator("#offline")).to_be_hidden()


def test_while_the_photo_is_sent(page: Page, context: BrowserContext, shop: RunningShop, photo: Path) -> None:
    open_dialog(page, shop, "linen shirt")
    context.set_offline(True)
    send(page, photo)
    expect(page.locator("#offline")).to_have_text(LOST)
    assert paid(shop) == 0

    context.set_offline(False)
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    expect(page.locator("#offline")).to_be_hidden()
    assert paid(shop) == 1


def test_the_answer_to_the_order_is_lost(page: Page, shop: RunningShop, photo: Path) -> None:
    """The shop has it, the page cannot know: the same order goes out again under its key."""
    keys: list[str] = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            route.continue_()
            return
        assert route.fetch().status == 202
        route.abort("connectionreset")

    open_dialog(page, shop, "Clara")
    page.route(re.compile(r"/api/try-ons/(\?.*)?$"), lose_the_first)
    send(page, photo)
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert paid(shop) == 1


def test_while_it_is_being_made(page: Page, context: BrowserContext, shop: RunningShop, photo: Path) -> None:
    open_dialog(page, shop, "linen shirt")
    send(page, photo)
    expect(page.locator("#state")).to_contain_text(RUNNING)
    context.set_offline(True)
    expect(page.locator("#offline")).to_have_text(LOST)
    expect(page.locator("#progress")).to_be_visible()

    context.set_offline(False)
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    assert paid(shop) == 1


def test_while_a_result_is_judged(
    page: Page, context: BrowserContext, shop: RunningShop, photo: Path
) -> None:
    open_dialog(page, shop, "linen shirt")
    send(page, photo)
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    context.set_offline(True)
    page.locator("#like").click()
    expect(page.locator("#offline")).to_have_text(LOST)

    with page.expect_response(re.compile("/feedback/")) as answer:
        context.set_offline(False)
    assert answer.value.status == 200
    expect(page.locator("#offline")).to_be_hidden()
    expect(page.locator("#like")).to_have_attribute("aria-pressed", "true")


def test_a_badge_outlives_it(page: Page, context: BrowserContext, shop: RunningShop, photo: Path) -> None:
    open_dialog(page, shop, "linen shirt")
    send(page, photo)
    expect(page.locator("#state")).to_contain_text(RUNNING)
    page.get_by_role("button", name="Keep shopping").click()
    expect(page.locator("vton-badge")).to_have_text(RUNNING)
    with page.expect_event("requestfailed"):
        context.set_offline(True)
    context.set_offline(False)
    expect(page.locator("vton-badge")).to_contain_text(READY, timeout=SOON)
    assert paid(shop) == 1


def test_a_login_elsewhere_rotates_the_token(
    page: Page, context: BrowserContext, shop: RunningShop, photo: Path
) -> None:
    starts: list[str] = []
    page.on("request", lambda request: starts.append(request.url) if "/api/start/" in request.url else None)
    open_dialog(page, shop, "linen shirt")
    assert len(starts) == 1
    context.add_cookies([{"name": "csrftoken", "value": "r" * 32, "url": shop.url}])
    send(page, photo)
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    assert len(starts) == 2
    assert paid(shop) == 1
