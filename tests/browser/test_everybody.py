"""The same try-on for everybody: each state on every screen, read by axe-core and measured."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.running import until

from .axe import violations
from .conftest import for_guide
from .walk import SOON, Walk, portrait

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page, ViewportSize

    from tests.running import RunningShop

pytestmark = pytest.mark.browser

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Screen:
    name: str
    viewport: ViewportSize
    locale: str = "en-GB"
    more: dict[str, Any] = field(default_factory=dict)
    pictures: frozenset[str] = frozenset()


DIALOG = {
    "choose",
    "choose-kept",
    "phone",
    "camera",
    "camera-denied",
    "check",
    "consent-missing",
    "waiting",
    "offline",
    "result",
    "reasons",
    "delete-asked",
    "error",
    "quota",
}
BADGE = {"badge-running", "badge-ready", "badge-failed"}
PAGES = {
    "product",
    "page-try",
    "page-try-problems",
    "page-running",
    "page-canceled",
    "page-result",
    "page-delete",
    "page-history",
    "page-privacy",
}
MARGIN = 24

SCREENS = [
    Screen("desktop", DESKTOP, pictures=frozenset(DIALOG | BADGE | PAGES)),
    Screen(
        "phone",
        PHONE,
        more={"color_scheme": "dark", "has_touch": True, "is_mobile": True},
        pictures=frozenset(DIALOG | {"page-try"}),
    ),
    Screen("arabic", DESKTOP, "ar", pictures=frozenset(DIALOG | {"badge-ready", "page-try"})),
    Screen("forced", DESKTOP, more={"forced_colors": "active"}),
    # What 200 % of 1280 by 900 leaves.
    Screen("zoomed", {"width": 640, "height": 450}, more={"device_scale_factor": 2}),
    # What 400 % leaves; German has the longest words.
    Screen("narrow", {"width": 320, "height": 640}, "de", more={"reduced_motion": "reduce"}),
]

# Everything below runs over the page and the open shadow roots in it.
EVERYTHING = """
    const all = (root) => [...root.querySelectorAll("*")].flatMap(
        (it) => [it, ...(it.shadowRoot ? all(it.shadowRoot) : [])]);
    const dialog = document.querySelector("vton-dialog")?.shadowRoot.querySelector("dialog[open]");
    const seen = [dialog ?? document.documentElement, ...all(dialog ?? document)]
        .filter((it) => it.checkVisibility({ visibilityProperty: true }));
    const told = (it) => `${it.localName}#${it.id}.${it.className} "${it.textContent.trim().slice(0, 30)}"`;
"""
# Styles and pictures are there, and nothing moves any more but what moves without an end.
SETTLED = (
    "() => {"
    + EVERYTHING
    + """
    const moves = [document, dialog?.getRootNode()].flatMap((root) => root?.getAnimations() ?? [])
        .filter(({ effect }) => effect.getComputedTiming().endTime < Infinity);
    return Promise.all([
        document.readyState === "complete" || new Promise((resolve) => addEventListener("load", resolve)),
        ...moves.map(({ finished }) => finished.catch(() => {})),
        ...seen.filter((it) => it.matches("img[src]:not([loading])")).map((image) => image.decode()),
    ]).then(() => {});
}"""
)
WIDE = (
    "() => {"
    + EVERYTHING
    + """
    return [document.documentElement, ...seen]
        .filter((it) => it.scrollWidth > it.clientWidth + 1 && it.clientWidth > 1 &&
            (it === document.documentElement || /auto|scroll/.test(getComputedStyle(it).overflowX)))
        .map((it) => `${told(it)}: ${it.scrollWidth} in ${it.clientWidth}`);
}"""
)
DISTORTED = (
    "() => {"
    + EVERYTHING
    + """
    return seen.filter((it) => it.localName === "img" && it.naturalWidth)
        .filter((it) => getComputedStyle(it).objectFit === "fill")
        .filter(({ width, height, naturalWidth, naturalHeight }) =>
            Math.abs(width * naturalHeight / (height * naturalWidth) - 1) > 0.03)
        .map((it) => `${told(it)}: ${it.width} by ${it.height} of ${it.naturalWidth} by ${it.naturalHeight}`);
}"""
)
# A link in a sentence is as high as its line (WCAG 2.5.8, "inline"); a hidden field is reached by its label,
# and the hidden slider by the handle.
SMALL = (
    "() => {"
    + EVERYTHING
    + """
    const TARGETS = "a[href], button, input, select, summary, [tabindex='0'], label.primary";
    const inline = (it) => getComputedStyle(it).display === "inline" &&
        it.parentElement.textContent.trim().length > it.textContent.trim().length + 3;
    return seen.filter((it) => it.matches(TARGETS))
        .filter((it) => !inline(it) && getComputedStyle(it).clipPath === "none" && it.id !== "compare")
        .map((it) => [it, it.matches("label input") ? it.closest("label") : it])
        .map(([it, target]) => [it, target.getBoundingClientRect()])
        .filter(([, { width, height }]) => width < 23.99 || height < 23.99)
        .map(([it, { width, height }]) => `${told(it)}: ${width} by ${height}`);
}"""
)
MOVING = (
    "() => {"
    + EVERYTHING
    + """
    return seen.filter((it) => {
        const { animationName, transitionDuration } = getComputedStyle(it);
        return animationName !== "none" || /[1-9]/.test(transitionDuration);
    }).map(told);
}"""
)


def problems(page: Page, screen: Screen) -> list[str]:
    found = [f"too small: {it}" for it in page.evaluate(SMALL)]
    found += [f"scrolls sideways: {it}" for it in page.evaluate(WIDE)]
    found += [f"is distorted: {it}" for it in page.evaluate(DISTORTED)]
    if "reduced_motion" in screen.more:
        found += [f"moves: {it}" for it in page.evaluate(MOVING)]
    return found + violations(page)


def picture(page: Page, screen: Screen, state: str) -> None:
    """For the guide, where it is asked for: the dialog, the badge's corner, or all of a page."""
    if not os.environ.get("SCREENSHOTS") or state not in screen.pictures:
        return
    taken = Image.open(io.BytesIO(page.screenshot(full_page=state.startswith("page-")))).convert("RGB")
    shown = page.locator(".facts" if state == "product" else "dialog[open], vton-badge").first
    if not state.startswith("page-") and (box := shown.count() and shown.bounding_box()):
        left, top = max(0, box["x"] - MARGIN), max(0, box["y"] - MARGIN)
        taken = taken.crop(
            (
                int(left),
                int(top),
                min(taken.width, int(box["x"] + box["width"] + MARGIN)),
                min(taken.height, int(box["y"] + box["height"] + MARGIN)),
            )
        )
    for_guide(taken, f"{screen.name}-{state}")


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_every_state_is_for_everybody(
    screen: Screen, browser: Browser, shop: RunningShop, tmp_path: Path
) -> None:
    photo = tmp_path / "me.jpg"
    photo.write_bytes(portrait())
    context = browser.new_context(viewport=screen.viewport, locale=screen.locale, **screen.more)
    page = context.new_page()
    page.on("pageerror", lambda error: found.setdefault(f"script: {error}", []).append(""))
    found: dict[str, list[str]] = {}
    if os.environ.get("SCREENSHOTS"):
        # No picture bears the hint that DEBUG gives before a worker was seen.
        until(lambda: shop.sql("SELECT max(seen_at) FROM vton_pumpslot") != [(None,)], "a worker", seconds=90)
    for state in Walk(page, shop, photo):
        page.evaluate(SETTLED)
        picture(page, screen, state)
        for problem in problems(page, screen):
            found.setdefault(problem, []).append(state)
    context.close()
    assert not found, "\n".join(f"\n{problem}\n    in {', '.join(it)}" for problem, it in found.items())


