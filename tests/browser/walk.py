"""One walk of a shopper through every state of the dialog, of the badge and of the pages."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image
from playwright.sync_api import expect

from tests.running import MANAGE, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.running import RunningShop

SOON = 30_000
RUNNING = "SELECT count(*) FROM vton_tryonrequest WHERE state NOT IN ('completed', 'failed', 'canceled')"


def portrait() -> bytes:
    """The drawn model, mirrored and nearer: a photo that is not a house model's."""
    with Image.open(MANAGE.parent / "assets" / "model-noa.jpg") as drawn:
        near = drawn.transpose(Image.Transpose.FLIP_LEFT_RIGHT).crop((90, 30, 810, 1110))
    out = io.BytesIO()
    near.save(out, "JPEG", quality=90)
    return out.getvalue()


PLAYS = "video => video.readyState > 1 || new Promise(resolve => video.addEventListener('canplay', resolve))"


class Walk:
    """Each part goes on from where the last one ended, and yields the name of each state that it passes."""

    def __init__(self, page: Page, shop: RunningShop, photo: Path) -> None:
        self.page, self.shop, self.photo = page, shop, photo
        self.number = shop.product("linen-shirt")

    def __iter__(self) -> Iterator[str]:
        self.shop.gateway.reset()
        self.page.goto(f"{self.shop.url}/products/linen-shirt/")
        yield "product"
        for part in (self.choosing, self.waiting, self.result, self.failing, self.pages):
            yield from part()

    def do(self, action: str) -> None:
        self.page.locator(f"[data-view]:not([hidden]) [data-do={action}]").first.click()

    def view(self, name: str) -> None:
        expect(self.page.locator(f"[data-view={name}]")).to_be_visible(timeout=SOON)

    def open(self) -> None:
        self.page.locator(".vton-button").click()

    def close(self) -> None:
        self.page.locator("dialog [data-do=close]").first.click()
        expect(self.page.locator("dialog")).to_be_hidden()

    def order(self) -> None:
        self.page.locator("#order .primary").click()

    def leave(self) -> None:
        """Order, go on shopping, and be on another page when it is over."""
        self.order()
        expect(self.page.locator("#typical")).to_be_visible(timeout=SOON)
        self.close()
        until(lambda: self.shop.sql(RUNNING) == [(0,)], "the render is over")
        self.page.reload()
        expect(self.page.locator("vton-badge button")).to_be_visible(timeout=SOON)

    def choosing(self) -> Iterator[str]:
        context = self.page.context
        context.clear_permissions()
        self.open()
        self.view("choose")
        yield "choose"
        if self.page.locator("#phone").is_visible():
            self.do("phone")
            expect(self.page.locator("#phone-code")).to_be_visible()
            yield "phone"
            self.do("back")
        self.do("camera")
        expect(self.page.locator("#choose-problem")).to_be_visible()
        yield "camera-denied"
        context.grant_permissions(["camera"])
        self.do("camera")
        self.view("camera")
        self.page.locator("#video").evaluate(PLAYS)
        yield "camera"
        self.do("snap")
        self.view("check")
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
        self.view("waiting")
        expect(self.page.locator("#typical")).to_be_visible()
        yield "waiting"
        self.page.context.set_offline(True)
        expect(self.page.locator("#offline")).to_be_visible(timeout=SOON)
        yield "offline"
        self.page.context.set_offline(False)
        self.close()
        self.page.reload()
        badge = self.page.locator("vton-badge a")
        expect(badge).to_be_visible(timeout=SOON)
        yield "badge-running"
        badge.click()
        self.view("waiting")
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
        self.view("choose")
        expect(self.page.locator("#own-photos img")).to_be_visible()
        yield "choose-kept"
        self.page.locator("#own-photos .card").click()
        self.page.locator("[name=num_samples]").select_option("3")
        yield "check-kept"
        self.shop.gateway.scenario(seconds=0.5)
        self.leave()
        yield "badge-ready"
        self.open()
        self.view("result")
        self.page.locator("#compare").fill("45")
        yield "result"
        self.do("dislike")
        expect(self.page.locator("#why")).to_be_visible()
        yield "reasons"
        self.do("delete")
        expect(self.page.locator("#sure")).to_be_visible()
        yield "delete-asked"
        self.do("again")
        self.view("choose")

    def failing(self) -> Iterator[str]:
        self.shop.gateway.scenario(
            outcome="FAILED", error="PoseError: no body found", times=None, seconds=0.5
        )
        self.page.locator("#house-photos .card").first.click()
        self.order()
        self.view("error")
        yield "error"
        self.do("again")
        self.page.locator("#house-photos .card").first.click()
        self.leave()
        yield "badge-failed"
        self.shop.gateway.reset()
        self.shop.sql("UPDATE vton_quota SET used = used + 1000")
        self.open()
        self.page.locator("[data-do=again]:visible").click()
        self.view("error")
        yield "quota"
        self.shop.sql("UPDATE vton_quota SET used = used - 1000")
        self.close()
        self.page.locator("vton-badge button").click()

    def pages(self) -> Iterator[str]:
        self.page.goto(f"{self.shop.url}/try-on/try/{self.number}/")
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
