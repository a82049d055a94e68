"""The three engines, each started once, and a shopper in each."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest

from tests.running import CHROMIUM, FIREFOX, WEBKIT

from .chromium import chromium
from .firefox import firefox
from .steps import Shopper
from .webkit import webkit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import RunningShop

    from .base import Browser

ENGINES = {
    "chromium": (CHROMIUM, "chromium"),
    "firefox": (FIREFOX, "firefox-esr"),
    "webkit": (WEBKIT, "webkit2gtk-driver xvfb"),
}


def launched(
    request: pytest.FixtureRequest, name: str, *, dark: bool = False
) -> AbstractContextManager[Browser]:
    """Where an engine is not installed its test is skipped, but not in CI."""
    found, packages = ENGINES[name]
    if found is None:
        assert "CI" not in os.environ, f"{name} is not installed"
        pytest.skip(f"{name} is not installed: apt-get install {packages}")
    if name == "chromium":
        return chromium(request.getfixturevalue("browser"), dark=dark)
    return {"firefox": firefox, "webkit": webkit}[name](dark=dark)


@pytest.fixture(scope="package", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Browser]:
    with launched(request, request.param) as browser:
        browser.resize(1280, 900)
        yield browser


@pytest.fixture
def shopper(engine: Browser, shop: RunningShop) -> Iterator[Shopper]:
    """Somebody new, on whose pages no script may fail."""
    shop.gateway.reset()
    yield Shopper(engine, shop)
    assert engine.errors() == []
