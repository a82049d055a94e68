"""What a shopper's browser is trusted with: what is stored in it, and which policies it may enforce."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from .steps import SOON
from .test_newcomer import open_dialog, send

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.running import RunningShop

pytestmark = pytest.mark.browser

STORED = """async () => [
    ...Object.keys(localStorage), ...Object.keys(sessionStorage),
    ...(await indexedDB.databases()).map(database => database.name), ...(await caches.keys()),
]"""

NONCE = "b3VyLW9uZS1hbmQtb25seQ"


def cookies(page: Page) -> dict[str, Any]:
    return {cookie["name"]: cookie for cookie in page.context.cookies()}


def test_before_a_photo_is_accepted_nothing_is_stored(page: Page, shop: RunningShop, photo: Path) -> None:
    page.goto(shop.url)
    expect(page.get_by_role("link", name=re.compile("linen shirt")).first).to_be_visible()
    # The shop's own forms have a token.
    assert cookies(page).keys() <= {"csrftoken"}

    open_dialog(page, shop, "linen shirt")
    page.locator("#file").set_input_files(photo)
    expect(page.get_by_role("heading", name="Use this photo?")).to_be_visible()
    page.locator("#consent").check()
    assert cookies(page).keys() == {"csrftoken"}
    assert page.evaluate(STORED) == []

    page.locator("#order").get_by_role("button", name="Try it on").click()
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    assert cookies(page).keys() == {"csrftoken", "sessionid"}
    assert cookies(page)["sessionid"]["httpOnly"]
    assert {cookie["sameSite"] for cookie in cookies(page).values()} == {"Lax"}


NONCES_ALONE = (
    f"default-src 'none'; script-src 'nonce-{NONCE}' 'strict-dynamic'; style-src 'nonce-{NONCE}'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'"
)
(FROM_THE_GUIDE,) = re.findall(
    "Content-Security-Policy: (.*)",
    (Path(__file__).resolve().parents[2] / "docs" / "product-page.md").read_text(),
)


@pytest.mark.parametrize("policy", [NONCES_ALONE, FROM_THE_GUIDE], ids=["nonces", "guide"])
def test_a_strict_policy(page: Page, shop: RunningShop, photo: Path, policy: str) -> None:
    """No script and no style but those that it names, and what they load themselves."""

    def enforce(route: Route) -> None:
        if route.request.resource_type != "document":
            route.continue_()
            return
        response = route.fetch()
        headers = {**response.headers, "content-security-policy": policy}
        body = re.sub(r"<(script|link rel=\"stylesheet\")", rf'<\1 nonce="{NONCE}"', response.text())
        route.fulfill(response=response, headers=headers, body=body)

    page.route("**/*", enforce)
    open_dialog(page, shop, "linen shirt")
    send(page, photo)
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    # The style came as well.
    assert page.locator("dialog").first.evaluate("it => getComputedStyle(it).display") == "flex"
