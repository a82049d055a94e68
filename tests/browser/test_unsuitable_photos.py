"""Which photos are accepted, how others are refused, and what is sent of a photo."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.live_shop import phone_photo

from .actions import (
    CHOOSE,
    TIMEOUT_MS,
    USE_PHOTO,
    expect_heading,
    open_dialog,
    open_product_page,
    order,
    record_orders,
)

if TYPE_CHECKING:
    from tests.live_shop import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("instant_renders")]

SIZE_AND_CORNERS = """it => {
    const context = it.getContext("2d");
    const { width, height } = it;
    const pixel = (x, y) => [...context.getImageData(x * width, y * height, 1, 1).data];
    return { size: [width, height], corners: [pixel(0.05, 0.05), pixel(0.95, 0.05), pixel(0.05, 0.95)] };
}"""


def twelve_megapixels() -> bytes:
    """A portrait as phones store it: rotated, with Exif data for its orientation and location."""
    noise = Image.effect_noise((504, 672), 40).convert("RGB")
    picture = Image.blend(Image.open(io.BytesIO(phone_photo(504, 672))), noise, 0.3)
    for color, corner in (("red", (0, 0)), ("lime", (404, 0)), ("blue", (0, 572))):
        picture.paste(Image.new("RGB", (100, 100), color), corner)
    picture = picture.resize((3024, 4032)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "TestPhone", 6
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)}
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def strongest_channel(pixel: Any) -> int:
    red, green, blue, *_alpha = pixel
    return [red, green, blue].index(max(red, green, blue))


KEEP_SENT_FORM = """
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (body) {
    if (body instanceof FormData) window.sent = body;
    return send.call(this, body);
};
"""
SENT_PHOTO = """async () => {
    const bytes = new Uint8Array(await window.sent.get("photo").arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""
RECORD_PROGRESS = """it => {
    window.shares = [];
    new MutationObserver(() => window.shares.push(it.value)).observe(it, { attributeFilter: ["value"] });
}"""


def test_a_large_photo_is_sent_shrunk_upright_and_without_exif(
    page: Page, shop: RunningShop, tmp_path: Path
) -> None:
    photo = tmp_path / "me.jpg"
    photo.write_bytes(twelve_megapixels())
    assert photo.stat().st_size > 1_500_000
    page.add_init_script(KEEP_SENT_FORM)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.locator("#file").set_input_files(photo)
    expect_heading(page, USE_PHOTO)
    shown = page.locator("#preview canvas").evaluate(SIZE_AND_CORNERS)
    assert shown["size"] == [1500, 2000]
    assert [strongest_channel(pixel) for pixel in shown["corners"]] == [0, 1, 2]

    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}
    network.send("Network.emulateNetworkConditions", slow)
    page.locator("#progress").evaluate(RECORD_PROGRESS)
    page.locator("#consent").check()
    order(page)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    sending = [share for share in page.evaluate("window.shares") if 0 < share < 0.1]
    assert len(set(sending)) >= 2
    assert sending == sorted(sending)

    sent = base64.b64decode(page.evaluate(SENT_PHOTO))
    assert len(sent) < 1_000_000
    with Image.open(io.BytesIO(sent)) as image:
        assert (image.format, image.size) == ("JPEG", (1500, 2000))
        assert not image.getexif()
        assert [
            strongest_channel(image.getpixel(point)) for point in ((75, 100), (1425, 100), (75, 1900))
        ] == [0, 1, 2]
    assert b"TestPhone" not in sent
    assert b"Exif" not in sent


def heic(size: int = 5000) -> bytes:
    """Return a file with the header of a HEIC, which Chromium cannot read."""
    return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".ljust(size, b"\0")


def panorama() -> bytes:
    """Return a photo that is large enough but becomes too narrow when it is shrunk."""
    out = io.BytesIO()
    Image.new("RGB", (12_000, 700), (90, 120, 150)).save(out, "JPEG")
    return out.getvalue()


# Each message differs from the one before.
UNSUITABLE = [
    ("notes.txt", b"no picture", "JPEG, PNG, WebP"),
    ("small.jpg", phone_photo(299, 900), "too small"),
    ("empty.jpg", b"", "couldn't open this photo"),
    ("panorama.jpg", panorama(), "too narrow"),
    ("phone.heic", heic(), "JPEG, PNG, WebP"),
]


def set_heic_support(page: Page, is_supported: bool) -> None:
    """Make the shop announce HEIC or not, whether pillow-heif is installed or not."""

    def change_formats(route: Route) -> None:
        start = route.fetch().json()
        formats = [name for name in start["limits"]["formats"] if name != "image/heic"]
        start["limits"]["formats"] = formats + ["image/heic"] * is_supported
        route.fulfill(json=start)

    page.route("**/api/start/*", change_formats)


def test_an_unsuitable_photo_is_refused_before_it_is_sent(
    page: Page, shop: RunningShop, tmp_path: Path
) -> None:
    set_heic_support(page, False)
    posts = record_orders(page)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    for name, data, message in UNSUITABLE:
        (tmp_path / name).write_bytes(data)
        page.locator("#file").set_input_files(tmp_path / name)
        expect(page.get_by_role("alert")).to_contain_text(message)
        expect_heading(page, CHOOSE)
    assert not posts


def test_a_heic_is_accepted_up_to_the_size_limit_if_the_shop_reads_it(
    page: Page, shop: RunningShop, tmp_path: Path
) -> None:
    set_heic_support(page, True)
    photo = tmp_path / "PHONE.HEIC"
    photo.write_bytes(heic(15_000_001))
    posts = record_orders(page)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.locator("#file").set_input_files(photo)
    expect(page.get_by_role("alert")).to_contain_text(
        "This photo is too big. Please choose one of up to 15 MB"
    )
    expect_heading(page, CHOOSE)
    photo.write_bytes(heic(120_000))
    page.locator("#file").set_input_files(photo)
    expect_heading(page, USE_PHOTO)
    card = page.locator("#preview")
    expect(card).to_contain_text("PHONE.HEIC")
    expect(card).to_contain_text("0.1 MB")
    assert not posts


UNDECODABLE = b"\xff\xd8\xff\xe0 a JPEG of a kind that this browser does not know".ljust(90_000, b"\0")


def test_a_photo_that_only_the_shop_may_be_able_to_read_is_sent_unchanged(
    page_with_failing_requests: Page, shop: RunningShop, tmp_path: Path
) -> None:
    page = page_with_failing_requests
    photo = tmp_path / "scan.jpg"
    photo.write_bytes(UNDECODABLE)
    page.add_init_script(KEEP_SENT_FORM)
    open_product_page(page, shop, "linen-shirt")
    open_dialog(page)
    page.locator("#file").set_input_files(photo)
    expect_heading(page, USE_PHOTO)
    expect(page.locator("#preview")).to_contain_text("scan.jpg")
    expect(page.locator("#preview")).to_contain_text("0.1 MB")
    page.locator("#consent").check()
    order(page)
    expect(page.locator("#choose-problem")).to_contain_text("We couldn't open this photo.")
    assert base64.b64decode(page.evaluate(SENT_PHOTO)) == UNDECODABLE
