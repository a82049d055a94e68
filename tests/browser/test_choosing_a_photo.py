"""Choosing a photo: drop, paste, the last one, a kept one, a house model, and consent to new terms."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, Route, expect

from .actions import (
    CHOOSE,
    CHOOSE_FACE,
    TIMEOUT_MS,
    USE_PHOTO,
    expect_heading,
    open_dialog,
    open_product_page,
    order,
    record_orders,
    tryon_button,
)

if TYPE_CHECKING:
    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]

TRANSFER_FILE = """async (it, [photo, how]) => {
    const bytes = await (await fetch(photo)).blob();
    const files = new DataTransfer();
    files.items.add(new File([bytes], "me.jpg", { type: "image/jpeg" }));
    const options = { bubbles: true, composed: true, cancelable: true };
    const dragOver = new DragEvent("dragover", { ...options, dataTransfer: files });
    if (how === "drop" && it.dispatchEvent(dragOver)) throw new Error("dropping is not allowed here");
    it.dispatchEvent(
        how === "drop"
            ? new DragEvent("drop", { ...options, dataTransfer: files })
            : new ClipboardEvent("paste", { ...options, clipboardData: files }),
    );
}"""


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_photo_can_be_dropped_or_pasted(page: Page, shop: RunningShop, how: str) -> None:
    open_product_page(page, shop, "linen-shirt")
    picture = page.get_by_role("img", name=re.compile("Linnea")).first.get_attribute("src")
    open_dialog(page)
    page.get_by_role("dialog").evaluate(TRANSFER_FILE, [picture, how])
    expect_heading(page, USE_PHOTO)
    assert page.locator("#preview canvas").evaluate("it => Math.max(it.width, it.height)") > 300


def open_for_product(page: Page, product: str) -> None:
    """Change the button's product, as a variant selection does, and open the dialog."""
    page.get_by_role("button", name="Close").click()
    page.locator("vton-try-on").evaluate("(it, product) => it.setAttribute('product', product)", product)
    expect(tryon_button(page)).to_have_attribute("href", re.compile(f"/try/{product}/"))
    tryon_button(page).click()


def test_a_chosen_photo_survives_closing_and_is_offered_for_the_next_product(
    page: Page, shop: RunningShop, photo: Path
) -> None:
    posts = record_orders(page)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.locator("#file").set_input_files(photo)
    expect_heading(page, USE_PHOTO)
    page.locator("#consent").check()
    page.mouse.click(3, 3)  # On the backdrop.
    expect(page.get_by_role("dialog")).to_have_count(0)
    open_dialog(page, USE_PHOTO)
    expect(page.locator("#preview canvas")).to_be_visible()
    expect(page.locator("#consent")).to_be_checked()

    open_for_product(page, shop.product("breton-tee"))
    expect_heading(page, USE_PHOTO)
    expect(page.locator("#preview canvas")).to_be_visible()
    expect(page.locator("#consent")).not_to_be_checked()
    assert not posts


def test_a_sent_photo_is_offered_for_the_next_product_of_its_kind(
    page: Page, shop: RunningShop, photo: Path
) -> None:
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.locator("#file").set_input_files(photo)
    expect(page.get_by_text("after your preview if you leave this unticked")).to_be_visible()
    page.get_by_label("Keep my photo").check()
    page.locator("#consent").check()
    order(page)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.locator("#photo-until")).to_contain_text("at the latest")

    # The last photo is offered immediately, unless the next product needs another kind of photo.
    open_for_product(page, shop.product("breton-tee"))
    expect_heading(page, USE_PHOTO)
    expect(page.get_by_role("dialog", name="Maren striped tee")).to_be_visible()
    expect(page.locator("#preview canvas")).to_be_visible()
    open_for_product(page, shop.product("otto-glasses"))
    expect_heading(page, CHOOSE_FACE)
    open_for_product(page, shop.product("breton-tee"))
    expect_heading(page, CHOOSE)

    # The kept photo is available on every page until it is deleted.
    open_product_page(page, shop, "clara-dress")
    open_dialog(page)
    kept = page.locator("#own-part")
    kept.get_by_role("button", name=re.compile("until")).click()
    expect_heading(page, USE_PHOTO)
    expect(page.get_by_text("if you leave this unticked")).to_be_hidden()  # Applies only to a new photo.
    expect(page.locator("#preview img")).to_be_visible()
    expect(page.locator("#consent")).to_be_hidden()
    page.get_by_role("button", name="Choose another photo").click()
    kept.get_by_role("button", name="Delete this photo").click()
    expect(kept).to_be_hidden()
    open_product_page(page, shop, "clara-dress")
    open_dialog(page)
    expect(page.get_by_role("button", name="Noa")).to_be_visible()
    expect(kept).to_be_hidden()


def test_only_house_models_that_suit_the_product_are_offered(page: Page, shop: RunningShop) -> None:
    for slug, heading, names in (
        ("linen-shirt", CHOOSE, ["Mateo", "Noa"]),
        ("otto-glasses", CHOOSE_FACE, ["Mateo"]),
    ):
        open_product_page(page, shop, slug)
        open_dialog(page, heading)
        expect(page.locator("#house-photos [data-name]")).to_have_text(names)
        expect(page.locator("#house-part").get_by_role("button", name="Delete")).to_have_count(0)


def test_a_changed_consent_text_is_shown_and_needs_new_consent(
    page_with_failing_requests: Page, shop: RunningShop, photo: Path
) -> None:
    """The shop has changed the text since the dialog was opened."""
    page = page_with_failing_requests

    def earlier_consent(route: Route) -> None:
        start = route.fetch().json()
        start["consent"] |= {"version": "an earlier one", "text": "An earlier text."}
        route.fulfill(json=start)

    page.route("**/api/start/**", earlier_consent, times=1)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.locator("#file").set_input_files(photo)
    text = page.locator("#consent-text")
    expect(text).to_have_text("An earlier text.")
    page.locator("#consent").check()
    send = page.locator("#order").get_by_role("button", name="Try it on")
    send.click()

    expect(page.locator("#check-problem")).to_contain_text("agree")
    expect(text).to_contain_text("Pixazo")
    expect(page.locator("#consent")).not_to_be_checked()
    expect(page.locator("#preview canvas")).to_be_visible()
    page.locator("#consent").check()
    send.click()
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
