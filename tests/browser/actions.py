"""Actions and expectations that many tests of the dialog share."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from playwright.sync_api import BrowserContext, Error, Locator, Page, Request, expect

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live_shop import RunningShop

TIMEOUT_MS = 30_000
CHOOSE, CHOOSE_FACE = "Add a photo of yourself", "Add a photo of your face"
USE_PHOTO = "Use this photo?"
READY = "Your look is ready"
FAILED = "Something went wrong"
RUNNING = re.compile("You're in the queue|Creating your look…")
ORDER_URL = re.compile(r"/try-on/api/try-ons/(\?|$)")


def open_product_page(page: Page, shop: RunningShop, slug: str) -> None:
    page.goto(f"{shop.url}/products/{slug}/")


def open_product_from_list(page: Page, shop: RunningShop, product: str) -> None:
    page.goto(shop.url)
    page.get_by_role("link", name=re.compile(product)).first.click()
    page.wait_for_load_state()  # Until its script has run, the button is a plain link.


def take_screenshot(shown: Page | Locator) -> bytes:
    """Return a PNG. On a busy machine, Chromium sometimes captures nothing, so it is asked once more."""
    try:
        return shown.screenshot()
    except Error as error:
        if "Unable to capture screenshot" not in error.message:
            raise
        return shown.screenshot()


def tryon_button(page: Page) -> Locator:
    return page.get_by_role("link", name=re.compile("Try it on"))


def expect_heading(page: Page, name: str) -> None:
    """Wait until the dialog shows the view with this heading."""
    expect(page.get_by_role("dialog").get_by_role("heading", name=name, exact=True)).to_be_visible(
        timeout=TIMEOUT_MS
    )


def open_dialog(page: Page, heading: str = CHOOSE) -> None:
    tryon_button(page).click()
    expect_heading(page, heading)


def expect_open(page: Page) -> None:
    expect(page.locator("vton-dialog dialog")).to_be_visible()


def expect_closed(page: Page) -> None:
    expect(page.locator("vton-dialog")).to_have_count(0)


def open_dialog_from_list(page: Page, shop: RunningShop, product: str, heading: str = CHOOSE) -> None:
    open_product_from_list(page, shop, product)
    open_dialog(page, heading)


def send_photo(page: Page, photo: Path) -> None:
    page.locator("#file").set_input_files(photo)
    expect_heading(page, USE_PHOTO)
    assert not page.locator("#consent").is_checked()
    page.locator("#consent").check()
    order(page)


def order(page: Page) -> None:
    page.locator("#order").get_by_role("button", name="Try it on").click()


def try_on_model(page: Page, name: str, previews: str = "") -> None:
    """Order a try-on with a house model's photo, which needs no consent.

    Equal orders share one render. To get a new one, pass a number of `previews` that no other test uses for
    the product.
    """
    page.get_by_role("button", name=name).click()
    if previews:
        page.get_by_label("Number of previews").select_option(previews)
    order(page)


def record_orders(page: Page) -> list[Request]:
    """Return a list that grows by each POST of a try-on from now on."""
    seen: list[Request] = []

    def record(request: Request) -> None:
        if request.method == "POST" and ORDER_URL.search(request.url):
            seen.append(request)

    page.on("request", record)
    return seen


def render_instantly(shop: RunningShop, **scenario: Any) -> None:
    """Make all renders take no time from now on. `scenario` applies to the next one."""
    shop.gateway.reset()
    if scenario:
        shop.gateway.scenario(seconds=0, **scenario)
    shop.gateway.scenario(seconds=0, times=None)


def create_result(context: BrowserContext, shop: RunningShop, slug: str, photo: bytes, **fields: Any) -> Any:
    """Create a completed try-on by the API, and log the browser in as its shopper."""
    shopper, product = shop.shopper(), shop.product(slug)
    accepted = shopper.post_tryon(product, photo, consent="true", **fields)
    assert accepted.status_code in {200, 202}, accepted.text
    session = shopper.http.cookies["sessionid"]
    context.add_cookies([{"name": "sessionid", "value": session, "url": shop.url}])
    return shopper.wait_for_status(accepted.json()["id"])


def divider_position(page: Page) -> float:
    """Return the share of the photo that is visible: 0 shows only the result."""
    return float(page.locator("#stage").evaluate("it => getComputedStyle(it).getPropertyValue('--share')"))


def drag_divider(page: Page, to: float) -> None:
    """Drag the divider by mouse to this share of the picture's width."""
    handle, stage = page.locator("#handle").bounding_box(), page.locator("#stage").bounding_box()
    assert handle
    assert stage
    middle = stage["y"] + stage["height"] / 2
    page.mouse.move(handle["x"] + handle["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * to, middle, steps=5)
    page.mouse.up()


def swipe(page: Page, *points: tuple[float, float]) -> None:
    """Move one finger from point to point, where it rests before it is lifted.

    Otherwise the browser would continue the movement, and a tap meanwhile only stops that.
    """
    devtools = page.context.new_cdp_session(page)
    moves = [("touchStart", points[:1]), *(("touchMove", [point]) for point in [*points[1:], points[-1]])]
    began_at = time.time() - 0.2 * (len(moves) + 1)
    for number, (kind, touched) in enumerate([*moves, ("touchEnd", [])]):
        event = {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in touched]}
        devtools.send("Input.dispatchTouchEvent", {**event, "timestamp": began_at + 0.2 * number})
