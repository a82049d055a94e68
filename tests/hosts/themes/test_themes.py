"""The admin pages in Django's style and in the admin themes, light and dark, on a desktop and on a phone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.hosts.running_host import RunningHost

if TYPE_CHECKING:
    from collections.abc import Iterator

THEMES = ["", "unfold", "jazzmin", "grappelli"]
PHONE: ViewportSize = {"width": 390, "height": 844}
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
CHECKS = (Path(__file__).parent / "checks.js").read_text()
SCREENSHOTS = os.environ.get("SCREENSHOTS", "")


class ThemedAdmin(RunningHost):
    """The example shop's admin. Nothing is rendered, so there are no workers."""

    settings = "tests.hosts.themes.settings"

    def load_data(self) -> None:
        if not (self.folder / "shop.sqlite3").exists():
            super().load_data()

    def start_workers(self) -> None:
        pass

    def pages(self) -> dict[str, tuple[str, str]]:
        """The path of each page, and what must be visible on it, by a name."""
        draft = self.value("vton_batch WHERE status = 'draft'")
        batch = self.value("vton_batch WHERE status = 'running'")
        unknown = UUID(self.value("vton_tryonrequest WHERE error_code = 'outcome_unknown'"))
        completed = UUID(self.value("vton_tryonrequest WHERE state = 'completed'"))
        house_model = UUID(self.value("vton_personphoto WHERE kind = 'house'"))
        product = self.value("shop_product ORDER BY id")
        title = ".vton-page .vton-title"
        return {
            "health": ("vton/incident/", title),
            "pause": ("vton/pauseswitch/1/change/", "[name=is_paused]"),
            "reports": ("vton/conversion/", ".vton-page .vton-chart"),
            "invoice": ("vton/conversion/invoice/", title),
            "batches": ("vton/batch/", ".vton-tool"),
            "select": (f"vton/batch/{draft}/products/", title),
            "set-up": (f"vton/batch/{draft}/change/", title),
            "progress": (f"vton/batch/{batch}/change/", title),
            "review": (f"vton/batch/{batch}/review/", title),
            "confirm": (f"vton/batch/{batch}/cancel/", title),
            "house-models": ("vton/housemodel/", ".vton-thumb"),
            "house-model": (f"vton/housemodel/{house_model}/change/", ".vton-thumb"),
            "try-ons": ("vton/tryonrequest/", ".vton-state"),
            "try-on": (f"vton/tryonrequest/{completed}/change/", ".vton-actions .button"),
            "unknown-outcome": (f"vton/tryonrequest/{unknown}/change/", ".vton-resolutions .button"),
            "product": (f"shop/product/{product}/change/", ".vton-test .button"),
            "products": ("vton/productcheck/", title),
            "photo-access": ("vton/photoaccess/", "body"),
        }

    def value(self, source: str) -> Any:
        """The id of the first row."""
        return self.sql(f"SELECT id FROM {source} LIMIT 1")[0][0]  # noqa: S608 - only constants


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database and the files that all themes share."""
    return tmp_path_factory.mktemp("themes")


@pytest.fixture(scope="module", params=THEMES, ids=lambda theme: theme or "django")
def admin(request: pytest.FixtureRequest, folder: Path) -> Iterator[ThemedAdmin]:
    env = {"THEME": request.param, "PYTHONPATH": "example_project"}
    with ThemedAdmin(folder, env=env) as running:
        yield running


@pytest.fixture(params=["light", "dark"])
def themed_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(locale="en-GB", color_scheme=request.param)
    yield context.new_page()
    context.close()


def log_in(page: Page, admin: ThemedAdmin) -> None:
    page.goto(f"{admin.url}/admin/")
    page.locator("[name=username]").fill("admin")
    page.locator("[name=password]").fill("tests")
    page.locator("[name=password]").press("Enter")
    page.locator("[name=password]").wait_for(state="detached")


@pytest.mark.browser
def test_every_page_is_usable_in_the_theme(
    admin: ThemedAdmin, themed_page: Page, request: pytest.FixtureRequest
) -> None:
    page, found = themed_page, []
    log_in(page, admin)
    # A violation of the content security policy is an error in the console, too.
    page.on("console", lambda line: found.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("response", lambda it: found.append(f"{it.status} {it.url}") if it.status >= 400 else None)
    for name, (path, required) in admin.pages().items():
        page.set_viewport_size(PHONE)
        page.goto(f"{admin.url}/admin/{path}")
        for viewport in (PHONE, DESKTOP):
            page.set_viewport_size(viewport)
            place = f"{name}-{viewport['width']}"
            found += [f"{place}: {problem}" for problem in page.evaluate(CHECKS, required)]
            if SCREENSHOTS:
                file = Path(SCREENSHOTS) / f"{request.node.callspec.id}-{place}.png"
                page.screenshot(path=file, full_page=True)
    assert not found, "\n".join(found)
