"""A real Chromium, driven by Playwright, on the example shop as it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.running import CHROMIUM, RunningShop, phone_photo

from .steps import quick

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-quic"]
# A camera that shows a test picture, for those whom it is allowed.
FLAGS += ["--use-fake-device-for-media-stream"]
SCREENSHOTS = Path(__file__).parent / "screenshots"
MODULES = Path(__file__).resolve().parents[2] / "node_modules"


def from_npm(name: str) -> Path:
    """A file of a package that npm brought; where there is no npm, its test is left out, but not in CI."""
    file = MODULES / name
    if not file.exists():
        assert "CI" not in os.environ, f"npm has not brought {name}"
        pytest.skip("npm is not installed: apt-get install npm")
    return file


def for_guide(taken: Image.Image, name: str) -> None:
    """Into the folder that `make pictures` names: in few colours, which are enough, a third of the bytes."""
    folder = Path(os.environ["SCREENSHOTS"])
    folder.mkdir(parents=True, exist_ok=True)
    taken.quantize(256, kmeans=1, dither=Image.Dither.NONE).save(folder / f"{name}.png", optimize=True)


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    with RunningShop(tmp_path_factory.mktemp("shop"), seconds=2) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Closed after this folder: Playwright's own event loop runs as long, and asyncio's tests need theirs."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB")
    yield context
    for page in context.pages:  # What is still on its way through a route has nobody left to take it.
        page.unroute_all(behavior="ignoreErrors")
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page on which nothing may go wrong unseen: no error, no blocked resource."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    yield page
    assert complaints == []


@pytest.fixture
def lossy_page(context: BrowserContext) -> Iterator[Page]:
    """Of each lost or refused call a browser complains in its console; here only scripts' errors count."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []


@pytest.fixture
def quick_gateway(shop: RunningShop) -> Iterator[None]:
    """Renders of this test alone take no time."""
    quick(shop)
    yield
    shop.gateway.reset()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "me.jpg"
    file.write_bytes(phone_photo())
    return file
