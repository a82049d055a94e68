"""The whole flow of a shopper, and the photo that the browser sends, in each engine.

They share a file, so that one process starts the engines and all tests use them.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops, ImageDraw

from tests.images.corpus import ACCEPTED
from tests.live_shop import wait_until

from .shopper import IS_LOADED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .base import Browser
    from .shopper import Shopper

pytestmark = pytest.mark.browser


def test_from_the_product_to_the_cart(shopper: Shopper, photo: Path) -> None:
    browser = shopper.browser
    shopper.shop.gateway.scenario(seconds=1)
    shopper.open_product_as_new_shopper()
    shopper.open_dialog()
    shopper.add_photo(photo)
    browser.click("#consent")
    shopper.order()
    shopper.expect_view("waiting")
    browser.wait("() => $('#state').textContent")

    shopper.expect_view("result")
    browser.wait(IS_LOADED, "#after")
    least = shopper.move_divider("Home")
    assert shopper.move_divider("ArrowRight") > least
    most = shopper.move_divider("End")
    assert shopper.move_divider("ArrowLeft") < most
    browser.wait(IS_LOADED, "#before")

    browser.click("#cart")
    browser.wait("() => location.pathname.startsWith('/cart/')")
    assert browser.run("() => all('.lines h2').map((it) => it.textContent.trim())") == ["Linnea linen shirt"]


THROW_ERRORS = """() => {
    setTimeout(() => { throw new Error("thrown"); });
    setTimeout(() => Promise.reject(new Error("rejected")));
}"""


def test_script_errors_are_reported(engine: Browser, shopper: Shopper) -> None:
    shopper.visit()
    engine.run(THROW_ERRORS)
    errors: list[str] = []

    def all_reported() -> bool:
        errors.extend(engine.errors())
        return all(any(name in error for error in errors) for name in ("thrown", "rejected"))

    wait_until(all_reported, "both errors are reported")


BORDER = 32
TOLERANCE = 16
"""Of 255. JPEG changes these colours by up to 4. White instead of one differs by more than 100."""


def photo_with_border(width: int, height: int) -> Image.Image:
    """Return a picture whose four sides have different colours."""
    picture = Image.new("RGB", (width, height), "lime")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((BORDER, 0, width, height), fill="purple")
    draw.rectangle((BORDER, 0, width - BORDER - 1, height), fill="gray")
    draw.rectangle((0, 0, width, BORDER - 1), fill="red")
    draw.rectangle((0, height - BORDER, width, height), fill="blue")
    return picture


def outer_lines(picture: Image.Image) -> dict[str, Image.Image]:
    """Return the outermost lines of pixels without the corners, where two colours meet."""
    width, height = picture.size
    corner = 3 * BORDER
    return {
        "first row": picture.crop((corner, 0, width - corner, 1)),
        "last row": picture.crop((corner, height - 1, width - corner, height)),
        "first column": picture.crop((0, corner, 1, height - corner)),
        "last column": picture.crop((width - 1, corner, width, height - corner)),
    }


@pytest.mark.parametrize(
    ("size", "sent_size", "is_sideways"),
    [
        ((900, 1350), (900, 1350), False),
        # Twelve megapixels, rotated as a phone stores a portrait.
        ((3024, 4032), (1500, 2000), True),
    ],
    ids=["small", "12-megapixels"],
)
def test_no_edge_of_the_photo_is_cut_off(
    shopper: Shopper, tmp_path: Path, size: tuple[int, int], sent_size: tuple[int, int], is_sideways: bool
) -> None:
    photo = photo_with_border(*size)
    exif = Image.Exif()
    stored = photo
    if is_sideways:
        exif[0x0112] = 6
        stored = photo.transpose(Image.Transpose.ROTATE_90)
    stored.save(tmp_path / "me.jpg", quality=95, exif=exif)

    shopper.open_product_as_new_shopper()
    shopper.keep_sent_photo()
    shopper.open_dialog()
    shopper.add_photo(tmp_path / "me.jpg")
    shopper.browser.click("#consent")
    shopper.order()
    with Image.open(io.BytesIO(shopper.sent_photo())) as sent:
        assert (sent.format, sent.size) == ("JPEG", sent_size)
        expected = outer_lines(photo.resize(sent_size))
        differences = {
            name: max(ImageChops.difference(line, expected[name]).tobytes())
            for name, line in outer_lines(sent).items()
        }
    assert max(differences.values()) < TOLERANCE, differences


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("me.jpg", ACCEPTED["JPEG without its end marker"]),
        ("me.png", ACCEPTED["PNG without its end chunk"]),
    ],
    ids=["jpeg", "png"],
)
def test_a_photo_that_may_be_incomplete_is_sent_unchanged(
    shopper: Shopper, tmp_path: Path, name: str, data: Callable[[], bytes]
) -> None:
    """Firefox and WebKit leave a part or all of it white. Only the shop can find out what is missing."""
    (tmp_path / name).write_bytes(data())
    shopper.open_product_as_new_shopper()
    shopper.keep_sent_photo()
    shopper.open_dialog()
    shopper.add_photo(tmp_path / name)
    shopper.browser.click("#consent")
    shopper.order()
    assert shopper.sent_photo() == data()
