"""Accessibility: each state on several screens, checked by axe-core and measured; and use by keyboard."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.live_shop import wait_until

from .accessibility import violations
from .conftest import save_for_guide
from .states import TIMEOUT_MS, AllStates, portrait

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page, ViewportSize

    from tests.live_shop import RunningShop

pytestmark = pytest.mark.browser

DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


@dataclass(frozen=True)
class Screen:
    name: str
    viewport: ViewportSize
    locale: str = "en-GB"
    options: dict[str, Any] = field(default_factory=dict)
    documented: frozenset[str] = frozenset()
    """The states of which `make pictures` saves a picture."""


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
    Screen("desktop", DESKTOP, documented=frozenset(DIALOG | BADGE | PAGES)),
    Screen(
        "phone",
        PHONE,
        options={"color_scheme": "dark", "has_touch": True, "is_mobile": True},
        documented=frozenset(DIALOG | {"page-try"}),
    ),
    Screen(
        "arabic",
        DESKTOP,
        "ar",
        options={"reduced_motion": "reduce"},
        documented=frozenset(DIALOG | {"badge-ready", "page-try"}),
    ),
    # 1280 by 900 at 200 % zoom.
    Screen("zoomed", {"width": 640, "height": 450}, options={"device_scale_factor": 2}),
    # 400 % zoom. German has the longest words.
    Screen("narrow", {"width": 320, "height": 640}, "de", options={"reduced_motion": "reduce"}),
]

# All visible elements of the page and of its open shadow roots.
VISIBLE_ELEMENTS = """
    const all = (root) => [...root.querySelectorAll("*")].flatMap(
        (it) => [it, ...(it.shadowRoot ? all(it.shadowRoot) : [])]);
    const dialog = document.querySelector("vton-dialog")?.shadowRoot.querySelector("dialog[open]");
    const visible = [dialog ?? document.documentElement, ...all(dialog ?? document)]
        .filter((it) => it.checkVisibility({ visibilityProperty: true }));
    const describe = ({ localName, id, className, textContent }) =>
        `${localName}#${id}.${className} "${textContent.trim().slice(0, 30)}"`;
