"""What is stored in the browser, and strict content security policies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from .actions import TIMEOUT_MS, open_dialog_from_list, order, send_photo

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser

STORAGE_KEYS = """async () => [
    ...Object.keys(localStorage), ...Object.keys(sessionStorage),
    ...(await indexedDB.databases()).map(database => database.name), ...(await caches.keys()),
]"""

NONCE = "b3VyLW9uZS1hbmQtb25seQ"


def cookies(page: Page) -> dict[str, Any]:
    return {cookie["name"]: cookie for cookie in page.context.cookies()}


def test_nothing_is_stored_in_the_browser_before_the_first_accepted_photo(
    page: Page, shop: RunningShop, photo: Path
) -> None:
    page.goto(shop.url)
    expect(page.get_by_role("link", name=re.compile("linen shirt")).first).to_be_visible()
    # The shop's own forms set it.
    assert cookies(page).keys() <= {"csrftoken"}

    open_dialog_from_list(page, shop, "linen shirt")
    page.locator("#file").set_input_files(photo)
    expect(page.get_by_role("heading", name="Use this photo?")).to_be_visible()
    page.locator("#consent").check()
    assert cookies(page).keys() == {"csrftoken"}
    assert page.evaluate(STORAGE_KEYS) == []

    order(page)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    assert cookies(page).keys() == {"csrftoken", "sessionid"}
    assert cookies(page)["sessionid"]["httpOnly"]
    assert {cookie["sameSite"] for cookie in cookies(page).values()} == {"Lax"}


NONCES_ONLY = (
    f"default-src 'none'; script-src 'nonce-{NONCE}' 'strict-dynamic'; style-src 'nonce-{NONCE}'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'"
)
(DOCUMENTED,) = re.findall(
    "Content-Security-Policy: (.*)",
    (Path(__file__).resolve().parents[2] / "docs" / "product-page.md").read_text(),
)


@pytest.mark.parametrize("policy", [NONCES_ONLY, DOCUMENTED], ids=["nonces", "documented"])
def test_the_dialog_works_with_a_strict_policy(
    page: Page, shop: RunningShop, photo: Path, policy: str
) -> None:
    """The policy allows only the named scripts and styles, and what these load."""

    def enforce(route: Route) -> None:
        if route.request.resource_type != "document":
            route.continue_()
            return
        response = route.fetch()
        headers = {**response.headers, "content-security-policy": policy}
        body = re.sub(r"<(script|link rel=\"stylesheet\")", rf'<\1 nonce="{NONCE}"', response.text())
        route.fulfill(response=response, headers=headers, body=body)

    page.route("**/*", enforce)
    open_dialog_from_list(page, shop, "linen shirt")
    send_photo(page, photo)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    # The stylesheet is applied.
    assert page.locator("dialog").first.evaluate("it => getComputedStyle(it).display") == "flex"
