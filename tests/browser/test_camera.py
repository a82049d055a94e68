"""A photo taken by the camera, and why the camera may not be available."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.live_shop import CHROMIUM

from .actions import CHOOSE, CHOOSE_FACE, TIMEOUT_MS, expect_heading, open_dialog, open_product_page, order
from .conftest import CHROMIUM_FLAGS

if TYPE_CHECKING:
    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]

FAKE_CAMERA_FLAG = "--use-fake-device-for-media-stream"
STEP_BACK = "Step back until you fit into the frame"

IS_PLAYING = """async it => {
    const canvas = document.createElement("canvas");
    const snapshot = () => {
        canvas.getContext("2d").drawImage(it, 0, 0, canvas.width, canvas.height);
        return canvas.toDataURL();
    };
    const next = () => new Promise((resolve) => it.requestVideoFrameCallback(resolve));
    for (const first = snapshot(); snapshot() === first; ) await next();
    return it.videoWidth;
}"""
STORE_TRACK = "it => (window.track = it.srcObject.getTracks()[0]).readyState"
IS_OFF = "() => window.track?.readyState === 'ended'"


def test_a_photo_is_taken_and_sent(page: Page, shop: RunningShop) -> None:
    page.context.grant_permissions(["camera"])
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.get_by_role("button", name="Use the camera").click()
    expect_heading(page, STEP_BACK)
    video = page.locator("video")
    assert video.evaluate(IS_PLAYING) > 300
    assert video.evaluate(STORE_TRACK) == "live"

    page.get_by_role("button", name="Take the photo").click()
    expect_heading(page, "Use this photo?")
    page.wait_for_function(IS_OFF)
    shown = page.locator("#preview canvas").evaluate(
        "it => it.getContext('2d').getImageData(5, 5, 1, 1).data[3]"
    )
    assert shown == 255
    page.locator("#consent").check()
    order(page)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)


@pytest.mark.parametrize("button_or_key", ["Back", "Escape"])
def test_leaving_the_view_turns_the_camera_off(page: Page, shop: RunningShop, button_or_key: str) -> None:
    page.context.grant_permissions(["camera"])
    open_product_page(page, shop, "otto-glasses")
    open_dialog(page, CHOOSE_FACE)
    page.get_by_role("button", name="Use the camera").click()
    expect_heading(page, "Fit your face into the frame")
    expect(page.locator(".camera .frame")).to_have_css("border-radius", "50%")
    page.locator("video").evaluate(IS_PLAYING)
    assert page.locator("video").evaluate(STORE_TRACK) == "live"
    if button_or_key == "Back":
        page.get_by_role("button", name=button_or_key).click()
        expect_heading(page, CHOOSE_FACE)
    else:
        page.keyboard.press(button_or_key)
        expect(page.get_by_role("dialog")).to_have_count(0)
    page.wait_for_function(IS_OFF)


SLOW_PERMISSION = """
const devices = navigator.mediaDevices;
const open = devices.getUserMedia.bind(devices);
devices.getUserMedia = async (constraints) => {
    await new Promise((resolve) => (window.grant = resolve));
    const stream = await open(constraints);
    window.track = stream.getTracks()[0];
    return stream;
};
"""


def test_permission_granted_after_leaving_the_view_keeps_the_camera_off(
    page: Page, shop: RunningShop
) -> None:
    page.context.grant_permissions(["camera"])
    page.add_init_script(SLOW_PERMISSION)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Back").click()
    page.wait_for_function("() => Boolean(window.grant)")
    page.evaluate("window.grant()")
    page.wait_for_function(IS_OFF)
    expect_heading(page, CHOOSE)


def expect_camera_problem(page: Page, shop: RunningShop, message: str) -> None:
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.get_by_role("button", name="Use the camera").click()
    expect(page.get_by_role("alert")).to_contain_text(message)
    expect_heading(page, CHOOSE)


def test_a_denied_permission_is_explained(page: Page, shop: RunningShop) -> None:
    expect_camera_problem(
        page, shop, "Your browser blocks the camera on this page. Allow it in the browser's settings"
    )


def test_a_permissions_policy_without_camera_is_explained(context: BrowserContext, shop: RunningShop) -> None:
    def forbid(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, headers={**response.headers, "permissions-policy": "camera=()"})

    context.grant_permissions(["camera"])
    page = context.new_page()  # Chromium logs the policy as an error, which the page fixture forbids.
    page.route("**/products/*/", forbid)
    expect_camera_problem(page, shop, "This page can't use the camera.")


def test_a_missing_camera_is_explained(browser: Browser, shop: RunningShop) -> None:
    without = browser.browser_type.launch(
        executable_path=CHROMIUM, args=[*CHROMIUM_FLAGS, f"{FAKE_CAMERA_FLAG}=device-count=0"]
    )
    page = without.new_page()
    page.context.grant_permissions(["camera"])
    expect_camera_problem(page, shop, "We couldn't find a camera.")
    without.close()
