"""Which photos will do, what is said of the others, and what remains of one when it leaves."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from tests.running import phone_photo

from .steps import CHOOSE, SOON, heading, orders, touch, visit

if TYPE_CHECKING:
    from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("quick_gateway")]

USE = "Use this photo?"

PIXELS = """it => {
    const at = (x, y) => [...it.getContext("2d").getImageData(x * it.width, y * it.height, 1, 1).data];
    return { size: [it.width, it.height], corners: [at(0.05, 0.05), at(0.95, 0.05), at(0.05, 0.95)] };
}"""


def twelve_megapixels() -> bytes:
    """As a phone stores a portrait: sideways, to be turned by its Exif data, which say where it was taken."""
    noise = Image.effect_noise((504, 672), 40).convert("RGB")
    picture = Image.blend(Image.open(io.BytesIO(phone_photo(504, 672))), noise, 0.3)
    for color, corner in (("red", (0, 0)), ("lime", (404, 0)), ("blue", (0, 572))):
        picture.paste(Image.new("RGB", (100, 100), color), corner)
    picture = picture.resize((3024, 4032)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Canaryphone", 6
    exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 36.0)}
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=95, exif=exif)
    return out.getvalue()


def main_color(pixel: Any) -> int:
    red, green, blue, *_alpha = pixel
    return [red, green, blue].index(max(red, green, blue))


BODY = """
const send = XMLHttpRequest.prototype.send;
XMLHttpRequest.prototype.send = function (body) {
    if (body instanceof FormData) window.sent = body;
    return send.call(this, body);
};
"""
SENT = """async () => {
    const bytes = new Uint8Array(await window.sent.get("photo").arrayBuffer());
    return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""
WATCH = """it => {
    window.shares = [];
    new MutationObserver(() => window.shares.push(it.value)).observe(it, { attributeFilter: ["value"] });
}"""


def test_twelve_megapixels_leave_small_upright_and_without_a_place(
    page: Page, shop: RunningShop, tmp_path: Path
) -> None:
    photo = tmp_path / "me.jpg"
    photo.write_bytes(twelve_megapixels())
    assert photo.stat().st_size > 1_500_000
    page.add_init_script(BODY)
    visit(page, shop, "linen-shirt")
    touch(page)
    page.locator("#file").set_input_files(photo)
    heading(page, USE)
    shown = page.locator("#preview canvas").evaluate(PIXELS)
    assert shown["size"] == [1500, 2000]
    assert [main_color(pixel) for pixel in shown["corners"]] == [0, 1, 2]

    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}
    network.send("Network.emulateNetworkConditions", slow)
    page.locator("#progress").evaluate(WATCH)
    page.locator("#consent").check()
    page.locator("#order").get_by_role("button", name="Try it on").click()
    expect(page.locator("#after")).to_be_visible(timeout=SOON)
    sending = [share for share in page.evaluate("window.shares") if 0 < share < 0.1]
    assert len(set(sending)) >= 2
    assert sending == sorted(sending)

    sent = base64.b64decode(page.evaluate(SENT))
    assert len(sent) < 1_000_000
    with Image.open(io.BytesIO(sent)) as left:
        assert (left.format, left.size) == ("JPEG", (1500, 2000))
        assert not left.getexif()
        assert [main_color(left.getpixel(at)) for at in ((75, 100), (1425, 100), (75, 1900))] == [0, 1, 2]
    assert b"Canaryphone" not in sent
    assert b"Exif" not in sent


def heic(size: int = 5000) -> bytes:
    """What begins as a phone's HEIC does; no Chromium reads any."""
    return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic".ljust(size, b"\0")


def panorama() -> bytes:
    """Large, but not high enough once it is as small as the shop wants it."""
    out = io.BytesIO()
    Image.new("RGB", (12_000, 700), (90, 120, 150)).save(out, "JPEG")
    return out.getvalue()


# Each sentence is another one than that before it.
UNFIT = [
    ("notes.txt", b"no picture", "JPEG, PNG, WebP"),
    ("small.jpg", phone_photo(299, 900), "too small"),
    ("empty.jpg", b"", "couldn't open this photo"),
    ("panorama.jpg", panorama(), "too narrow"),
    ("phone.heic", heic(), "JPEG, PNG, WebP"),
]


def shop_reads_heic(page: Page, does_it: bool) -> None:
    """Whether it does hangs on pillow-heif; here it says so."""

    def answer(route: Route) -> None:
        start = route.fetch().json()
        formats = [name for name in start["limits"]["formats"] if name != "image/heic"]
        start["limits"]["formats"] = formats + ["image/heic"] * does_it
        route.fulfill(json=start)

    page.route("**/api/start/*", answer)


def test_what_will_not_do_is_refused_before_it_is_sent(page: Page, shop: RunningShop, tmp_path: Path) -> None:
    shop_reads_heic(page, False)
    posts = orders(page)
    visit(page, shop, "linen-shirt")
    touch(page)
    for name, data, sentence in UNFIT:
        (tmp_path / name).write_bytes(data)
        page.locator("#file").set_input_files(tmp_path / name)
        expect(page.get_by_role("alert")).to_contain_text(sentence)
        heading(page, CHOOSE)
    assert not posts


def test_a_shop_that_reads_heic_takes_one_unless_it_is_too_large(
    page: Page, shop: RunningShop, tmp_path: Path
) -> None:
    shop_reads_heic(page, True)
    photo = tmp_path / "PHONE.HEIC"
    photo.write_bytes(heic(15_000_001))
    posts = orders(page)
    visit(page, shop, "linen-shirt")
    touch(page)
    page.locator("#file").set_input_files(photo)
    expect(page.get_by_role("alert")).to_contain_text(
        "This photo is too big. Please choose one of up to 15 MB"
    )
    heading(page, CHOOSE)
    photo.write_bytes(heic(120_000))
    page.locator("#file").set_input_files(photo)
    heading(page, USE)
    card = page.locator("#preview")
    expect(card).to_contain_text("PHONE.HEIC")
    expect(card).to_contain_text("0.1 MB")
    assert not posts


UNDECODABLE = b"\xff\xd8\xff\xe0 a JPEG of a kind that this browser does not know".ljust(90_000, b"\0")


def test_what_only_the_shop_may_read_is_sent_as_it_is(
    lossy_page: Page, shop: RunningShop, tmp_path: Path
) -> None:
    page = lossy_page
    photo = tmp_path / "scan.jpg"
    photo.write_bytes(UNDECODABLE)
    page.add_init_script(BODY)
    visit(page, shop, "linen-shirt")
    touch(page)
    page.locator("#file").set_input_files(photo)
    heading(page, USE)
    expect(page.locator("#preview")).to_contain_text("scan.jpg")
    expect(page.locator("#preview")).to_contain_text("0.1 MB")
    page.locator("#consent").check()
    page.locator("#order .primary").click()
    expect(page.locator("#choose-problem")).to_contain_text("We couldn't open this photo.")
    assert base64.b64decode(page.evaluate(SENT)) == UNDECODABLE
