"""Chromium as for the example shop. `tests/conftest.py` is left out here: its fixtures are of that shop."""

from tests.browser.conftest import browser, context, page, photo

__all__ = ["browser", "context", "page", "photo"]
