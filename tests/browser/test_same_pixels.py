"""Every accepted image has the pixels that Chromium shows."""

from __future__ import annotations

import base64
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops

from django_vton.images import normalize_product_image
from tests.images.corpus import ACCEPTED, SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

LEVELS = 4
"""The allowed difference in each channel of each pixel, of 255."""

DRAW = """async (data) => {
    const image = new Image();
    image.src = `data:;base64,${data}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d");
    context.fillStyle = "#fff"; // below transparent pixels
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0);
    return canvas.toDataURL("image/png").split(",")[1];
}"""


@pytest.fixture(scope="module")
def blank_page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("name", ACCEPTED)
def test_an_accepted_image_has_the_pixels_that_chromium_shows(blank_page: Page, name: str) -> None:
    shown = SHOWN.get(name, ACCEPTED[name])()
    drawn = base64.b64decode(blank_page.evaluate(DRAW, base64.b64encode(shown).decode()))
    ours = normalize_product_image(BytesIO(ACCEPTED[name]())).decoded
    assert ours
    with Image.open(BytesIO(drawn)) as theirs:
        assert ours.size == theirs.size
        difference = ImageChops.difference(ours, theirs.convert("RGB"))
    assert max(difference.tobytes()) <= LEVELS