FOCUSED = """() => {
    let it = document.activeElement;
    while (it.shadowRoot) it = it.shadowRoot.activeElement;
    // What is hidden itself is shown by what is next to it: a label, or the divider's handle.
    const next = it.matches("#file, #compare") ? it.nextElementSibling : it;
    const { outlineStyle, outlineWidth } = getComputedStyle(next, it.id === "compare" ? "::after" : null);
    return {
        name: it.id || it.dataset.do || it.name || it.className || it.localName,
        inside: Boolean(it.closest("dialog")) || it === document.body,
        visible: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    };
}"""


def tab_to(page: Page, wanted: str, key: str = "Tab") -> list[str]:
    """Tab until something is reached; all that was passed. Each stop is in the dialog and is seen."""
    passed: list[str] = []
    for _stop in range(40):
        page.keyboard.press(key)
        stop = page.evaluate(FOCUSED)
        assert stop["inside"], f"{stop['name']} is not in the dialog"
        assert stop["visible"] or stop["name"] == "body", f"nobody sees the focus on {stop['name']}"
        passed.append(stop["name"])
        if stop["name"] == wanted:
            return passed
    raise AssertionError(f"{wanted} is not reached: {passed}")


LISTEN = """state => {
    window.said = [];
    new MutationObserver(() => window.said.push(state.textContent)).observe(state, { childList: true });
}"""


def test_by_keyboard_alone(page: Page, shop: RunningShop) -> None:
    shop.gateway.reset()
    shop.gateway.scenario(seconds=4)
    page.emulate_media(reduced_motion="reduce")  # The divider stays where it is.
    page.goto(f"{shop.url}/products/linen-shirt/")
    button = page.get_by_role("link", name=re.compile("^Try it on.*Linnea linen shirt$"))
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#choose-title")).to_be_focused()
    passed = tab_to(page, "camera")
    assert passed == ["pick", "pick", "file", "camera"]
    # All the way round, and never out of the dialog.
    passed = tab_to(page, "pick")
    assert {"history", "privacy", "close"} <= set(passed)
    page.keyboard.press("Enter")
    expect(page.locator("#check-title")).to_be_focused()
    page.locator("#state").evaluate(LISTEN)
    assert tab_to(page, "num_samples") == ["num_samples"]
    page.keyboard.press("5")  # No render of another test.
    assert tab_to(page, "primary") == ["primary"]
    page.keyboard.press("Enter")
    expect(page.locator("#waiting-title")).to_be_focused()
    tab_to(page, "cancel")
    tab_to(page, "close", "Shift+Tab")

    expect(page.locator("#result-title")).to_be_focused(timeout=SOON)
    said = page.evaluate("window.said")
    assert "Creating your look…" in said
    assert len(said) == len(set(said)), "each state is told once"
    assert tab_to(page, "compare") == ["compare"]
    slider = page.get_by_role("slider", name="Compare with the original photo")
    share = "stage => stage.style.getPropertyValue('--share')"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_value("2")
    assert page.locator("#stage").evaluate(share) == "0.02"
    tab_to(page, "like")
    page.keyboard.press("Space")
    expect(page.locator("#like")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)
    expect(button).to_be_focused()
