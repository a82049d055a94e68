"""django-vton in a django-oscar shop with Oscar's own pages, basket and checkout."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.staticfiles import finders
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.actions import TIMEOUT_MS, send_photo
from tests.hosts.running_host import RunningHost, Visitor
from tests.provenance import bear_marks, needs_exiftool

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = int(os.environ.get("RESULTS", "4"))
"""The number of results whose thumbnails are read."""

BASKET = "#add_to_basket_form"
ADDRESS = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "line1": "Lindenhof 1",
    "line4": "Berlin",
    "postcode": "10115",
    "country": "DE",
}


class Oscar(RunningHost):
    settings = "tests.hosts.oscar.settings"

    def product_id(self, slug: str) -> int:
        ((pk,),) = self.sql(f"SELECT id FROM catalogue_product WHERE slug = '{slug}'")  # noqa: S608 - only constants
        return int(pk)

    def product(self, slug: str) -> str:
        return f"catalogue.product:{self.product_id(slug)}"

    def refusal(self, visitor: Visitor, slug: str) -> str:
        """Return the code or reason with which the API refuses the product."""
        answer = visitor.http.get("/try-on/api/start/", params={"product": self.product(slug)}).json()
        return str(answer.get("reason") or answer["code"])

    def product_url(self, slug: str) -> str:
        return f"/catalogue/{slug}_{self.product_id(slug)}/"


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Oscar]:
    with Oscar(tmp_path_factory.mktemp("oscar")) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_conversions(shop: Oscar) -> None:
    shop.sql("DELETE FROM vton_conversion")


@pytest.fixture
def guest(shop: Oscar) -> Visitor:
    return shop.visitor()


@pytest.fixture(scope="session")
def staff(shop: Oscar) -> Visitor:
    """Staff, who also see pages that are not public."""
    visitor = shop.visitor()
    log_in(visitor)
    return visitor


def log_in(visitor: Visitor) -> None:
    names = {"login-username": "staff@shop.example", "login-password": "staff", "login_submit": "1"}
    visitor.submit_form("/accounts/login/", "#login_form", **names)


def check_out(guest: Visitor, *, account: bool = False) -> str:
    """Place the order; returns the text of the last page."""
    if not account:
        guest.submit_form(
            "/checkout/", "form:has([name=options])", username="ada@example.com", options="anonymous"
        )
    guest.submit_form("/checkout/shipping-address/", "#new_shipping_address", **ADDRESS)
    guest.open("/checkout/payment-method/")
    thanks = guest.submit_form("/checkout/preview/", "#place_order_form")
    return str(thanks.get_text())


def test_products_of_the_category_page_have_a_button(shop: Oscar, guest: Visitor) -> None:
    """The list links to parents, never to children."""
    category = guest.open("/catalogue/category/clothes_1/")
    pages = {str(link["href"]) for link in category.select(".product_pod h3 a")}
    assert pages == {shop.product_url(slug) for slug in ("shirt", "tee", "bare")}

    buttons = {page: guest.button(page) for page in pages}

    assert buttons == {
        shop.product_url("shirt"): shop.product("shirt"),
        shop.product_url("tee"): shop.product("tee"),
        shop.product_url("bare"): None,
    }


@pytest.mark.parametrize("slug", ["shirt", "tee-blue", "tee-red"])
def test_the_page_of_a_product_that_can_be_bought_has_a_button(
    shop: Oscar, guest: Visitor, slug: str
) -> None:
    page = guest.open(shop.product_url(slug))

    (button,) = page.select("vton-try-on")
    assert button["product"] == shop.product(slug)
    form = page.select_one(f"form#{button['cart']}[action*='/basket/add/']")
    assert form
    assert str(button["cart-label"]) in form.get_text()
    assert page.select_one("head script[data-vton]")
    assert guest.start(shop.product(slug))["product"]["url"] == shop.product_url(slug)
    assert not button.find_parents("a")


def test_the_page_of_a_parent_has_a_button_but_no_form_to_buy_it(shop: Oscar, guest: Visitor) -> None:
    (button,) = guest.open(shop.product_url("tee")).select("vton-try-on")
    assert button["product"] == shop.product("tee")
    assert "cart" not in button.attrs


@pytest.mark.parametrize("slug", ["bare", "secret", "coat-m"])
def test_a_product_that_cannot_be_tried_on_has_no_button(shop: Oscar, staff: Visitor, slug: str) -> None:
    """It has no image, is not public, or is the child of a product that is not public."""
    heading = staff.open(shop.product_url(slug)).select_one("h1")
    assert heading is not None
    assert heading.text == slug.title()
    assert staff.button(shop.product_url(slug)) is None
    assert shop.refusal(staff, slug) == ("product_unknown" if slug == "secret" else "product_not_enabled")


def test_a_child_without_images_uses_the_image_of_its_parent(shop: Oscar, guest: Visitor) -> None:
    def image_colour(slug: str) -> Any:
        response = guest.http.get(guest.start(shop.product(slug))["product"]["image_url"])
        with Image.open(io.BytesIO(response.content)) as image:
            return image.getpixel((250, 300))

    assert image_colour("tee-blue") == pytest.approx((0, 0, 255), abs=5)
    assert image_colour("tee-red") == pytest.approx((255, 0, 0), abs=5)


def test_the_purchase_of_a_tried_on_product_is_counted(shop: Oscar, guest: Visitor) -> None:
    shirt = shop.product("shirt")
    done = guest.try_on(shirt, shade=1)
    assert done["status"] == "completed", shop.log("workers")
    assert (done["product_title"], done["product_url"]) == ("Shirt", shop.product_url("shirt"))

    guest.submit_form(shop.product_url("shirt"), BASKET)
    assert shop.conversions() == [("added", shirt, "")]

    thanks = check_out(guest)
    ((number,),) = shop.sql("SELECT number FROM order_order ORDER BY id DESC LIMIT 1")
    assert str(number) in thanks
    assert shop.conversions() == [("added", shirt, ""), ("purchased", shirt, str(number))]


def test_a_guest_who_logs_in_before_paying_is_counted(shop: Oscar, guest: Visitor) -> None:
    shirt = shop.product("shirt")
    assert guest.try_on(shirt, shade=3)["status"] == "completed"
    guest.submit_form(shop.product_url("shirt"), BASKET)

    log_in(guest)
    check_out(guest, account=True)

    assert [(kind, product) for kind, product, _order in shop.conversions()] == [
        ("added", shirt),
        ("purchased", shirt),
    ]


def test_a_try_on_of_another_variant_counts_for_the_bought_one(shop: Oscar, guest: Visitor) -> None:
    assert guest.try_on(shop.product("tee-red"), shade=2)["status"] == "completed"

    guest.submit_form(shop.product_url("tee-blue"), BASKET)
    guest.submit_form(shop.product_url("shirt"), BASKET)

    assert shop.conversions() == [("added", shop.product("tee-blue"), "")]


def test_a_try_on_of_the_parent_counts_for_the_bought_child(shop: Oscar, guest: Visitor) -> None:
    assert guest.try_on(shop.product("tee"), shade=4)["status"] == "completed"

    guest.submit_form(shop.product_url("tee-red"), BASKET)

    assert shop.conversions() == [("added", shop.product("tee-red"), "")]


def test_a_purchase_without_a_try_on_is_not_counted(shop: Oscar, guest: Visitor) -> None:
    guest.submit_form(shop.product_url("shirt"), BASKET)
    check_out(guest)

    assert shop.conversions() == []


def test_the_check_reports_that_oscar_precedes_our_app(shop: Oscar) -> None:
    """Oscar's templates would be found first, so no page would have a button."""
    settings = shop.folder / "oscar_first.py"
    settings.write_text(
        "from tests.hosts.oscar.settings import *\n"
        "ours = 'django_vton.contrib.oscar'\n"
        "INSTALLED_APPS = [*(app for app in INSTALLED_APPS if app != ours), ours]\n"
    )
    env = {
        "DJANGO_SETTINGS_MODULE": settings.stem,
        "PYTHONPATH": os.pathsep.join([str(shop.folder), shop.env["PYTHONPATH"]]),
    }
    code = "from django.core.checks import run_checks; print(*(m.id for m in run_checks(tags=['vton'])))"
    command = ("shell", "--verbosity", "0", "--command", code)

    assert "vton.W070" in shop.manage(*command, **env)
    assert "vton.W070" not in shop.manage(*command)


