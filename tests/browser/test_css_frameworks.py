"""The button, the badge and the gallery look the same with every CSS framework."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from django.template.loader import render_to_string
from playwright.sync_api import expect

from .actions import open_product_page
from .conftest import npm_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page, Route

    from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser

# Rules as in Bootstrap 4 (django-oscar) and in many shops' own themes.
CLASSIC_THEME = """
a:hover { color: #0056b3; text-decoration: underline; }
a:link, a:visited { color: #c00; text-decoration: underline; }
a:hover, a:focus, a:active { color: #f60; text-decoration: underline dotted; background-color: #ff0; }
img, svg { display: inline; vertical-align: middle; }
button, [type=button] { background: #c00; border: 2px outset; color: #fff; margin: 4px; padding: 9px; }
button:hover, [type=button]:focus { background: #f60; color: #ff0; }
ul { margin: 2em; } ul li { list-style: square; } figure { margin: 1em 40px; }
"""
FRAMEWORKS: dict[str, Callable[[], str]] = {
    "bootstrap": lambda: npm_file("bootstrap/dist/css/bootstrap.css").read_text(),
    "tailwind": lambda: npm_file("tailwindcss/preflight.css").read_text(),
    "mdbootstrap": lambda: npm_file("mdb-ui-kit/css/mdb.min.css").read_text(),
    "pico": lambda: npm_file("@picocss/pico/css/pico.css").read_text(),
    "a classic theme": lambda: CLASSIC_THEME,
}

# The button inherits the page's text style, which frameworks set. These later rules make it equal for all.
TEXT_STYLE = """
html { font-size: 16px; }
html body { color: #302010; font: 16px / 1.5 sans-serif; letter-spacing: normal; text-align: start; }
@media (prefers-color-scheme: dark) { html body { color: #f0e0d0; } }
"""
LINK = '<link rel="stylesheet" href="/{}.css">'

PICTURE = Path(__file__).parents[2] / "example_project" / "assets" / "model-noa.jpg"
TRY_ON = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
REMEMBER = f"sessionStorage.setItem('vton', '{{\"id\": \"{TRY_ON}\"}}')"

BUTTON, BADGE, CLOSE = ".vton-button", "vton-badge a", "vton-badge button"
BOX = [
    "display",
    "block-size",
    "margin",
    "padding",
    "border-width",
    "border-radius",
    "box-sizing",
    "list-style-type",
]
FONT = [
    "color",
    "font-family",
    "font-size",
    "font-style",
    "font-weight",
    "line-height",
    "letter-spacing",
    "text-transform",
]
PAINT = [
    "background-color",
    "background-image",
    "border-color",
    "box-shadow",
    "opacity",
    "outline",
    "text-decoration",
]
SIZE = ["inline-size"]
PARTS = {
    "vton-try-on": [*BOX, *FONT, *PAINT],
    BUTTON: [*BOX, *FONT, *PAINT],
    f"{BUTTON} svg": [*BOX, *SIZE, "fill", "stroke", "stroke-width"],
    f"{BUTTON} .vton-hidden": [*SIZE, "block-size", "position", "clip-path"],
    "vton-badge": [*BOX, *SIZE, *FONT, *PAINT],
    BADGE: [*BOX, *SIZE, *FONT, *PAINT],
    CLOSE: [*BOX, *SIZE, *FONT, *PAINT],
    ".vton-gallery": ["display", "padding", "gap"],
    ".vton-gallery li": ["margin", "padding", "list-style-type"],
    ".vton-gallery figure": ["margin", "padding"],
    ".vton-gallery img": ["border-radius", "max-inline-size", "aspect-ratio"],
}
STYLES = """(parts) => {
    const styles = {};
    for (const [part, names] of Object.entries(parts)) {
        const style = getComputedStyle(document.querySelector(part));
        for (const name of names) styles[`${part}: ${name}`] = style.getPropertyValue(name);
        if (style.outlineStyle === "none") styles[`${part}: outline`] = "none";  // Its width does not matter.
    }
    return styles;
}"""
SETTLE = "() => Promise.allSettled(document.getAnimations().map(({ finished }) => finished))"
THEME = """(scheme) => {
    for (const name of ["data-theme", "data-bs-theme", "data-mdb-theme"])
        document.documentElement.setAttribute(name, scheme);
    document.documentElement.classList.toggle("dark", scheme === "dark");
}"""


def add_stylesheet(page: Page, css: str, place: str) -> None:
    """Add a stylesheet to every page of the shop, "first" or "last" in its head."""

    def document(route: Route) -> None:
        response = route.fetch()
        body = response.text()
        if place == "first":
            body = body.replace("<head>", "<head>" + LINK.format("framework"))
        last = LINK.format("framework") if place == "last" else ""
        route.fulfill(response=response, body=body.replace("</head>", last + LINK.format("text") + "</head>"))

    page.route(re.compile(r"/products/[\w-]+/$"), document)
    page.route("**/framework.css", lambda route: route.fulfill(body=css, content_type="text/css"))
    page.route("**/text.css", lambda route: route.fulfill(body=TEXT_STYLE, content_type="text/css"))


def completed_tryon(route: Route) -> None:
    """Answer the badge with a completed try-on."""
    tryon = {
        "id": TRY_ON,
        "product": "shop.product:1",
        "product_url": "/products/x/",
        "status": "completed",
        "page_url": f"/try-on/r/{TRY_ON}/",
    }
    route.fulfill(body=json.dumps(tryon), content_type="application/json")


def gallery_html() -> str:
    image = SimpleNamespace(pk=UUID(TRY_ON), width=60, height=80)
    return render_to_string("vton/gallery.html", {"product": SimpleNamespace(title=""), "images": [image]})


def collect_styles(page: Page, shop: RunningShop, css: str, place: str) -> dict[str, str]:
    """Return the computed styles of our elements in each state and colour scheme."""
    page.add_init_script(REMEMBER)
    page.route(f"**/try-ons/{TRY_ON}/*", completed_tryon)
    page.route(f"**/images/{TRY_ON}/", lambda route: route.fulfill(path=PICTURE))
    add_stylesheet(page, css, place)
    open_product_page(page, shop, "linen-shirt")
    page.locator(".facts").evaluate("(it, html) => it.insertAdjacentHTML('beforeend', html)", gallery_html())
    page.locator(".vton-gallery img").evaluate("it => { it.loading = 'eager'; return it.decode(); }")
    expect(page.locator("vton-badge button")).to_be_visible()
    collected: dict[str, str] = {}

    def collect(state: str) -> None:
        page.evaluate(SETTLE)
        styles = page.evaluate(STYLES, PARTS)
        collected.update({f"{scheme}, {state}, {name}": value for name, value in styles.items()})

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.evaluate(THEME, scheme)
        page.mouse.move(0, 0)
        collect("at rest")
        for part in (BUTTON, BADGE, CLOSE):
            element = page.locator(part)
            element.hover()
            collect(f"{part} hovered")
            page.mouse.down()
            collect(f"{part} pressed")
            page.mouse.move(0, 0)  # Released elsewhere: no click.
            page.mouse.up()
            page.keyboard.press("Shift")  # Makes :focus-visible apply.
            element.focus()
            collect(f"{part} focused")
            element.blur()
    return collected


@pytest.fixture(scope="module")
def unstyled(browser: Browser, shop: RunningShop) -> dict[str, str]:
    """The styles without a framework."""
    page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="en-GB")
    styles = collect_styles(page, shop, "", "first")
    page.close()
    return styles


@pytest.mark.parametrize("place", ["first", "last"])
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_css_framework_changes_no_style(
    page: Page, shop: RunningShop, unstyled: dict[str, str], framework: str, place: str
) -> None:
    shown = collect_styles(page, shop, FRAMEWORKS[framework](), place)
    assert [f"{it}: {value} -> {shown[it]}" for it, value in unstyled.items() if shown[it] != value] == []
