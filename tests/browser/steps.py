"""What tests of the dialog do again and again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from playwright.sync_api import BrowserContext, Locator, Page, Request, expect

if TYPE_CHECKING:
    from tests.running import RunningShop

SOON = 30_000
CHOOSE, CHOOSE_FACE = "Add a photo of yourself", "Add a photo of your face"
READY = "Your look is ready"
FAILED = "Something went wrong"
RUNNING = re.compile("You're in the queue|Creating your look…")
ORDERS = re.compile(r"/try-on/api/try-ons/(\?|$)")


def visit(page: Page, shop: RunningShop, slug: str) -> None:
    page.goto(f"{shop.url}/products/{slug}/")


def button(page: Page) -> Locator:
    return page.get_by_role("link", name=re.compile("Try it on"))


def heading(page: Page, name: str) -> None:
    """The view that the shopper is in."""
    expect(page.get_by_role("dialog").get_by_role("heading", name=name, exact=True)).to_be_visible(
        timeout=SOON
    )


def touch(page: Page, then: str = CHOOSE) -> None:
    button(page).click()
    heading(page, then)


def try_on_model(page: Page, name: str, previews: str = "") -> None:
    """Sends a house model's photo, which needs no consent.

    A render is shared by all who ask for the same: another number of `previews` makes a new one.
    """
    page.get_by_role("button", name=name).click()
    if previews:
        page.get_by_label("Number of previews").select_option(previews)
    page.locator("#order").get_by_role("button", name="Try it on").click()


def orders(page: Page) -> list[Request]:
    """All POSTs of try-ons from now on."""
    seen: list[Request] = []

    def look(request: Request) -> None:
        if request.method == "POST" and ORDERS.search(request.url):
            seen.append(request)

    page.on("request", look)
    return seen


def quick(shop: RunningShop, **scenario: Any) -> None:
    """Renders without waiting, from now on; `scenario` is the next one's."""
    shop.gateway.reset()
    if scenario:
        shop.gateway.scenario(seconds=0, **scenario)
    shop.gateway.scenario(seconds=0, times=None)


def rendered(context: BrowserContext, shop: RunningShop, slug: str, photo: bytes, **fields: Any) -> Any:
    """A finished try-on of this browser's shopper, asked for without a browser."""
    shopper, product = shop.shopper(), shop.product(slug)
    accepted = shopper.ask(product, photo, consent="true", **fields)
    assert accepted.status_code in {200, 202}, accepted.text
    session = shopper.http.cookies["sessionid"]
    context.add_cookies([{"name": "sessionid", "value": session, "url": shop.url}])
    return shopper.wait(accepted.json()["id"])


def share(page: Page) -> float:
    """How much of the photo is seen: 0 is the result alone."""
    return float(page.locator("#stage").evaluate("it => getComputedStyle(it).getPropertyValue('--share')"))


def drag(page: Page, to: float) -> None:
    """The divider, by mouse, to this part of the picture's width."""
    handle, stage = page.locator("#handle").bounding_box(), page.locator("#stage").bounding_box()
    assert handle
    assert stage
    middle = stage["y"] + stage["height"] / 2
    page.mouse.move(handle["x"] + handle["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(stage["x"] + stage["width"] * to, middle, steps=5)
    page.mouse.up()


def slide(page: Page, *points: tuple[float, float]) -> None:
    """One finger from point to point."""
    devtools = page.context.new_cdp_session(page)
    for kind, (x, y) in zip(["touchStart", *["touchMove"] * len(points)], points, strict=False):
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
