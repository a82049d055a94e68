"""A photo by the camera: Chromium's own test picture, a browser without any, and pages that may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.running import CHROMIUM

from .conftest import FLAGS
from .steps import CHOOSE, CHOOSE_FACE, SOON, heading, touch, visit

if TYPE_CHECKING:
    from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_gateway")]

FAKE = "--use-fake-device-for-media-stream"
STEP_BACK = "Step back until you fit into the frame"

LIVE = """async it => {
    const canvas = document.createElement("canvas");
    const look = () => {
        canvas.getContext("2d").drawImage(it, 0, 0, canvas.width, canvas.height);
        return canvas.toDataURL();
    };
    const next = () => new Promise((resolve) => it.requestVideoFrameCallback(resolve));
    for (const first = look(); look() === first; ) await next();
    return it.videoWidth;
}"""
WATCH = "it => (window.track = it.srcObject.getTracks()[0]).readyState"
OFF = "() => window.track?.readyState === 'ended'"


def test_a_photo_is_taken_and_sent(page: Page, shop: RunningShop) -> None:
    page.context.grant_permissions(["camera"])
    visit(page, shop, "linen-shirt")
    touch(page)
    page.get_by_role("button", name="Use the camera").click()
    heading(page, STEP_BACK)
    video = page.locator("video")
    assert video.evaluate(LIVE) > 300
    assert video.evaluate(WATCH) == "live"

    page.get_by_role("button", name="Take the photo").click()
    heading(page, "Use this photo?")
    page.wait_for_function(OFF)
    shown = page.locator("#preview canvas").evaluate(
        "it => it.getContext('2d').getImageData(5, 5, 1, 1).data[3]"
    )
    assert shown == 255
    page.locator("#consent").check()
    page.locator("#order").get_by_role("button", name="Try it on").click()
    expect(page.locator("#after")).to_be_visible(timeout=SOON)


@pytest.mark.parametrize("leave", ["Back", "Escape"])
def test_the_camera_goes_off_when_one_leaves(page: Page, shop: RunningShop, leave: str) -> None:
    page.context.grant_permissions(["camera"])
    visit(page, shop, "otto-glasses")
    touch(page, CHOOSE_FACE)
    page.get_by_role("button", name="Use the camera").click()
    heading(page, "Fit your face into the frame")
    page.locator("video").evaluate(LIVE)
    assert page.locator("video").evaluate(WATCH) == "live"
    if leave == "Back":
        page.get_by_role("button", name=leave).click()
        heading(page, CHOOSE_FACE)
    else:
        page.keyboard.press(leave)
        expect(page.get_by_role("dialog")).to_have_count(0)
    page.wait_for_function(OFF)


SLOW_PERSON = """
const devices = navigator.mediaDevices;
const open = devices.getUserMedia.bind(devices);
devices.getUserMedia = async (wishes) => {
    await new Promise((resolve) => (window.say = resolve));
    const stream = await open(wishes);
    window.track = stream.getTracks()[0];
    return stream;
};
"""


def test_a_yes_after_one_has_left_leaves_the_camera_off(page: Page, shop: RunningShop) -> None:
    page.context.grant_permissions(["camera"])
    page.add_init_script(SLOW_PERSON)
    visit(page, shop, "linen-shirt")
    touch(page)
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Back").click()
    page.wait_for_function("() => Boolean(window.say)")
    page.evaluate("window.say()")
    page.wait_for_function(OFF)
    heading(page, CHOOSE)


def ask_for_the_camera(page: Page, shop: RunningShop, answer: str) -> None:
    visit(page, shop, "linen-shirt")
    touch(page)
    page.get_by_role("button", name="Use the camera").click()
    expect(page.get_by_role("alert")).to_contain_text(answer)
    heading(page, CHOOSE)


def test_a_person_said_no(page: Page, shop: RunningShop) -> None:
    ask_for_the_camera(
        page, shop, "Your browser blocks the camera on this page. Allow it in the browser's settings"
    )


def test_the_page_may_not(context: BrowserContext, shop: RunningShop) -> None:
    def forbid(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, headers={**response.headers, "permissions-policy": "camera=()"})

    context.grant_permissions(["camera"])
    page = context.new_page()  # One whose console may complain: Chromium itself names the policy there.
    page.route("**/products/*/", forbid)
    ask_for_the_camera(page, shop, "This page can't use the camera.")


def test_there_is_none(browser: Browser, shop: RunningShop) -> None:
    without = browser.browser_type.launch(executable_path=CHROMIUM, args=[*FLAGS, f"{FAKE}=device-count=0"])
    page = without.new_page()
    page.context.grant_permissions(["camera"])
    ask_for_the_camera(page, shop, "We couldn't find a camera.")
    without.close()
