"""Where a photo may come from, which ones will not do, and what remains of one when it leaves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, Route, expect

from .steps import CHOOSE, CHOOSE_FACE, SOON, button, heading, orders, touch, visit

if TYPE_CHECKING:
    from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_gateway")]

USE = "Use this photo?"

FILE_IN_HAND = """async (it, [photo, how]) => {
    const bytes = await (await fetch(photo)).blob();
    const files = new DataTransfer();
    files.items.add(new File([bytes], "me.jpg", { type: "image/jpeg" }));
    const its = { bubbles: true, composed: true, cancelable: true };
    const over = new DragEvent("dragover", { ...its, dataTransfer: files });
    if (how === "drop" && it.dispatchEvent(over)) throw new Error("not to be dropped here");
    it.dispatchEvent(
        how === "drop"
            ? new DragEvent("drop", { ...its, dataTransfer: files })
            : new ClipboardEvent("paste", { ...its, clipboardData: files }),
    );
}"""


@pytest.mark.parametrize("how", ["drop", "paste"])
def test_a_photo_is_dropped_or_pasted(page: Page, shop: RunningShop, how: str) -> None:
    visit(page, shop, "linen-shirt")
    picture = page.get_by_role("img", name=re.compile("Linnea")).first.get_attribute("src")
    touch(page)
    page.get_by_role("dialog").evaluate(FILE_IN_HAND, [picture, how])
    heading(page, USE)
    assert page.locator("#preview canvas").evaluate("it => Math.max(it.width, it.height)") > 300


def choose_product(page: Page, product: str) -> None:
    """As a variant switch does."""
    page.get_by_role("button", name="Close").click()
    page.locator("vton-try-on").evaluate("(it, product) => it.setAttribute('product', product)", product)
    expect(button(page)).to_have_attribute("href", re.compile(f"/try/{product}/"))
    button(page).click()


def test_a_photo_outlives_closing_and_is_offered_to_the_next_product(
    page: Page, shop: RunningShop, photo: Path
) -> None:
    posts = orders(page)
    visit(page, shop, "linen-shirt")
    touch(page)
    page.locator("#file").set_input_files(photo)
    heading(page, USE)
    page.locator("#consent").check()
    page.mouse.click(3, 3)  # Beside the dialog.
    expect(page.get_by_role("dialog")).to_have_count(0)
    touch(page, USE)
    expect(page.locator("#preview canvas")).to_be_visible()
    expect(page.locator("#consent")).to_be_checked()

    choose_product(page, shop.product("breton-tee"))
    heading(page, USE)
    expect(page.locator("#preview canvas")).to_be_visible()
    expect(page.locator("#consent")).not_to_be_checked()
    assert not posts


def test_a_photo_goes_along_to_the_next_product(page: Page, shop: RunningShop, photo: Path) -> None:
    visit(page, shop, "linen-shirt")
    touch(page)
    page.locator("#file").set_input_files(photo)
    expect(page.get_by_text("after your preview if you leave this unticked")).to_be_visible()
    page.get_by_label("Keep my photo").check()
    page.locator("#consent").check()
    page.locator("#order").get_by_role("button", name="Try it on").click()
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    expect(page.locator("#photo-until")).to_contain_text("at the latest")

    # The photo in hand is offered at once, unless the next product needs another kind.
    choose_product(page, shop.product("breton-tee"))
    heading(page, USE)
    expect(page.get_by_role("dialog", name="Maren striped tee")).to_be_visible()
    expect(page.locator("#preview canvas")).to_be_visible()
    choose_product(page, shop.product("otto-glasses"))
    heading(page, CHOOSE_FACE)
    choose_product(page, shop.product("breton-tee"))
    heading(page, CHOOSE)

    # The kept one is there for any page, until it is deleted.
    visit(page, shop, "clara-dress")
    touch(page)
    kept = page.locator("#own-part")
    kept.get_by_role("button", name=re.compile("until")).click()
    heading(page, USE)
    expect(page.get_by_text("if you leave this unticked")).to_be_hidden()  # That is asked of a new photo.
    expect(page.locator("#preview img")).to_be_visible()
    expect(page.locator("#consent")).to_be_hidden()
    page.get_by_role("button", name="Choose another photo").click()
    kept.get_by_role("button", name="Delete this photo").click()
    expect(kept).to_be_hidden()
    visit(page, shop, "clara-dress")
    touch(page)
    expect(page.get_by_role("button", name="Noa")).to_be_visible()
    expect(kept).to_be_hidden()


def test_house_models_suit_the_product(page: Page, shop: RunningShop) -> None:
    for slug, then, names in (
        ("linen-shirt", CHOOSE, ["Mateo", "Noa"]),
        ("otto-glasses", CHOOSE_FACE, ["Mateo"]),
    ):
        visit(page, shop, slug)
        touch(page, then)
        expect(page.locator("#house-photos [data-name]")).to_have_text(names)
        expect(page.locator("#house-part").get_by_role("button", name="Delete")).to_have_count(0)


def test_words_that_have_changed_are_shown_and_agreed_to_anew(
    lossy_page: Page, shop: RunningShop, photo: Path
) -> None:
    """As if the shop had other words when the dialog was opened."""
    page = lossy_page

    def earlier(route: Route) -> None:
        start = route.fetch().json()
        start["consent"] |= {"version": "an earlier one", "text": "Earlier words."}
        route.fulfill(json=start)

    page.route("**/api/start/**", earlier, times=1)
    visit(page, shop, "linen-shirt")
    touch(page)
    page.locator("#file").set_input_files(photo)
    words = page.locator("#consent-text")
    expect(words).to_have_text("Earlier words.")
    page.locator("#consent").check()
    send = page.locator("#order").get_by_role("button", name="Try it on")
    send.click()

    expect(page.locator("#check-problem")).to_contain_text("agree")
    expect(words).to_contain_text("Pixazo")
    expect(page.locator("#consent")).not_to_be_checked()
    expect(page.locator("#preview canvas")).to_be_visible()
    page.locator("#consent").check()
    send.click()
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
