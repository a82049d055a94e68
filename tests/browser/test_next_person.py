"""Two people at one browser: the second one is not offered the first one's photo."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from .steps import CHOOSE, SOON, button, heading, touch, visit

if TYPE_CHECKING:
    from pathlib import Path

    from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_gateway")]

USE = "Use this photo?"


def log_in(page: Page, shop: RunningShop) -> None:
    """As a shop does it that loads no page for it."""
    login = page.request.get(f"{shop.url}/admin/login/")
    found = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', login.text())
    assert found
    form = {"csrfmiddlewaretoken": found[1], "username": "admin", "password": "tests", "next": "/"}
    answer = page.request.post(f"{shop.url}/admin/login/", form=form, headers={"Referer": shop.url})
    assert answer.ok


def leave(page: Page) -> None:
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("is_sent", [False, True], ids=["chosen", "sent"])
def test_after_a_login_without_a_page_load_the_photo_is_not_offered(
    page: Page, shop: RunningShop, photo: Path, is_sent: bool
) -> None:
    visit(page, shop, "linen-shirt")
    touch(page)
    page.locator("#file").set_input_files(photo)
    heading(page, USE)
    if is_sent:
        page.locator("#consent").check()
        page.locator("#order").get_by_role("button", name="Try it on").click()
        expect(page.locator("#after")).to_be_visible(timeout=SOON)
    leave(page)
    other = shop.product("breton-tee") if is_sent else shop.product("linen-shirt")
    page.locator("vton-try-on").evaluate("(it, product) => it.setAttribute('product', product)", other)
    button(page).click()
    heading(page, USE)  # The same person's.
    leave(page)

    log_in(page, shop)
    button(page).click()
    heading(page, CHOOSE)
    expect(page.locator("#own-part")).to_be_hidden()