"""
# Styles and images are loaded, and no animation runs except endless ones.
AWAIT_SETTLED = (
    "() => {"
    + VISIBLE_ELEMENTS
    + """
    const animations = [document, dialog?.getRootNode()].flatMap((root) => root?.getAnimations() ?? [])
        .filter(({ effect }) => effect.getComputedTiming().endTime < Infinity);
    return Promise.all([
        document.readyState === "complete" || new Promise((resolve) => addEventListener("load", resolve)),
        ...animations.map(({ finished }) => finished.catch(() => {})),
        ...visible.filter((it) => it.matches("img[src]:not([loading])")).map((image) => image.decode()),
    ]).then(() => {});
}"""
)
SCROLLS_SIDEWAYS = (
    "() => {"
    + VISIBLE_ELEMENTS
    + """
    return [document.documentElement, ...visible]
        .filter((it) => it.scrollWidth > it.clientWidth + 1 && it.clientWidth > 1 &&
            (it === document.documentElement || /auto|scroll/.test(getComputedStyle(it).overflowX)))
        .map((it) => `${describe(it)}: ${it.scrollWidth} in ${it.clientWidth}`);
}"""
)
DISTORTED = (
    "() => {"
    + VISIBLE_ELEMENTS
    + """
    return visible.filter((it) => it.localName === "img" && it.naturalWidth)
        .filter((it) => getComputedStyle(it).objectFit === "fill")
        .filter(({ width, height, naturalWidth, naturalHeight }) =>
            Math.abs(width * naturalHeight / (height * naturalWidth) - 1) > 0.03)
        .map((it) => [describe(it), it.width, it.height, "of", it.naturalWidth, it.naturalHeight].join(" "));
}"""
)
# Exceptions: links within a sentence (WCAG 2.5.8, "inline"), hidden fields, which have a label, and the
# hidden slider, which has a handle.
SMALL_TARGETS = (
    "() => {"
    + VISIBLE_ELEMENTS
    + """
    const TARGETS = "a[href], button, input, select, summary, [tabindex='0'], label.primary";
    const inline = (it) => getComputedStyle(it).display === "inline" &&
        it.parentElement.textContent.trim().length > it.textContent.trim().length + 3;
    return visible.filter((it) => it.matches(TARGETS))
        .filter((it) => !inline(it) && getComputedStyle(it).clipPath === "none" && it.id !== "compare")
        .map((it) => [it, it.matches("label input") ? it.closest("label") : it])
        .map(([it, target]) => [it, target.getBoundingClientRect()])
        .filter(([, { width, height }]) => width < 23.99 || height < 23.99)
        .map(([it, { width, height }]) => `${describe(it)}: ${width} by ${height}`);
}"""
)
ANIMATED = (
    "() => {"
    + VISIBLE_ELEMENTS
    + """
    return visible.filter((it) => {
        const { animationName, transitionDuration } = getComputedStyle(it);
        return animationName !== "none" || /[1-9]/.test(transitionDuration);
    }).map(describe);
}"""
)


def problems(page: Page, screen: Screen) -> list[str]:
    found = [f"too small: {it}" for it in page.evaluate(SMALL_TARGETS)]
    found += [f"scrolls sideways: {it}" for it in page.evaluate(SCROLLS_SIDEWAYS)]
    found += [f"is distorted: {it}" for it in page.evaluate(DISTORTED)]
    if "reduced_motion" in screen.options:
        found += [f"is animated: {it}" for it in page.evaluate(ANIMATED)]
    return found + violations(page)


def save_picture(page: Page, screen: Screen, state: str) -> None:
    """For `make pictures`: the dialog, the corner with the badge, or a whole page."""
    if not os.environ.get("SCREENSHOTS") or state not in screen.documented:
        return
    screenshot = Image.open(io.BytesIO(page.screenshot(full_page=state.startswith("page-")))).convert("RGB")
    element = page.locator(".facts" if state == "product" else "dialog[open], vton-badge").first
    if not state.startswith("page-") and (box := element.count() and element.bounding_box()):
        left, top = max(0, box["x"] - MARGIN), max(0, box["y"] - MARGIN)
        screenshot = screenshot.crop(
            (
                int(left),
                int(top),
                min(screenshot.width, int(box["x"] + box["width"] + MARGIN)),
                min(screenshot.height, int(box["y"] + box["height"] + MARGIN)),
            )
        )
    save_for_guide(screenshot, f"{screen.name}-{state}")


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
def test_every_state_is_accessible(
    screen: Screen, browser: Browser, shop: RunningShop, tmp_path: Path
) -> None:
    photo = tmp_path / "me.jpg"
    photo.write_bytes(portrait())
    context = browser.new_context(viewport=screen.viewport, locale=screen.locale, **screen.options)
    page = context.new_page()
    page.on("pageerror", lambda error: found.setdefault(f"script: {error}", []).append(""))
    found: dict[str, list[str]] = {}
    # Until a worker has been seen, DEBUG shows a hint that is in no shop.
    wait_until(
        lambda: shop.sql("SELECT max(seen_at) FROM vton_dispatcherlease") != [(None,)], "a worker", seconds=90
    )
    for state in AllStates(page, shop, photo):
        page.evaluate(AWAIT_SETTLED)
        save_picture(page, screen, state)
        for problem in problems(page, screen):
            found.setdefault(problem, []).append(state)
        if screen.name == "desktop":
            # Only styles depend on forced colors, so they need no journey of their own.
            page.emulate_media(forced_colors="active")
            page.evaluate(AWAIT_SETTLED)
            for problem in problems(page, screen):
                found.setdefault(problem, []).append(f"{state} in forced colors")
            page.emulate_media(forced_colors="none")
    context.close()
    assert not found, "\n".join(f"\n{problem}\n    in {', '.join(it)}" for problem, it in found.items())


FOCUSED = """() => {
    let it = document.activeElement;
    while (it.shadowRoot) it = it.shadowRoot.activeElement;
    // A hidden input is represented by the next element: a label or the divider's handle.
    const shown = it.matches("#file, #compare") ? it.nextElementSibling : it;
    const { outlineStyle, outlineWidth } = getComputedStyle(shown, it.id === "compare" ? "::after" : null);
    return {
        name: it.id || it.dataset.do || it.name || it.className || it.localName,
        inside: Boolean(it.closest("dialog")) || it === document.body,
        visible: outlineStyle !== "none" && parseFloat(outlineWidth) >= 2,
    };
}"""


def tab_to(page: Page, name: str, key: str = "Tab") -> list[str]:
    """Press Tab until the element has the focus. Return all stops, which must be visible."""
    passed: list[str] = []
    for _stop in range(40):
        page.keyboard.press(key)
        stop = page.evaluate(FOCUSED)
        assert stop["inside"], f"{stop['name']} is not in the dialog"
        assert stop["visible"] or stop["name"] == "body", f"the focus on {stop['name']} is not visible"
        passed.append(stop["name"])
        if stop["name"] == name:
            return passed
    raise AssertionError(f"{name} is not reached: {passed}")


RECORD_ANNOUNCEMENTS = """state => {
    window.announcements = [];
    const record = () => window.announcements.push(state.textContent);
    new MutationObserver(record).observe(state, { childList: true });
}"""


def test_the_whole_flow_works_by_keyboard_alone(page: Page, shop: RunningShop) -> None:
    shop.gateway.reset()
    shop.gateway.scenario(seconds=4)
    page.goto(f"{shop.url}/products/linen-shirt/")
    button = page.get_by_role("link", name=re.compile("^Try it on.*Linnea linen shirt$"))
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#choose-title")).to_be_focused()
    passed = tab_to(page, "camera")
    assert passed == ["pick", "pick", "file", "camera"]
    # The focus cycles within the dialog.
    passed = tab_to(page, "pick")
    assert {"history", "privacy", "close"} <= set(passed)
    page.keyboard.press("Enter")
    expect(page.locator("#check-title")).to_be_focused()
    page.locator("#state").evaluate(RECORD_ANNOUNCEMENTS)
    assert tab_to(page, "num_samples") == ["num_samples"]
    page.keyboard.press("5")  # A render that no other test uses.
    assert tab_to(page, "primary") == ["primary"]
    page.keyboard.press("Enter")
    expect(page.locator("#waiting-title")).to_be_focused()
    expect(page.locator("#cancel")).to_be_visible(timeout=TIMEOUT_MS)  # The shop has accepted the order.
    tab_to(page, "cancel")
    tab_to(page, "close", "Shift+Tab")

    expect(page.locator("#result-title")).to_be_focused(timeout=TIMEOUT_MS)
    announcements = page.evaluate("window.announcements")
    assert "Creating your look…" in announcements
    assert len(announcements) == len(set(announcements)), "each state is announced once"
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
