"""The browser fixtures. `tests/conftest.py` is not loaded, since its fixtures belong to the example shop."""

from tests.browser.conftest import browser, context, page, photo

__all__ = ["browser", "context", "page", "photo"]
