"""The running example shop and a real Chromium, driven by Playwright."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.live_shop import CHROMIUM, RunningShop, phone_photo

from .actions import render_instantly

CHROMIUM_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-quic",
]
# A camera that shows a test picture.
CHROMIUM_FLAGS += ["--use-fake-device-for-media-stream"]
UNUSED_FEATURES = [
    # The lists below the address bar are pages: in each window, they take as long as the page that is tested.
    *("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "WebUIOmniboxFullPopup"),
    # Chromium ignores Playwright's own list when it gets this one, so what matters of it is repeated.
    *("AimEnabled", "AvoidCorsURLLoaderRestartOnRedirect", "AvoidUnnecessaryBeforeUnloadCheckSync"),
    *("DestroyProfileOnBrowserClose", "HttpsFirstBalancedModeAutoEnable", "HttpsUpgrades", "LensOverlay"),
    *("MediaRouter", "NetworkTimeServiceQuerying", "OptimizationHints", "PaintHolding"),
    *("PreconnectToSearch", "ThirdPartyStoragePartitioning"),
]
CHROMIUM_FLAGS += [f"--disable-features={','.join(UNUSED_FEATURES)}"]
NODE_MODULES = Path(__file__).resolve().parents[2] / "node_modules"


def npm_file(name: str) -> Path:
    """Return a file of an npm package. Without npm the test is skipped, but not in CI."""
    file = NODE_MODULES / name
    if not file.exists():
        assert "CI" not in os.environ, f"{name} is not installed"
        pytest.skip("npm is not installed: apt-get install npm")
    return file


def save_for_guide(screenshot: Image.Image, name: str) -> None:
    """Save a picture for the documentation in the folder `SCREENSHOTS`, which `make pictures` sets.

    It is reduced to 256 colours, which is good enough and makes it two thirds smaller.
    """
    folder = Path(os.environ["SCREENSHOTS"])
    folder.mkdir(parents=True, exist_ok=True)
    screenshot.quantize(256, kmeans=1, dither=Image.Dither.NONE).save(folder / f"{name}.png", optimize=True)


@pytest.fixture(scope="package")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningShop]:
    with RunningShop(tmp_path_factory.mktemp("shop"), seconds=2) as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Closed after this package: Playwright's event loop would disturb asyncio tests."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield running
        running.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Without animations, because drawing them takes half of the processor time of an order.

    Where they matter: `page.emulate_media(reduced_motion="no-preference")`.
    """
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, locale="en-GB", reduced_motion="reduce"
    )
    yield context
    for page in context.pages:  # Requests that are still being routed would fail.
        page.unroute_all(behavior="ignoreErrors")
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page whose console must show no error and no blocked resource."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    yield page
    assert errors == []


@pytest.fixture
def page_with_failing_requests(context: BrowserContext) -> Iterator[Page]:
    """A page on which requests may fail. Browsers log such errors, so only errors of scripts count."""
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert errors == []


@pytest.fixture
def instant_renders(shop: RunningShop) -> Iterator[None]:
    """Renders of this test alone take no time."""
    render_instantly(shop)
    yield
    shop.gateway.reset()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "me.jpg"
    file.write_bytes(phone_photo())
    return file
