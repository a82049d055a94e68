"""What a shopper does with a try-on that is ready, and what is said of one that failed."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.running import phone_photo

from .steps import CHOOSE, FAILED, READY, SOON, heading, orders, quick, rendered, touch, try_on_model, visit

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

    from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_gateway")]


def picture(page: Page, part: str = "after") -> Locator:
    shown = page.locator(f"#{part}")
    expect(shown).to_be_visible(timeout=SOON)
    page.wait_for_load_state("networkidle")
    return shown


def test_of_several_pictures_one_is_in_front(page: Page, shop: RunningShop) -> None:
    visit(page, shop, "emil-jacket")
    touch(page)
    page.get_by_role("button", name="Noa").click()
    page.get_by_label("Number of previews").select_option("2")
    page.locator("#order").get_by_role("button", name="Try it on").click()
    heading(page, READY)
    expect(page.get_by_text("AI-generated preview")).to_be_visible()
    first, second = (page.get_by_role("button", name=f"Preview {number}") for number in (1, 2))
    download = page.get_by_role("link", name="Save")

    def in_front() -> tuple[str, str]:
        return str(picture(page).get_attribute("src")), str(download.get_attribute("href")).split("?")[0]

    expect(first).to_have_attribute("aria-pressed", "true")
    before, link = in_front()
    assert before == link
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    expect(first).to_have_attribute("aria-pressed", "false")
    after, link = in_front()
    assert before != after == link

    with page.expect_download() as news:
        download.click()
    data = Path(news.value.path()).read_bytes()
    with Image.open(io.BytesIO(data)) as file:
        kind = str(file.format).lower().replace("jpeg", "jpg")
    assert news.value.suggested_filename == f"try-on.{kind}"


SHARE = """
window.shared = Promise.withResolvers();
navigator.canShare = () => true;
navigator.share = async ({ files: [file], url }) => {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const { name, type } = file;
    window.shared.resolve({ name, type, magic: [...bytes.slice(0, 3)], size: bytes.length, url });
    throw new DOMException("left the sheet", "AbortError");
};
"""


def test_it_is_shared_as_a_file(page: Page, context: BrowserContext, shop: RunningShop) -> None:
    rendered(context, shop, "linen-shirt", phone_photo(shade=2))
    page.add_init_script(SHARE)
    visit(page, shop, "linen-shirt")
    touch(page, READY)
    expect(page.locator("#photo-until")).to_have_text("We'll delete your photo soon.")  # It was not kept.
    page.get_by_role("button", name="Share").click()
    shared = page.evaluate("window.shared.promise")
    # The vendor makes PNGs where the shop does not ask for another format.
    assert bytes(shared["magic"]) == b"\x89PN"
    assert shared["size"] > 1000
    assert (shared["type"], shared["name"]) == ("image/png", "try-on.png")
    assert shared["url"].endswith("/products/linen-shirt/")
    heading(page, READY)
    expect(page.locator("#result-problem")).to_be_empty()


def reopen(page: Page, then: str = READY) -> None:
    page.get_by_role("button", name="Close").click()
    touch(page, then)


def test_liked_disliked_forgotten_and_deleted(page: Page, context: BrowserContext, shop: RunningShop) -> None:
    tryon = rendered(context, shop, "linen-shirt", phone_photo(shade=3))
    api = f"{shop.url}/try-on/api/try-ons/{tryon['id']}/"
    visit(page, shop, "linen-shirt")
    touch(page, READY)
    like, dislike = (page.locator(f"#{name}") for name in ("like", "dislike"))
    for pressed, on in ((like, "like"), (dislike, "dislike"), (dislike, None)):
        with page.expect_response(re.compile("/feedback/")) as answer:
            pressed.click()
        assert answer.value.ok
        reopen(page)
        for each, name in ((like, "like"), (dislike, "dislike")):
            expect(each).to_have_attribute("aria-pressed", str(name == on).lower())

    image = f"{shop.url}{tryon['images'][0]['url']}"
    sure = page.get_by_role("group", name="Delete this preview for good?")
    expect(sure).to_be_hidden()
    assert context.request.get(image).ok
    page.locator("#delete").click()
    expect(sure.get_by_role("button", name="Keep")).to_be_focused()
    assert context.request.get(api).ok
    sure.get_by_role("button", name="Delete").click()
    heading(page, CHOOSE)
    expect(page.get_by_role("dialog").get_by_role("status").get_by_text("Deleted")).to_be_visible()
    assert context.request.get(api).status == 404
    assert context.request.get(image).status == 404
    reopen(page, CHOOSE)


def test_the_latest_is_there_at_once_and_in_the_history(
    page: Page, context: BrowserContext, shop: RunningShop
) -> None:
    rendered(context, shop, "linen-shirt", phone_photo(shade=4))
    submits = len(shop.gateway.ledger.entries)
    posts = orders(page)
    for _again in range(2):
        visit(page, shop, "linen-shirt")
        touch(page, READY)
        picture(page)
    page.get_by_role("button", name="Try another photo").click()
    heading(page, CHOOSE)
    assert not posts
    assert len(shop.gateway.ledger.entries) == submits

    page.get_by_role("link", name="My try-ons").click()
    expect(page.get_by_role("heading", name="My try-ons")).to_be_visible()
    entry = page.get_by_role("main").get_by_role("link", name=re.compile("Linnea linen shirt")).first
    assert entry.locator("img").evaluate("it => it.decode().then(() => it.naturalWidth)") > 100
    entry.click()
    expect(page.get_by_text("AI-generated preview").first).to_be_visible()


FEEDBACK = re.compile("/try-ons/(.+)/feedback/")


def feedback(page: Page, name: str) -> tuple[Any, str]:
    """What is told to the shop by a press of this button, and the try-on."""
    with page.expect_response(FEEDBACK) as answer:
        page.get_by_role("button", name=name, exact=True).click()
    assert answer.value.ok, answer.value.text()
    found = FEEDBACK.search(answer.value.url)
    assert found
    return answer.value.request.post_data_json, found[1]


def test_a_reason_is_told_in_one_tap_and_taken_back(page: Page, shop: RunningShop) -> None:
    visit(page, shop, "emil-jacket")
    touch(page)
    try_on_model(page, "Noa")
    picture(page)
    why = page.get_by_role("group", name="What didn't you like?")
    expect(why).to_be_hidden()

    def press(name: str) -> tuple[Any, list[str], Any]:
        """What is told then, shown as pressed, and stored."""
        told, tryon = feedback(page, name)
        pressed = page.locator("#why [aria-pressed=true]").all_text_contents()
        [stored] = shop.sql(
            f"SELECT feedback, feedback_reason FROM vton_tryonrequest WHERE id = '{UUID(tryon).hex}'"  # noqa: S608 - a test's
        )
        return told, pressed, stored

    assert press("Not for me") == ({"value": "dislike"}, [], ("dislike", ""))
    expect(why).to_be_visible()
    fit, colour = ({"value": "dislike", "reason": reason} for reason in ("fit", "colour"))
    assert press("Fit") == (fit, ["Fit"], ("dislike", "fit"))
    assert press("Colour") == (colour, ["Colour"], ("dislike", "colour"))
    assert press("Colour") == (colour | {"reason": None}, [], ("dislike", ""))
    assert press("Fit") == (fit, ["Fit"], ("dislike", "fit"))
    assert press("Like") == ({"value": "like"}, [], ("like", ""))
    expect(why).to_be_hidden()


def test_a_key_that_is_held_deletes_nothing(page: Page, context: BrowserContext, shop: RunningShop) -> None:
    tryon = rendered(context, shop, "linen-shirt", phone_photo(shade=8))
    deleted: list[str] = []
    page.on("request", lambda it: deleted.append(it.url) if it.method == "DELETE" else None)
    visit(page, shop, "linen-shirt")
    touch(page, READY)
    page.locator("#delete").focus()
    for _repeat in range(9):
        page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    heading(page, READY)
    assert not deleted
    assert context.request.get(f"{shop.url}/try-on/api/try-ons/{tryon['id']}/").ok

    sure = page.get_by_role("group", name="Delete this preview for good?")
    if not sure.is_visible():
        page.locator("#delete").press("Enter")
    keep = sure.get_by_role("button", name="Keep")
    expect(keep).to_be_focused()
    keep.press("Enter")
    expect(sure).to_be_hidden()
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


def test_what_failed_is_said_and_tried_again_where_it_may_help(
    page: Page, shop: RunningShop, tmp_path: Path
) -> None:
    visit(page, shop, "ingrid-coat")
    retry = page.get_by_role("button", name="Try again")
    posts = orders(page)
    touch(page)
    for shade, (scenario, sentence, counted, retryable) in enumerate(FAILURES):
        quick(shop, **scenario)
        photo = tmp_path / "me.jpg"
        photo.write_bytes(phone_photo(shade=40 + shade))
        if shade:
            page.get_by_role("dialog").get_by_role("button", name="Choose another photo").click()
            heading(page, CHOOSE)
        page.locator("#file").set_input_files(photo)
        if not shade:  # Asked once.
            page.locator("#consent").check()
        page.locator("#order").get_by_role("button", name="Try it on").click()
        heading(page, FAILED)
        expect(page.locator("#error-problem")).to_contain_text(sentence)
        expect(page.locator("#error-problem")).to_contain_text(counted)
        expect(retry).to_be_visible(visible=retryable)

    sent, submits = len(posts), len(shop.gateway.ledger.entries)
    retry.click()
    heading(page, READY)
    assert len(posts) == sent + 1
    # What failed is over; under its key the answer would be the failure.
    keys = {post.headers["idempotency-key"] for post in posts}
    assert len(keys) == len(posts)
    assert len(shop.gateway.ledger.entries) == submits + 1
