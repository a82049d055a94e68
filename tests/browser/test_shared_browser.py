"""Two people use one browser: the second is not offered the photo of the first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from .actions import (
    CHOOSE,
    TIMEOUT_MS,
    USE_PHOTO,
    expect_heading,
    open_dialog,
    open_product_page,
    order,
    tryon_button,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]


def log_in(page: Page, shop: RunningShop) -> None:
    """Log in without a page load, as some shops do."""
    login = page.request.get(f"{shop.url}/admin/login/")
    found = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', login.text())
    assert found
    form = {"csrfmiddlewaretoken": found[1], "username": "admin", "password": "tests", "next": "/"}
    answer = page.request.post(f"{shop.url}/admin/login/", form=form, headers={"Referer": shop.url})
    assert answer.ok


def close_dialog(page: Page) -> None:
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("is_sent", [False, True], ids=["chosen", "sent"])
def test_after_a_login_without_page_load_the_guests_photo_is_not_offered(
    page: Page, shop: RunningShop, photo: Path, is_sent: bool
) -> None:
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.locator("#file").set_input_files(photo)
    expect_heading(page, USE_PHOTO)
    if is_sent:
        page.locator("#consent").check()
        order(page)
        expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    close_dialog(page)
    other = shop.product("breton-tee") if is_sent else shop.product("linen-shirt")
    page.locator("vton-try-on").evaluate("(it, product) => it.setAttribute('product', product)", other)
    tryon_button(page).click()
    expect_heading(page, USE_PHOTO)  # Still the same person.
    close_dialog(page)

    log_in(page, shop)
    tryon_button(page).click()
    expect_heading(page, CHOOSE)
    expect(page.locator("#own-part")).to_be_hidden()
