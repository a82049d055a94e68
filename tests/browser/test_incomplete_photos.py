"""Photos that are incomplete: if all pixels are there they are accepted, otherwise the shop refuses them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.images import large
from tests.images.corpus import ACCEPTED, REFUSED

from .actions import CHOOSE, TIMEOUT_MS, USE_PHOTO, expect_heading, open_dialog, open_product_page, order

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]

ALL_PIXELS = [
    "JPEG without its end marker",
    "JPEG with a trailer instead of its end marker",
    "progressive JPEG without its end marker",
    "PNG without its end chunk",
]
CUT = [
    "JPEG that is cut",
    "JPEG that is cut, and an end marker",
    "JPEG that is cut, and a trailer with an end marker",
    "progressive JPEG that is cut, and an end marker",
    "PNG that is cut",
]


def choose(page: Page, data: bytes, folder: Path, *, suffix: str = "jpg") -> None:
    photo = folder / f"me.{suffix}"
    photo.write_bytes(data)
    page.locator("#file").set_input_files(photo)
    expect_heading(page, USE_PHOTO)
    page.locator("#consent").check()


@pytest.mark.parametrize("name", ALL_PIXELS)
def test_a_photo_whose_pixels_are_all_there_is_accepted(
    page: Page, shop: RunningShop, tmp_path: Path, name: str
) -> None:
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    choose(page, ACCEPTED[name](), tmp_path, suffix="png" if name.startswith("PNG") else "jpg")
    order(page)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)


def test_a_photo_that_is_cut_is_refused_by_the_shop(
    page_with_failing_requests: Page, shop: RunningShop, tmp_path: Path
) -> None:
    page = page_with_failing_requests
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    for name in CUT:
        choose(page, REFUSED[name](), tmp_path, suffix="png" if name.startswith("PNG") else "jpg")
        order(page)
        expect(page.locator("#choose-problem")).to_contain_text("We couldn't open this photo.")
        expect_heading(page, CHOOSE)


def test_a_progressive_photo_is_shown_before_it_is_sent(
    page: Page, shop: RunningShop, tmp_path: Path
) -> None:
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    choose(page, ACCEPTED["progressive JPEG"](), tmp_path)
    expect(page.locator("#preview canvas")).to_be_visible()
    order(page)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)


def test_a_photo_of_50_megapixels_is_shrunk_by_the_browser(
    page: Page, shop: RunningShop, tmp_path: Path
) -> None:
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    choose(page, large.tall_jpeg(8_160, 6_112, quality=10), tmp_path)
    shown = page.locator("#preview canvas").evaluate("it => [it.width, it.height]")
    assert shown == [2000, 1498]
    order(page)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
