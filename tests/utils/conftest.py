from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_django import Settings


from .german import GermanVisitor


@pytest.fixture
def german() -> GermanVisitor:
    return GermanVisitor()


@pytest.fixture
def prefixed_shop(settings: Settings) -> None:
    """Use URLs in which the shop's pages have language prefixes and the try-on has none."""
    settings.ROOT_URLCONF = "tests.language_prefixes.shop_only"
