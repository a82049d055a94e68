"""If the network is lost in any phase, or the CSRF token rotated, the page continues and pays only once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from .actions import (
    CHOOSE,
    READY,
    RUNNING,
    TIMEOUT_MS,
    open_dialog_from_list,
    open_product_from_list,
    send_photo,
    tryon_button,
)

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import BrowserContext, Page, Route

    from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser

OFFLINE = re.compile("You're offline. We'll continue when you're back")


@pytest.fixture
def page(page_with_failing_requests: Page) -> Page:
    return page_with_failing_requests


@pytest.fixture(autouse=True)
def reset_gateway(shop: RunningShop) -> None:
    shop.gateway.reset()


def paid_renders(shop: RunningShop) -> int:
    return len(shop.gateway.ledger.entries)


def test_network_lost_before_the_dialog_is_opened(
    page: Page, context: BrowserContext, shop: RunningShop
) -> None:
    open_product_from_list(page, shop, "linen shirt")
    product_url = page.url
    context.set_offline(True)
    tryon_button(page).click()
    expect(page.locator("vton-badge")).to_have_text(OFFLINE)

    context.set_offline(False)
    expect(page.get_by_role("heading", name=CHOOSE)).to_be_visible()
    expect(page.locator("vton-badge")).to_have_count(0)
    assert page.url == product_url


def test_network_lost_while_the_dialog_loads(page: Page, shop: RunningShop) -> None:
    page.route("**/api/start/*", lambda route: route.abort("internetdisconnected"))
    open_product_from_list(page, shop, "linen shirt")
    tryon_button(page).click()
    expect(page.locator("#offline")).to_be_visible()

    page.unroute("**/api/start/*")
    expect(page.get_by_role("heading", name=CHOOSE)).to_be_visible()
    expect(page.locator("#offline")).to_be_hidden()


def test_network_lost_while_the_photo_is_sent(
    page: Page, context: BrowserContext, shop: RunningShop, photo: Path
) -> None:
    open_dialog_from_list(page, shop, "linen shirt")
    context.set_offline(True)
    send_photo(page, photo)
    expect(page.locator("#offline")).to_have_text(OFFLINE)
    assert paid_renders(shop) == 0

    context.set_offline(False)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.locator("#offline")).to_be_hidden()
    assert paid_renders(shop) == 1


def test_after_a_lost_answer_the_order_is_sent_again_under_its_key(
    page: Page, shop: RunningShop, photo: Path
) -> None:
    """The shop has accepted the order, but the page cannot know it."""
    keys: list[str] = []

    def lose_first_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) > 1:
            route.continue_()
            return
        assert route.fetch().status == 202
        route.abort("connectionreset")

    open_dialog_from_list(page, shop, "Clara")
    page.route(re.compile(r"/api/try-ons/(\?.*)?$"), lose_first_answer)
    send_photo(page, photo)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    assert len(keys) == 2
    assert keys[0] == keys[1]
    assert paid_renders(shop) == 1


def test_network_lost_during_the_render(
    page: Page, context: BrowserContext, shop: RunningShop, photo: Path
) -> None:
    open_dialog_from_list(page, shop, "linen shirt")
    send_photo(page, photo)
    expect(page.locator("#state")).to_contain_text(RUNNING)
    context.set_offline(True)
    expect(page.locator("#offline")).to_have_text(OFFLINE)
    expect(page.locator("#progress")).to_be_visible()

    context.set_offline(False)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    assert paid_renders(shop) == 1


def test_network_lost_while_feedback_is_sent(
    page: Page, context: BrowserContext, shop: RunningShop, photo: Path
) -> None:
    open_dialog_from_list(page, shop, "linen shirt")
    send_photo(page, photo)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    context.set_offline(True)
    page.locator("#like").click()
    expect(page.locator("#offline")).to_have_text(OFFLINE)

    with page.expect_response(re.compile("/feedback/")) as answer:
        context.set_offline(False)
    assert answer.value.status == 200
    expect(page.locator("#offline")).to_be_hidden()
    expect(page.locator("#like")).to_have_attribute("aria-pressed", "true")


def test_the_badge_survives_a_lost_network(
    page: Page, context: BrowserContext, shop: RunningShop, photo: Path
) -> None:
    open_dialog_from_list(page, shop, "linen shirt")
    send_photo(page, photo)
    expect(page.locator("#state")).to_contain_text(RUNNING)
    page.get_by_role("button", name="Keep shopping").click()
    expect(page.locator("vton-badge")).to_have_text(RUNNING)
    with page.expect_event("requestfailed"):
        context.set_offline(True)
    context.set_offline(False)
    expect(page.locator("vton-badge")).to_contain_text(READY, timeout=TIMEOUT_MS)
    assert paid_renders(shop) == 1


def test_an_order_is_sent_again_after_a_login_elsewhere_rotated_the_token(
    page: Page, context: BrowserContext, shop: RunningShop, photo: Path
) -> None:
    starts: list[str] = []
    page.on("request", lambda request: starts.append(request.url) if "/api/start/" in request.url else None)
    open_dialog_from_list(page, shop, "linen shirt")
    assert len(starts) == 1
    context.add_cookies([{"name": "csrftoken", "value": "r" * 32, "url": shop.url}])
    send_photo(page, photo)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    assert len(starts) == 2
    assert paid_renders(shop) == 1
