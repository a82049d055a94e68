"""What stands between a browser and the shop: blocked cookies, proxies, firewalls, and impatience."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect

from .steps import FAILED, ORDERS, READY, heading, orders, touch, try_on_model, visit

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_gateway")]

NGINX = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr>nginx</body></html>"


@pytest.fixture
def page(lossy_page: Page) -> Page:
    return lossy_page


def without_cookies(route: Route) -> None:
    """As between a browser that keeps none, and its server."""
    request = route.request
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    answer = httpx.request(request.method, request.url, headers=headers, content=request.post_data_buffer)
    dropped = {"set-cookie", "content-encoding", "content-length"}
    kept = {name: value for name, value in answer.headers.items() if name not in dropped}
    route.fulfill(status=answer.status_code, headers=kept, body=answer.content)


BLOCKED = "Object.defineProperty(Navigator.prototype, 'cookieEnabled', { get: () => false })"


@pytest.mark.parametrize("tells", [True, False], ids=["the browser says so", "the browser keeps it quiet"])
def test_blocked_cookies_are_told_before_anything_is_sent(page: Page, shop: RunningShop, tells: bool) -> None:
    if tells:
        page.add_init_script(BLOCKED)
    else:
        page.route(re.compile("^http://127"), without_cookies)
    sent = orders(page)
    visit(page, shop, "linen-shirt")
    touch(page, FAILED)
    expect(page.get_by_role("alert")).to_contain_text("Your browser blocks cookies for this shop")
    expect(page.get_by_role("alert")).to_contain_text("Nothing was sent.")
    for name in ("Try again", "Choose another photo"):
        expect(page.get_by_role("dialog").get_by_role("button", name=name)).to_have_count(0)
    assert not any(int(request.all_headers().get("content-length", 0)) for request in sent)


FOREIGN = [
    (413, "The shop's server doesn't accept a file this large.", "choose", False),
    (403, "The shop's security filter blocked this request.", "error", False),
    (429, "The shop is very busy right now.", "error", True),
    (404, "This is on us, not on you.", "error", True),
]


@pytest.mark.parametrize(("status", "sentence", "view", "retryable"), FOREIGN)
def test_a_page_of_a_proxy_has_a_sentence_of_its_own(
    page: Page, shop: RunningShop, photo: Path, status: int, sentence: str, view: str, retryable: bool
) -> None:
    sent = orders(page)
    page.route(
        ORDERS,
        lambda route: route.fulfill(status=status, body=NGINX.format(status), content_type="text/html"),
    )
    visit(page, shop, "linen-shirt")
    touch(page)
    page.locator("#file").set_input_files(photo)
    page.locator("#consent").check()
    page.locator("#order .primary").click()
    expect(page.locator(f"#{view}-problem")).to_contain_text(sentence)
    expect(page.locator("#retry")).to_be_visible(visible=retryable)
    assert len(sent) == 1, "a photo is not sent once more by itself"


# As a browser says when the network is back.
HURRY = "() => dispatchEvent(new Event('online'))"


def test_who_answers_like_no_shop_for_long_is_given_up(page: Page, shop: RunningShop) -> None:
    keys: list[str] = []

    def bad_gateway(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.fulfill(status=502, body=NGINX.format("502 Bad Gateway"), content_type="text/html")

    page.route(ORDERS, bad_gateway)
    visit(page, shop, "linen-shirt")
    touch(page)
    try_on_model(page, "Noa", previews="2")
    while not page.locator("#error-problem").is_visible():
        page.evaluate(HURRY)
        expect(page.locator("#offline")).to_be_hidden()  # The network is there.
    expect(page.locator("#error-problem")).to_contain_text("The shop's server isn't responding.")
    assert len(keys) == 4

    # The shop may have heard it after all: the same order.
    page.unroute(ORDERS)
    with page.expect_request(ORDERS) as order:
        page.get_by_role("button", name="Try again").click()
    heading(page, READY)
    assert {order.value.headers["idempotency-key"]} == set(keys)
    assert len(shop.gateway.ledger.entries) == 1


@pytest.mark.parametrize("how", ["double click", "click and Enter"])
def test_a_hasty_finger_orders_once(page: Page, shop: RunningShop, how: str) -> None:
    sent = orders(page)
    visit(page, shop, "clara-dress")
    touch(page)
    page.get_by_role("button", name="Noa").click()
    if how == "double click":
        page.locator("#order .primary").dblclick()
    else:
        page.locator("#order").evaluate("it => { it.requestSubmit(); it.requestSubmit(); }")
    heading(page, READY)
    assert len(sent) == 1
    assert len(shop.gateway.ledger.entries) <= 1  # Another test may have had this one rendered.
