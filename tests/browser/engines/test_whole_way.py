"""The whole way of a shopper, in each engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.running import until

from .steps import IS_LOADED

if TYPE_CHECKING:
    from pathlib import Path

    from .base import Browser
    from .steps import Shopper

pytestmark = pytest.mark.browser


def test_from_the_product_to_the_cart(shopper: Shopper, photo: Path) -> None:
    browser = shopper.browser
    shopper.shop.gateway.scenario(seconds=1)
    shopper.arrive()
    shopper.open()
    shopper.add(photo)
    browser.click("#consent")
    shopper.order()
    shopper.sees("waiting")
    browser.wait("() => $('#state').textContent")

    shopper.sees("result")
    browser.wait(IS_LOADED, "#after")
    least = shopper.compare("Home")
    assert shopper.compare("ArrowRight") > least
    most = shopper.compare("End")
    assert shopper.compare("ArrowLeft") < most
    browser.wait(IS_LOADED, "#before")

    browser.click("#cart")
    browser.wait("() => location.pathname.startsWith('/cart/')")
    assert browser.run("() => all('.lines h2').map((it) => it.textContent.trim())") == ["Linnea linen shirt"]


FAIL = """() => {
    setTimeout(() => { throw new Error("thrown"); });
    setTimeout(() => Promise.reject(new Error("rejected")));
}"""


def test_an_error_in_a_script_is_noticed(engine: Browser, shopper: Shopper) -> None:
    shopper.visit()
    engine.run(FAIL)
    errors: list[str] = []

    def all_noticed() -> bool:
        errors.extend(engine.errors())
        return all(any(name in error for error in errors) for name in ("thrown", "rejected"))

    until(all_noticed, "both errors are noticed")
