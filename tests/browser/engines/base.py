"""What a test does with a browser, whichever engine it has."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

SOON = 30.0

# `$` is the first visible element that matches, also in open shadow roots. What never stops moving, such as a
# spinner, is no reason to wait.
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


class NoAnswerError(Exception):
    """A script failed, or its page was left while it ran."""


class Browser(ABC):
    """One tab of a browser. `css` may match an element in an open shadow root."""

    @abstractmethod
    def open(self, url: str) -> None:
        """Return once the page has loaded."""

    @abstractmethod
    def evaluate(self, body: str, *args: Any) -> Any:
        """What the function with this body returns for `arguments`; a promise is awaited."""

    @abstractmethod
    def click(self, css: str) -> None:
        """With the mouse, once the element is visible and does not move."""

    @abstractmethod
    def press(self, key: str) -> None:
        """A character or one of w3c.KEYS, where the focus is."""

    @abstractmethod
    def upload(self, css: str, file: Path) -> None:
        """Choose a file in a file input."""

    @abstractmethod
    def screenshot(self) -> bytes:
        """The viewport as PNG."""

    @abstractmethod
    def resize(self, width: int, height: int) -> None:
        """Set the viewport."""

    @abstractmethod
    def errors(self) -> list[str]:
        """The errors of the pages' scripts since the last call."""

    @abstractmethod
    def delete_cookies(self) -> None:
        """Those of the page's site."""

    def run(self, function: str, *args: Any) -> Any:
        """`run("(a, b) => a + b", 1, 2)`; the function may use what HELPERS defines."""
        return self.evaluate(f"{HELPERS} return ({function})(...arguments);", *args)

    def wait(self, function: str, *args: Any) -> Any:
        """Until the function returns something true."""
        ends = time.monotonic() + SOON
        while time.monotonic() < ends:
            with suppress(NoAnswerError):  # A page that is being left cannot answer.
                if answer := self.run(function, *args):
                    return answer
            time.sleep(0.05)
        raise AssertionError(f"{function} {args} after {SOON:g} s: {self.run(function, *args)!r}")

    def forget(self) -> None:
        """Become another shopper of the site whose page is open."""
        self.run("() => sessionStorage.clear()")
        self.delete_cookies()
