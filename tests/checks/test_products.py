from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from django_vton import products
from shop.models import Product

from ..catalogue.models import Abstract, Gown, Hat
from .messages import run_vton_checks

if TYPE_CHECKING:
    from django.db import models


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(products, "_registry", dict(products._registry))
    monkeypatch.setattr(products, "registration_problems", [])


class WithImage(products.TryOn):
    def get_image(self, product: models.Model) -> None:
        return None


class WithUnknownOption(WithImage):
    shopper_options = ("color",)


class WithUnknownEngine(WithImage):
    engine = "fashn-v9"


class WithUnknownFallback(WithImage):
    fallback = "fashn-v9"


class WithTheSameFallback(WithImage):
    fallback = "fashn-v1.6"


class WithAFallbackOfAnotherKind(WithImage):
    fallback = "glass-v1"


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("model", "tryon", "text"),
    [
        ("shop.Nothing", WithImage, "is not a model"),
        ("nodots", WithImage, "is not a model"),
        ("a.b.c", WithImage, "is not a model"),
        (42, WithImage, "is not a model"),
        (None, WithImage, "is not a model"),
        (Abstract, WithImage, "is not a model"),
        (WithImage, WithImage, "is not a model"),
        (Product, WithImage, "registered twice"),
        (Gown, dict, "no subclass of TryOn"),
        (Gown, len, "no subclass of TryOn"),
        (Gown, WithImage(Gown), "no subclass of TryOn"),
        (Hat, products.TryOn, "no get_image()"),
        (Gown, WithUnknownOption, "'color'"),
        (Gown, WithUnknownEngine, "fashn-v9"),
        (Gown, WithUnknownFallback, "WithUnknownFallback.fallback: 'fashn-v9' is not an engine"),
        (Gown, WithTheSameFallback, "is the product's first engine as well"),
        (Gown, WithAFallbackOfAnotherKind, "'glass-v1' is for eyewear, and 'fashn-v1.6' for garment"),
    ],
)
def test_a_wrong_registration_is_reported_and_breaks_nothing(model: Any, tryon: Any, text: str) -> None:
    assert products.register(model)(tryon) is tryon
    messages = run_vton_checks()
    assert text in messages["vton.E010"]
    assert set(messages) == {"vton.E010"}