def test_a_saved_image_has_all_products_checked_that_may_use_it(shop: Oscar) -> None:
    changed = shop.changed_products(
        "from oscar.core.loading import get_model",
        "get_model('catalogue', 'ProductImage').objects.get(product__slug='tee').save()",
    )
    assert changed == {shop.product(slug) for slug in ("tee", "tee-blue", "tee-red")}


def test_a_deleted_image_has_its_product_and_the_parent_checked(shop: Oscar) -> None:
    changed = shop.changed_products(
        "from oscar.core.loading import get_model",
        f"images = get_model('catalogue', 'Product').objects.get(pk={shop.product_id('tee-red')}).images",
        "second = images.create(original='second.jpg', display_order=1)",
        "ProductCheck.objects.update(checked_at=timezone.now())",
        "second.delete()",
    )
    assert changed == {shop.product("tee"), shop.product("tee-red")}


@pytest.mark.browser
def test_the_cart_button_of_the_dialog_adds_to_the_oscar_basket(page: Page, shop: Oscar, photo: Path) -> None:
    jquery = finders.find("oscar/js/jquery/jquery.min.js")
    assert jquery
    page.context.route("https://ajax.googleapis.com/**", lambda route: route.fulfill(path=jquery))
    page.goto(shop.url + shop.product_url("tee-red"))

    page.get_by_role("link", name=re.compile("Try it on")).click()
    expect(page.get_by_role("heading", name="Add a photo of yourself")).to_be_visible()
    send_photo(page, photo)
    expect(page.locator("#after")).to_be_visible(timeout=TIMEOUT_MS)
    page.locator("#cart").click()

    expect(page.get_by_text("Tee-Red has been added to your basket.")).to_be_visible()
    page.goto(f"{shop.url}/basket/")
    expect(page.get_by_role("link", name="Tee-Red").first).to_be_visible()
    assert shop.conversions() == [("added", shop.product("tee-red"), "")]


@needs_exiftool
def test_thumbnails_of_results_keep_the_mark(shop: Oscar, tmp_path: Path) -> None:
    output = shop.shell(
        "from tests.hosts.oscar.sample_data import print_thumbnails",
        f"print_thumbnails({RESULTS})",
    )
    marks = bear_marks(tmp_path, [Path(path).read_bytes() for path in output.splitlines()])
    assert marks == [True] * 2 * RESULTS + [False] * 2
