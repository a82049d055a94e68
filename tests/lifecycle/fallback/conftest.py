"""The first engine is Fashn, with links and callbacks; the second one gets its images as Base64."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shop.tryon import ProductTryOn

from ..second_engine import Second
from ..test_charged_errors import attention
from .orders import SECOND

if TYPE_CHECKING:
    from ...conftest import Vton
    from ..harness import Harness

__all__ = ["attention"]


@pytest.fixture
def harness(garment_harness: Harness, vton: Vton, monkeypatch: pytest.MonkeyPatch) -> Harness:
    """Orders shirts, whose second engine the shop has named."""
    vton(ENGINES={SECOND: Second})
    monkeypatch.setattr(ProductTryOn, "fallback", SECOND)
    return garment_harness
