"""Blocked cookies, answers of proxies and firewalls, retries, and double clicks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from .actions import (
    CHOOSE,
    FAILED,
    ORDER_URL,
    READY,
    USE_PHOTO,
    expect_heading,
    open_dialog,
    open_product_page,
    order,
    record_orders,
    try_on_model,
)

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]

NGINX = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr>nginx</body></html>"


@pytest.fixture
def page(page_with_failing_requests: Page) -> Page:
    return page_with_failing_requests


def drop_cookies(route: Route) -> None:
    """Remove all cookies from the request and the answer."""
    request = route.request
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    answer = httpx.request(request.method, request.url, headers=headers, content=request.post_data_buffer)
    dropped = {"set-cookie", "content-encoding", "content-length"}
    kept = {name: value for name, value in answer.headers.items() if name not in dropped}
    route.fulfill(status=answer.status_code, headers=kept, body=answer.content)


COOKIES_DISABLED = "Object.defineProperty(Navigator.prototype, 'cookieEnabled', { get: () => false })"


@pytest.mark.parametrize("is_announced", [True, False], ids=["announced by the browser", "not announced"])
def test_blocked_cookies_are_explained_before_anything_is_sent(
    page: Page, shop: RunningShop, is_announced: bool
) -> None:
    if is_announced:
        page.add_init_script(COOKIES_DISABLED)
    else:
        page.route(re.compile("^http://127"), drop_cookies)
    sent = record_orders(page)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page, FAILED)
    expect(page.get_by_role("alert")).to_contain_text("Your browser blocks cookies for this shop")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was sent.")
    for name in ("Try again", "Choose another photo"):
        expect(page.get_by_role("dialog").get_by_role("button", name=name)).to_have_count(0)
    assert not any(int(request.all_headers().get("content-length", 0)) for request in sent)


PROXY_ANSWERS = [
    (413, "The shop's server doesn't accept a file this large.", "choose", False),
    (403, "The shop's security filter blocked this request.", "error", False),
    (429, "The shop is very busy right now.", "error", True),
    (404, "This is on us, not on you.", "error", True),
]


@pytest.mark.parametrize(("status", "message", "view", "is_retryable"), PROXY_ANSWERS)
def test_a_proxys_refusal_has_its_own_message_and_is_not_retried_automatically(
    page: Page, shop: RunningShop, photo: Path, status: int, message: str, view: str, is_retryable: bool
) -> None:
    sent = record_orders(page)
    page.route(
        ORDER_URL,
        lambda route: route.fulfill(status=status, body=NGINX.format(status), content_type="text/html"),
    )
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.locator("#file").set_input_files(photo)
    page.locator("#consent").check()
    order(page)
    expect(page.locator(f"#{view}-problem")).to_contain_text(message)
    expect(page.locator("#retry")).to_be_visible(visible=is_retryable)
    assert len(sent) == 1, "a photo is not sent again automatically"


# What a browser dispatches when the network is back. It ends the pause before a retry.
SKIP_PAUSE = "() => dispatchEvent(new Event('online'))"


def order_behind_bad_gateway(page: Page, shop: RunningShop) -> list[str]:
    """Order while a proxy answers 502, until the dialog gives up. Return the requests' idempotency keys."""
    keys: list[str] = []

    def bad_gateway(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.fulfill(status=502, body=NGINX.format("502 Bad Gateway"), content_type="text/html")

    page.route(ORDER_URL, bad_gateway)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    try_on_model(page, "Noa", previews="2")
    problem = page.locator("#error-problem")
    while not problem.is_visible() and len(keys) < 9:
        page.evaluate(SKIP_PAUSE)
        expect(page.locator("#offline")).to_be_hidden()  # The network is available.
    expect(problem).to_contain_text("The shop's server isn't responding.")
    page.unroute(ORDER_URL)
    return keys


def test_after_three_retries_behind_a_broken_proxy_the_dialog_gives_up(page: Page, shop: RunningShop) -> None:
    assert len(order_behind_bad_gateway(page, shop)) == 4


def test_try_again_repeats_the_order_under_its_idempotency_key(page: Page, shop: RunningShop) -> None:
    """The shop may have accepted the order although its answer was lost."""
    keys = order_behind_bad_gateway(page, shop)
    with page.expect_request(ORDER_URL) as repeated:
        page.get_by_role("button", name="Try again").click()
    expect_heading(page, READY)
    assert {repeated.value.headers["idempotency-key"]} == set(keys)
    assert len(shop.gateway.ledger.entries) == 1


@pytest.mark.parametrize("how", ["double click", "two submits"])
def test_a_double_click_on_the_order_button_orders_once(page: Page, shop: RunningShop, how: str) -> None:
    sent = record_orders(page)
    open_product_page(page, shop, "clara-dress")
    open_dialog(page)
    page.get_by_role("button", name="Noa").click()
    if how == "double click":
        page.locator("#order .primary").dblclick()
    else:
        page.locator("#order").evaluate("it => { it.requestSubmit(); it.requestSubmit(); }")
    expect_heading(page, READY)
    assert len(sent) == 1
    assert len(shop.gateway.ledger.entries) <= 1  # Another test may have ordered the same render.


def test_the_second_click_of_a_double_click_does_nothing_in_the_next_view(
    page: Page, shop: RunningShop
) -> None:
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.get_by_role("button", name="Noa").click()
    expect_heading(page, USE_PHOTO)
    back = page.get_by_role("button", name="Choose another photo")
    back.hover()
    page.mouse.down(click_count=2)
    page.mouse.up(click_count=2)
    expect_heading(page, USE_PHOTO)
    back.click()
    expect_heading(page, CHOOSE)
