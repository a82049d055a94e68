"""Firefox, driven by its protocol Marionette: JSON with a length prefix over a socket."""

from __future__ import annotations

import json
import re
import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tests.live_shop import FIREFOX, free_port, wait_until

from .base import TIMEOUT_SECONDS, NoAnswerError
from .webdriver import WebDriver, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import BufferedRWPair

# By default its window is at least 450 px wide.
ALLOW_NARROW_WINDOW = ":root { min-width: 0 !important; min-height: 0 !important }"
# Flags of a fine pointer that can hover. In headless mode it finds no pointer.
MOUSE_CAPABILITIES = 0x02 | 0x04
ERROR = re.compile(r"^JavaScript error: (https?:.*)", re.MULTILINE)


@contextmanager
def firefox(*, dark: bool) -> Iterator[Firefox]:
    port = free_port()
    preferences = {
        "browser.dom.window.dump.enabled": True,  # Writes script errors to stdout.
        "intl.accept_languages": "en-GB",
        "layout.css.prefers-color-scheme.content-override": 0 if dark else 1,
        "marionette.port": port,
        "toolkit.legacyUserProfileCustomizations.stylesheets": True,
        "ui.allPointerCapabilities": MOUSE_CAPABILITIES,
        "ui.primaryPointerCapabilities": MOUSE_CAPABILITIES,
    }
    with TemporaryDirectory(prefix="vton-firefox-") as folder:
        home = Path(folder)
        (home / "chrome").mkdir()
        (home / "chrome" / "userChrome.css").write_text(ALLOW_NARROW_WINDOW)
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items()
        ]
        (home / "user.js").write_text("".join(lines))
        command = [str(FIREFOX), "--headless", "--marionette", "--no-remote", "--profile", folder]
        with running(command, {"HOME": folder}, home / "log"), connected(port) as stream:
            yield Firefox(stream, home / "log")


@contextmanager
def connected(port: int) -> Iterator[BufferedRWPair]:
    connections: list[socket.socket] = []

    def connect() -> bool:
        with suppress(ConnectionRefusedError):
            connections.append(socket.create_connection(("127.0.0.1", port)))
        return bool(connections)

    wait_until(connect, "Firefox answers")
    with connections[0] as connection, connection.makefile("rwb") as stream:
        connection.settimeout(2 * TIMEOUT_SECONDS)
        yield stream


class Firefox(WebDriver):
    def __init__(self, stream: BufferedRWPair, log: Path) -> None:
        self.stream, self.log = stream, log
        self.read_length = 0
        self._receive()  # The greeting.
        self.command("NewSession")

    def command(self, name: str, **parameters: Any) -> Any:
        message = json.dumps([0, 0, f"WebDriver:{name}", parameters]).encode()
        self.stream.write(b"%d:%b" % (len(message), message))
        self.stream.flush()
        _, _, error, result = self._receive()
        if error:
            raise NoAnswerError(error["error"], error["message"])
        return result.get("value", result) if isinstance(result, dict) else result

    def errors(self) -> list[str]:
        log = self.log.read_text(errors="replace")
        new, self.read_length = log[self.read_length :], len(log)
        return ERROR.findall(new)

    def _receive(self) -> Any:
        length = b""
        while (digit := self.stream.read(1)).isdigit():
            length += digit
        return json.loads(self.stream.read(int(length)))
