"""Takes a page through every state of the dialog, the badge and the pages."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import expect

from tests.live_shop import MANAGE, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.live_shop import RunningShop

TIMEOUT_MS = 30_000
COUNT_RUNNING = (
    "SELECT count(*) FROM vton_tryonrequest WHERE state NOT IN ('completed', 'failed', 'canceled')"
)


def portrait() -> bytes:
    """Return a photo that differs from the house models: one of them, mirrored and cropped."""
    with Image.open(MANAGE.parent / "assets" / "model-noa.jpg") as original:
        mirrored = original.transpose(Image.Transpose.FLIP_LEFT_RIGHT).crop((90, 30, 810, 1110))
    out = io.BytesIO()
    mirrored.save(out, "JPEG", quality=90)
    return out.getvalue()


AWAIT_VIDEO = (
    "video => video.readyState > 1 || new Promise(resolve => video.addEventListener('canplay', resolve))"
)


class AllStates:
    """Iterates over the names of all states. Each part continues where the previous one ended."""

    def __init__(self, page: Page, shop: RunningShop, photo: Path) -> None:
        self.page, self.shop, self.photo = page, shop, photo
        self.product = shop.product("linen-shirt")
        # Earlier tests may have left try-ons whose renders the gateway no longer knows.
        self.left_running = self.count_running()

    def count_running(self) -> int:
        [(count,)] = self.shop.sql(COUNT_RUNNING)
        return int(count)

    def __iter__(self) -> Iterator[str]:
        self.shop.gateway.reset()
        self.page.goto(f"{self.shop.url}/products/linen-shirt/")
        yield "product"
        for part in (self.choosing, self.waiting, self.result, self.failing, self.pages):
            yield from part()

    def click_action(self, action: str) -> None:
        self.page.locator(f"[data-view]:not([hidden]) [data-do={action}]").first.click()

    def expect_view(self, name: str) -> None:
        expect(self.page.locator(f"[data-view={name}]")).to_be_visible(timeout=TIMEOUT_MS)

    def open(self) -> None:
        self.page.locator(".vton-button").click()

    def close(self) -> None:
        self.page.locator("dialog [data-do=close]").first.click()
        expect(self.page.locator("dialog")).to_be_hidden()

    def order(self) -> None:
        self.page.locator("#order .primary").click()

    def order_and_reload(self) -> None:
        """Order, close the dialog, and reload the page after the render has ended."""
        self.order()
        expect(self.page.locator("#typical")).to_be_visible(timeout=TIMEOUT_MS)
        self.close()
        wait_until(lambda: self.count_running() <= self.left_running, "the render is over")
        self.page.reload()
        expect(self.page.locator("vton-badge button")).to_be_visible(timeout=TIMEOUT_MS)

    def choosing(self) -> Iterator[str]:
        context = self.page.context
        context.clear_permissions()
        self.open()
        self.expect_view("choose")
        yield "choose"
        if self.page.locator("#phone").is_visible():
            self.click_action("phone")
            expect(self.page.locator("#phone-code")).to_be_visible()
            yield "phone"
            self.click_action("back")
        self.click_action("camera")
        expect(self.page.locator("#choose-problem")).to_be_visible()
        yield "camera-denied"
        context.grant_permissions(["camera"])
        self.click_action("camera")
        self.expect_view("camera")
        self.page.locator("#video").evaluate(AWAIT_VIDEO)
        yield "camera"
        self.click_action("snap")
        self.expect_view("check")
        self.page.locator("#file").set_input_files(self.photo)
        expect(self.page.locator("#preview canvas[height='1080']")).to_be_visible()
        yield "check"
        self.order()
        expect(self.page.locator("#check-problem")).to_be_visible()
        yield "consent-missing"

    def waiting(self) -> Iterator[str]:
        self.shop.gateway.scenario(seconds=600)
        self.page.locator("#consent").check()
        self.page.locator("#keep").check()
        self.order()
        self.expect_view("waiting")
        expect(self.page.locator("#typical")).to_be_visible()
        yield "waiting"
        self.page.context.set_offline(True)
        expect(self.page.locator("#offline")).to_be_visible(timeout=TIMEOUT_MS)
        yield "offline"
        self.page.context.set_offline(False)
        self.close()
        self.page.reload()
        badge = self.page.locator("vton-badge a")
        expect(badge).to_be_visible(timeout=TIMEOUT_MS)
        yield "badge-running"
        badge.click()
        self.expect_view("waiting")
        self.page.goto(f"{self.shop.url}/try-on/mine/")
        self.page.locator(".vton-entry").first.click()
        expect(self.page.locator(".vton-page progress")).to_be_visible()
        yield "page-running"
        self.page.locator("[name=action][value=cancel]").click()
        expect(self.page.locator(".vton-page progress")).to_be_hidden()
        yield "page-canceled"

    def result(self) -> Iterator[str]:
        self.page.goto(f"{self.shop.url}/products/linen-shirt/")
        self.open()
        self.expect_view("choose")
        expect(self.page.locator("#own-photos img")).to_be_visible()
        yield "choose-kept"
        self.page.locator("#own-photos .card").click()
        self.page.locator("[name=num_samples]").select_option("3")
        yield "check-kept"
        self.shop.gateway.scenario(seconds=0.5)
        self.order_and_reload()
        yield "badge-ready"
        self.open()
        self.expect_view("result")
        self.page.locator("#compare").fill("45")
        yield "result"
        self.click_action("dislike")
        expect(self.page.locator("#why")).to_be_visible()
        yield "reasons"
        self.click_action("delete")
        expect(self.page.locator("#sure")).to_be_visible()
        yield "delete-asked"
        self.click_action("again")
        self.expect_view("choose")

    def failing(self) -> Iterator[str]:
        # Other tests may have rendered this product on the same house model: a shared render cannot fail.
        self.shop.sql("UPDATE vton_tryonrequest SET cache_key = '', shared_key = NULL")
        self.shop.gateway.scenario(
            outcome="FAILED", error="PoseError: no body found", times=None, seconds=0.5
        )
        self.page.locator("#house-photos .card").first.click()
        self.order()
        self.expect_view("error")
        yield "error"
        self.click_action("again")
        self.page.locator("#house-photos .card").first.click()
        self.order_and_reload()
        yield "badge-failed"
        self.shop.gateway.reset()
        self.shop.sql("UPDATE vton_quota SET used = used + 1000")
        self.open()
        self.page.locator("[data-do=again]:visible").click()
        self.expect_view("error")
        yield "quota"
        self.shop.sql("UPDATE vton_quota SET used = used - 1000")
        self.close()
        self.page.locator("vton-badge button").click()

    def pages(self) -> Iterator[str]:
        self.page.goto(f"{self.shop.url}/try-on/try/{self.product}/")
        yield "page-try"
        self.page.locator(".vton-form .vton-primary").click()
        expect(self.page.locator(".vton-problems")).to_be_visible()
        yield "page-try-problems"
        self.page.goto(f"{self.shop.url}/try-on/mine/")
        yield "page-history"
        self.page.locator(".vton-entry:has(img)").click()
        expect(self.page.locator(".vton-result")).to_be_visible()
        yield "page-result"
        self.page.locator(".vton-tools a[href*=confirm]").click()
        expect(self.page.locator(".vton-danger")).to_be_visible()
        yield "page-delete"
        self.page.goto(f"{self.shop.url}/try-on/privacy/")
        yield "page-privacy"
