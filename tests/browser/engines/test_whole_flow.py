"""The whole flow of a shopper, in each engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.live_shop import wait_until

from .shopper import IS_LOADED

if TYPE_CHECKING:
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
