"""WebKitGTK's MiniBrowser, driven by WebDriver over HTTP."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import httpx

from tests.live_shop import WEBKIT, free_port, wait_until

from .base import TIMEOUT_SECONDS, NoAnswerError
from .webdriver import WebDriver, running

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS = {
    "DeleteAllCookies": ("DELETE", "cookie"),
    "ElementClick": ("POST", "element/{id}/click"),
    "ElementSendKeys": ("POST", "element/{id}/value"),
    "ExecuteScript": ("POST", "execute/sync"),
    "Navigate": ("POST", "url"),
    "PerformActions": ("POST", "actions"),
    "SetWindowRect": ("POST", "window/rect"),
    "TakeScreenshot": ("GET", "screenshot"),
}

# By default its toolbar makes the window at least 447 px wide.
ALLOW_NARROW_WINDOW = "* { min-width: 0; min-height: 0; padding: 0; margin: 0; border: 0; font-size: 1px }"
# Its console is not accessible. The session storage keeps errors for the next page of the tab.
RECORD_ERRORS = """() => {
    const record = (error) => (sessionStorage.errors = `${sessionStorage.errors ?? ""}${error}\\n`);
    addEventListener("error", ({ message, target }) => record(message ?? `${target.src} did not load`), true);
    addEventListener("unhandledrejection", ({ reason }) => record(reason));
    addEventListener("securitypolicyviolation", ({ blockedURI, violatedDirective }) =>
        record(`${violatedDirective} blocked ${blockedURI}`));
}"""
TAKE_ERRORS = """() => {
    const { errors } = sessionStorage;
    delete sessionStorage.errors;
    return errors ?? "";
}"""


@contextmanager
def webkit(*, dark: bool) -> Iterator[WebKit]:
    with TemporaryDirectory(prefix="vton-webkit-") as folder, display(Path(folder)) as screen:
        home = Path(folder)
        (home / "gtk-3.0").mkdir()
        (home / "gtk-3.0" / "gtk.css").write_text(ALLOW_NARROW_WINDOW)
        env = {
            "DISPLAY": screen,
            "GDK_BACKEND": "x11",
            "HOME": folder,
            "LANG": "C.UTF-8",
            "LIBGL_ALWAYS_SOFTWARE": "1",
            "NO_AT_BRIDGE": "1",
            "XDG_CONFIG_HOME": folder,
        }
        port = free_port()
        with (
            running(["WebKitWebDriver", f"--port={port}"], env, home / "log"),
            httpx.Client(
                base_url=f"http://127.0.0.1:{port}", timeout=2 * TIMEOUT_SECONDS, trust_env=False
            ) as http,
        ):
            yield WebKit(http, ["--automation", *["--dark-mode"] * dark])


@contextmanager
def display(home: Path) -> Iterator[str]:
    """Start a virtual X server, which chooses and reports its display number."""
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]
    with running(command, {}, home / "Xvfb.log", (writer,)), os.fdopen(reader) as number:
        os.close(writer)
        yield f":{number.readline().strip()}"


class WebKit(WebDriver):
    def __init__(self, http: httpx.Client, args: list[str]) -> None:
        self.http = http
        wait_until(self._answers, "WebKitWebDriver answers")
        options = {"binary": WEBKIT, "args": args}
        capabilities = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
        self.session = self._call("POST", "/session", capabilities)["sessionId"]

    def command(self, name: str, **parameters: Any) -> Any:
        method, path = COMMANDS[name]
        body = parameters if method == "POST" else None
        return self._call(method, f"/session/{self.session}/{path.format(**parameters)}", body)

    def open(self, url: str) -> None:
        super().open(url)
        self.run(RECORD_ERRORS)

    def screenshot(self) -> bytes:
        """Return a second screenshot: the first may be taken before the last change is drawn."""
        super().screenshot()
        return super().screenshot()

    def errors(self) -> list[str]:
        errors: str = self.run(TAKE_ERRORS)
        return errors.splitlines()

    def _call(self, method: str, path: str, body: Any) -> Any:
        answer = self.http.request(method, path, json=body)
        value = answer.json()["value"]
        if answer.is_error:
            raise NoAnswerError(value["error"], value["message"])
        return value

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return self.http.get("/status").is_success
        return False
