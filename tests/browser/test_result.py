"""The result view: previews, sharing, feedback and deleting; and the messages of failed try-ons."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.live_shop import phone_photo

from .actions import (
    CHOOSE,
    FAILED,
    READY,
    TIMEOUT_MS,
    create_result,
    expect_heading,
    open_dialog,
    open_product_page,
    order,
    record_orders,
    render_instantly,
    try_on_model,
)

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]


def result_image(page: Page) -> Locator:
    image = page.locator("#after")
    expect(image).to_be_visible(timeout=TIMEOUT_MS)
    page.wait_for_load_state("networkidle")
    return image


def test_one_of_several_previews_can_be_selected_and_saved(page: Page, shop: RunningShop) -> None:
    open_product_page(page, shop, "emil-jacket")
    open_dialog(page)
    try_on_model(page, "Noa", previews="2")
    expect_heading(page, READY)
    expect(page.get_by_text("AI-generated preview")).to_be_visible()
    first, second = (page.get_by_role("button", name=f"Preview {number}") for number in (1, 2))
    download = page.get_by_role("link", name="Save")

    def selected_urls() -> tuple[str, str]:
        return str(result_image(page).get_attribute("src")), str(download.get_attribute("href")).split("?")[0]

    expect(first).to_have_attribute("aria-pressed", "true")
    before, link = selected_urls()
    assert before == link
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    expect(first).to_have_attribute("aria-pressed", "false")
    after, link = selected_urls()
    assert before != after == link

    with page.expect_download() as download_info:
        download.click()
    data = Path(download_info.value.path()).read_bytes()
    with Image.open(io.BytesIO(data)) as file:
        kind = str(file.format).lower().replace("jpeg", "jpg")
    assert download_info.value.suggested_filename == f"try-on.{kind}"


FAKE_SHARE = """
window.shared = Promise.withResolvers();
navigator.canShare = () => true;
navigator.share = async ({ files: [file], url }) => {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const { name, type } = file;
    window.shared.resolve({ name, type, magic: [...bytes.slice(0, 3)], size: bytes.length, url });
    throw new DOMException("closed the share sheet", "AbortError");
};
"""


def test_the_result_is_shared_as_a_file(page: Page, context: BrowserContext, shop: RunningShop) -> None:
    create_result(context, shop, "linen-shirt", phone_photo(shade=2))
    page.add_init_script(FAKE_SHARE)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page, READY)
    expect(page.locator("#photo-until")).to_have_text("We'll delete your photo soon.")  # It was not kept.
    page.get_by_role("button", name="Share").click()
    shared = page.evaluate("window.shared.promise")
    # The vendor renders PNGs unless the shop requests another format.
    assert bytes(shared["magic"]) == b"\x89PN"
    assert shared["size"] > 1000
    assert (shared["type"], shared["name"]) == ("image/png", "try-on.png")
    assert shared["url"].endswith("/products/linen-shirt/")
    expect_heading(page, READY)
    expect(page.locator("#result-problem")).to_be_empty()


def reopen(page: Page, heading: str = READY) -> None:
    page.get_by_role("button", name="Close").click()
    open_dialog(page, heading)


def test_feedback_is_stored_and_a_deleted_try_on_is_gone(
    page: Page, context: BrowserContext, shop: RunningShop
) -> None:
    tryon = create_result(context, shop, "linen-shirt", phone_photo(shade=3))
    api = f"{shop.url}/try-on/api/try-ons/{tryon['id']}/"
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page, READY)
    like, dislike = (page.locator(f"#{name}") for name in ("like", "dislike"))
    for button, expected in ((like, "like"), (dislike, "dislike"), (dislike, None)):
        with page.expect_response(re.compile("/feedback/")) as answer:
            button.click()
        assert answer.value.ok
        reopen(page)
        for other, name in ((like, "like"), (dislike, "dislike")):
            expect(other).to_have_attribute("aria-pressed", str(name == expected).lower())

    image = f"{shop.url}{tryon['images'][0]['url']}"
    confirmation = page.get_by_role("group", name="Delete this preview for good?")
    expect(confirmation).to_be_hidden()
    assert context.request.get(image).ok
    page.locator("#delete").click()
    expect(confirmation.get_by_role("button", name="Keep")).to_be_focused()
    assert context.request.get(api).ok
    confirmation.get_by_role("button", name="Delete").click()
    expect_heading(page, CHOOSE)
    expect(page.get_by_role("dialog").get_by_role("status").get_by_text("Deleted")).to_be_visible()
    assert context.request.get(api).status == 404
    assert context.request.get(image).status == 404
    reopen(page, CHOOSE)


def test_the_newest_result_is_shown_immediately_and_in_the_history(
    page: Page, context: BrowserContext, shop: RunningShop
) -> None:
    create_result(context, shop, "linen-shirt", phone_photo(shade=4))
    submits = len(shop.gateway.ledger.entries)
    posts = record_orders(page)
    for _visit in range(2):
        open_product_page(page, shop, "linen-shirt")
        open_dialog(page, READY)
        result_image(page)
    page.get_by_role("button", name="Try another photo").click()
    expect_heading(page, CHOOSE)
    assert not posts
    assert len(shop.gateway.ledger.entries) == submits

    page.get_by_role("link", name="My try-ons").click()
    expect(page.get_by_role("heading", name="My try-ons")).to_be_visible()
    entry = page.get_by_role("main").get_by_role("link", name=re.compile("Linnea linen shirt")).first
    assert entry.locator("img").evaluate("it => it.decode().then(() => it.naturalWidth)") > 100
    entry.click()
    expect(page.get_by_text("AI-generated preview").first).to_be_visible()


FEEDBACK_URL = re.compile("/try-ons/(.+)/feedback/")


def click_feedback(page: Page, name: str) -> tuple[Any, str]:
    """Click a feedback button. Return the body of the request and the id of the try-on."""
    with page.expect_response(FEEDBACK_URL) as answer:
        page.get_by_role("button", name=name, exact=True).click()
    assert answer.value.ok, answer.value.text()
    found = FEEDBACK_URL.search(answer.value.url)
    assert found
    return answer.value.request.post_data_json, found[1]


def test_a_reason_is_given_and_removed_by_one_click(page: Page, shop: RunningShop) -> None:
    open_product_page(page, shop, "emil-jacket")
    open_dialog(page)
    try_on_model(page, "Noa")
    result_image(page)
    reasons = page.get_by_role("group", name="What didn't you like?")
    expect(reasons).to_be_hidden()

    def click(name: str) -> tuple[Any, list[str], Any]:
        """Return what is sent, shown as pressed, and stored."""
        sent, tryon = click_feedback(page, name)
        pressed = page.locator("#why [aria-pressed=true]").all_text_contents()
        [stored] = shop.sql(
            f"SELECT feedback, feedback_reason FROM vton_tryonrequest WHERE id = '{UUID(tryon).hex}'"  # noqa: S608 - only in a test
        )
        return sent, pressed, stored

    assert click("Not for me") == ({"value": "dislike"}, [], ("dislike", ""))
    expect(reasons).to_be_visible()
    fit, colour = ({"value": "dislike", "reason": reason} for reason in ("fit", "colour"))
    assert click("Fit") == (fit, ["Fit"], ("dislike", "fit"))
    assert click("Colour") == (colour, ["Colour"], ("dislike", "colour"))
    assert click("Colour") == (colour | {"reason": None}, [], ("dislike", ""))
    assert click("Fit") == (fit, ["Fit"], ("dislike", "fit"))
    assert click("Like") == ({"value": "like"}, [], ("like", ""))
    expect(reasons).to_be_hidden()


def test_a_held_down_key_deletes_nothing(page: Page, context: BrowserContext, shop: RunningShop) -> None:
    tryon = create_result(context, shop, "linen-shirt", phone_photo(shade=8))
    deleted: list[str] = []
    page.on("request", lambda it: deleted.append(it.url) if it.method == "DELETE" else None)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page, READY)
    page.locator("#delete").focus()
    for _repeat in range(9):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    expect_heading(page, READY)
    assert not deleted
    assert context.request.get(f"{shop.url}/try-on/api/try-ons/{tryon['id']}/").ok

    confirmation = page.get_by_role("group", name="Delete this preview for good?")
    if not confirmation.is_visible():
        page.locator("#delete").press("Enter")
    keep = confirmation.get_by_role("button", name="Keep")
    expect(keep).to_be_focused()
    keep.press("Enter")
    expect(confirmation).to_be_hidden()
    expect(page.locator("#delete")).to_be_focused()
    assert not deleted


FREE = "This didn't use up a try-on."
COUNTED = "This used one of your try-ons."
FAILURES: list[tuple[dict[str, Any], str, str, bool]] = [
    (
        {"submit_status": 400, "submit_error": "ContentModerationError"},
        "turned down this photo or product",
        FREE,
        False,
    ),
    (
        {"outcome": "FAILED", "error": "PoseError: no body"},
        "couldn't find a person in this photo",
        COUNTED,
        False,
    ),
    (
        {"outcome": "FAILED", "error": "ThirdPartyError"},
        "Something went wrong at our picture service.",
        COUNTED,
        True,
    ),
]


def test_a_failure_is_explained_and_can_be_retried_if_that_may_help(
    page: Page, shop: RunningShop, tmp_path: Path
) -> None:
    open_product_page(page, shop, "ingrid-coat")
    retry = page.get_by_role("button", name="Try again")
    posts = record_orders(page)
    open_dialog(page)
    for shade, (scenario, message, counted, is_retryable) in enumerate(FAILURES):
        render_instantly(shop, **scenario)
        photo = tmp_path / "me.jpg"
        photo.write_bytes(phone_photo(shade=40 + shade))
        if shade:
            page.get_by_role("dialog").get_by_role("button", name="Choose another photo").click()
            expect_heading(page, CHOOSE)
        page.locator("#file").set_input_files(photo)
        if not shade:  # Consent is needed only once.
            page.locator("#consent").check()
        order(page)
        expect_heading(page, FAILED)
        expect(page.locator("#error-problem")).to_contain_text(message)
        expect(page.locator("#error-problem")).to_contain_text(counted)
        expect(retry).to_be_visible(visible=is_retryable)

    sent, submits = len(posts), len(shop.gateway.ledger.entries)
    retry.click()
    expect_heading(page, READY)
    assert len(posts) == sent + 1
    # A failed try-on needs a new key: under the old one, the answer would be the failure.
    keys = {post.headers["idempotency-key"] for post in posts}
    assert len(keys) == len(posts)
    assert len(shop.gateway.ledger.entries) == submits + 1
