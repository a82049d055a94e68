"""The commands of W3C WebDriver, which Firefox and WebKit share. Their transports differ."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
from abc import abstractmethod
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from .base import TIMEOUT_SECONDS, Browser, NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {
    "Tab": "\ue004",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "End": "\ue010",
    "Home": "\ue011",
    "ArrowLeft": "\ue012",
    "ArrowRight": "\ue014",
}
# WebDriver clicks where the element was when it looked, and would miss a moving one.
ELEMENT_AT_REST = """(css) => {
    const element = isMoving() ? null : $(css);
    const { dataset } = document.documentElement;
    dataset.missed = css;
    const check = (event) => event.composedPath().includes(element) && delete dataset.missed;
    addEventListener("click", check, { capture: true, once: true });
    return element;
}"""


@contextmanager
def running(
    command: list[str], env: Mapping[str, str], log: Path, fds: tuple[int, ...] = ()
) -> Iterator[None]:
    """Run a command until the block ends, then stop it and all processes that it has started."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=fds,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(TIMEOUT_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class WebDriver(Browser):
    @abstractmethod
    def command(self, name: str, **parameters: Any) -> Any:
        """Send a command by its Marionette name. Raises NoAnswerError if the browser refuses it."""

    def open(self, url: str) -> None:
        self.command("Navigate", url=url)

    def evaluate(self, body: str, *args: Any) -> Any:
        return self.command("ExecuteScript", script=body, args=args)

    def click(self, css: str) -> None:
        """As in the base class. If the element has moved in the meantime, click once more."""
        for _attempt in range(2):
            self.command("ElementClick", id=self.wait(ELEMENT_AT_REST, css)[ELEMENT])
            if not self._has_missed(css):
                return
        raise AssertionError(f"two clicks have missed {css}")

    def _has_missed(self, css: str) -> bool:
        with suppress(NoAnswerError):  # The page is being left, so the click has worked.
            return bool(self.run("() => document.documentElement.dataset.missed") == css)
        return False

    def press(self, key: str) -> None:
        strokes = [{"type": kind, "value": KEYS.get(key, key)} for kind in ("keyDown", "keyUp")]
        self.command("PerformActions", actions=[{"type": "key", "id": "keyboard", "actions": strokes}])

    def upload(self, css: str, file: Path) -> None:
        element = self.wait("(css) => all(css)[0]", css)
        self.command("ElementSendKeys", id=element[ELEMENT], text=str(file))

    def screenshot(self) -> bytes:
        return base64.b64decode(self.command("TakeScreenshot", full=False))

    def resize(self, width: int, height: int) -> None:
        """Set the window's size, which includes the browser's own bars."""
        bars = self.run("() => [outerWidth - innerWidth, outerHeight - innerHeight]")
        self.command("SetWindowRect", width=width + bars[0], height=height + bars[1])
        self.wait("(width, height) => innerWidth === width && innerHeight === height", width, height)

    def delete_cookies(self) -> None:
        self.command("DeleteAllCookies")
