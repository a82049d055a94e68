"""WebKitGTK, driven by WebDriver over HTTP, in the small browser that it comes with."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import httpx

from tests.running import WEBKIT, free_port, until

from .base import SOON, NoAnswerError
from .w3c import W3C, running

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

# Otherwise its toolbar keeps the window at least 447 px wide.
NARROW = "* { min-width: 0; min-height: 0; padding: 0; margin: 0; border: 0; font-size: 1px }"
# Under automation it writes its console nowhere. A page that follows in the tab finds what is stored.
LISTEN = """() => {
    const tell = (error) => (sessionStorage.errors = `${sessionStorage.errors ?? ""}${error}\\n`);
    addEventListener("error", ({ message, target }) => tell(message ?? `${target.src} did not load`), true);
    addEventListener("unhandledrejection", ({ reason }) => tell(reason));
    addEventListener("securitypolicyviolation", ({ blockedURI, violatedDirective }) =>
        tell(`${violatedDirective} blocked ${blockedURI}`));
}"""
HEARD = """() => {
    const { errors } = sessionStorage;
    delete sessionStorage.errors;
    return errors ?? "";
}"""


@contextmanager
def webkit(*, dark: bool) -> Iterator[WebKit]:
    with TemporaryDirectory(prefix="vton-webkit-") as folder, display(Path(folder)) as screen:
        home = Path(folder)
        (home / "gtk-3.0").mkdir()
        (home / "gtk-3.0" / "gtk.css").write_text(NARROW)
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
            httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=2 * SOON, trust_env=False) as http,
        ):
            yield WebKit(http, ["--automation", *["--dark-mode"] * dark])


@contextmanager
def display(home: Path) -> Iterator[str]:
    """An X server without a screen; it chooses its number and tells it."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1600x1200x24", "-nolisten", "tcp"]
    with running(command, {}, home / "Xvfb.log", (writing,)), os.fdopen(reading) as number:
        os.close(writing)
        yield f":{number.readline().strip()}"


class WebKit(W3C):
    def __init__(self, http: httpx.Client, args: list[str]) -> None:
        self.http = http
        until(self._answers, "WebKitWebDriver answers")
        options = {"binary": WEBKIT, "args": args}
        wanted = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
        self.session = self._call("POST", "/session", wanted)["sessionId"]

    def command(self, name: str, **parameters: Any) -> Any:
        method, path = COMMANDS[name]
        body = parameters if method == "POST" else None
        return self._call(method, f"/session/{self.session}/{path.format(**parameters)}", body)

    def open(self, url: str) -> None:
        super().open(url)
        self.run(LISTEN)

    def screenshot(self) -> bytes:
        """The second one: the first may come before what has changed is drawn."""
        super().screenshot()
        return super().screenshot()

    def errors(self) -> list[str]:
        heard: str = self.run(HEARD)
        return heard.splitlines()

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
