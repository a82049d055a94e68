"""Chromium, driven by Playwright."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from playwright.sync_api import Error

from ..actions import take_screenshot
from .base import TIMEOUT_SECONDS, Browser, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser as Playwright
    from playwright.sync_api import ConsoleMessage, Locator, Page


@contextmanager
def chromium(playwright: Playwright, *, dark: bool) -> Iterator[Chromium]:
    context = playwright.new_context(color_scheme="dark" if dark else "light", locale="en-GB")
    context.set_default_timeout(TIMEOUT_SECONDS * 1000)
    yield Chromium(context.new_page())
    context.close()


class Chromium(Browser):
    def __init__(self, page: Page) -> None:
        self.page = page
        self.logged: list[str] = []
        self.page.on("pageerror", lambda error: self.logged.append(str(error)))
        self.page.on("console", self._record)

    def open(self, url: str) -> None:
        self.page.goto(url)

    def evaluate(self, body: str, *args: Any) -> Any:
        try:
            return self.page.evaluate(f"(args) => (function () {{ {body} }})(...args)", list(args))
        except Error as error:
            raise NoAnswerError from error

    def click(self, css: str) -> None:
        self._find(f"{css} >> visible=true").click()

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def upload(self, css: str, file: Path) -> None:
        self._find(css).set_input_files(file)

    def screenshot(self) -> bytes:
        return take_screenshot(self.page)

    def resize(self, width: int, height: int) -> None:
        self.page.set_viewport_size({"width": width, "height": height})

    def errors(self) -> list[str]:
        self.page.evaluate("0")  # Playwright delivers events together with the next answer.
        logged, self.logged = self.logged, []
        return logged

    def delete_cookies(self) -> None:
        self.page.context.clear_cookies()

    def _find(self, selector: str) -> Locator:
        return self.page.locator(selector).first

    def _record(self, line: ConsoleMessage) -> None:
        if line.type == "error":
            self.logged.append(line.text)
