"""The common interface of the browser engines."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_SECONDS = 30.0

# `$` returns the first visible element that matches, also in open shadow roots. `isMoving` ignores endless
# animations, such as a spinner.
HELPERS = """
const all = (css, root = document) => [
    ...root.querySelectorAll(css),
    ...[...root.querySelectorAll("*")].flatMap((it) => (it.shadowRoot ? all(css, it.shadowRoot) : [])),
];
const $ = (css) => all(css).find((it) => it.checkVisibility({ visibilityProperty: true }));
const isMoving = () => [document, ...all("*").flatMap((it) => it.shadowRoot ?? [])]
    .flatMap((root) => root.getAnimations())
    .some((it) => it.playState === "running" && it.effect.getComputedTiming().endTime !== Infinity);
"""
DESCRIBE_PAGE = "() => [location.href, document.title, $('dialog')?.dataset.state]"


class NoAnswerError(Exception):
    """A script failed, or its page was left while the script ran."""


class Browser(ABC):
    """One tab of a browser. A `css` selector may match elements in open shadow roots."""

    @abstractmethod
    def open(self, url: str) -> None:
        """Load the page, and return when it has loaded."""

    @abstractmethod
    def evaluate(self, body: str, *args: Any) -> Any:
        """Run a function with this body, and return its result. A promise is awaited."""

    @abstractmethod
    def click(self, css: str) -> None:
        """Click the element with the mouse when it is visible and does not move."""

    @abstractmethod
    def press(self, key: str) -> None:
        """Press a character or one of webdriver.KEYS."""

    @abstractmethod
    def upload(self, css: str, file: Path) -> None:
        """Choose a file in a file input."""

    @abstractmethod
    def screenshot(self) -> bytes:
        """Return the viewport as PNG."""

    @abstractmethod
    def resize(self, width: int, height: int) -> None:
        """Set the size of the viewport."""

    @abstractmethod
    def errors(self) -> list[str]:
        """Return the errors of the pages' scripts since the last call."""

    @abstractmethod
    def delete_cookies(self) -> None:
        """Delete the cookies of the page's site."""

    def run(self, function: str, *args: Any) -> Any:
        """Call a function, such as `run("(a, b) => a + b", 1, 2)`. It may use HELPERS."""
        return self.evaluate(f"{HELPERS} return ({function})(...arguments);", *args)

    def wait(self, function: str, *args: Any) -> Any:
        """Call the function until it returns a true value, and return this value."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            with suppress(NoAnswerError):  # The page may be about to change.
                if answer := self.run(function, *args):
                    return answer
            time.sleep(0.05)
        page = self.run(DESCRIBE_PAGE)
        raise AssertionError(
            f"{function} {args} is {self.run(function, *args)!r} after {TIMEOUT_SECONDS:g} s on {page}"
        )

    def reset_session(self) -> None:
        """Become a new shopper of the site whose page is open."""
        self.run("() => sessionStorage.clear()")
        self.delete_cookies()
