"""The classes that the hostile settings name. Each fails the test that uses it."""

from __future__ import annotations

from typing import Any, NoReturn


class Reached(Exception):  # noqa: N818 - it says what happened
    """One of the shop's classes was used."""


class NobodyAuthentication:
    def authenticate(self, request: Any) -> NoReturn:
        raise Reached("authentication")


class NoNegotiation:
    def select_parser(self, request: Any, parsers: Any) -> NoReturn:
        raise Reached("parser")

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> NoReturn:
        raise Reached("renderer")


def exception_handler(*_args: Any) -> NoReturn:
    raise Reached("exception handler")
