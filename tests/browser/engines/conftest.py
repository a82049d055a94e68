"""Fixtures for the three browser engines, each started once."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest

from tests.live_shop import CHROMIUM, FIREFOX, WEBKIT

from .chromium import chromium
from .firefox import firefox
from .shopper import Shopper
from .webkit import webkit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.live_shop import RunningShop

    from .base import Browser

ENGINES = {
    "chromium": (CHROMIUM, "chromium"),
    "firefox": (FIREFOX, "firefox-esr"),
    "webkit": (WEBKIT, "webkit2gtk-driver xvfb"),
}


def launched(
    request: pytest.FixtureRequest, name: str, *, dark: bool = False
) -> AbstractContextManager[Browser]:
    """Start the engine. If it is not installed the test is skipped, but not in CI."""
    executable, packages = ENGINES[name]
    if executable is None:
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
    """A new shopper, on whose pages no script may fail."""
    shop.gateway.reset()
    yield Shopper(engine, shop)
    assert engine.errors() == []
