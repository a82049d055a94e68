"""Options that an engine gets for a shopper's own photo, if the shop sets no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from django_vton.models import TryOnRequest
from django_vton.pixazo.engines.fashn import Fashn
from django_vton.shoppers import Visitor
from shop.tryon import ProductTryOn

from ..intake_helpers import order_tryon, user_visitor
from ..lifecycle.second_engine import FIRST, Second

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto
    from shop.models import Product

    from ..conftest import PhotoMaker, Vton

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_shoppers_own_photo_is_moderated_by_the_vendor(
    shirt: Product, glasses: Product, phone_photo: PhotoMaker
) -> None:
    ada = user_visitor()
    first = order_tryon(shirt, ada, phone_photo()).request
    again = order_tryon(shirt, ada, photo_id=str(first.photo_id)).request
    assert first.options["moderation_level"] == again.options["moderation_level"] == "moderate"
    assert first.cache_key == again.cache_key
    # The vendor's model for glasses has no such option.
    assert "moderation_level" not in order_tryon(glasses, Visitor(), phone_photo()).request.options


@pytest.mark.parametrize("level", ["strict", "permissive"])
def test_the_shops_own_options_come_first(
    shirt: Product, phone_photo: PhotoMaker, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    def get_options(_self: ProductTryOn, _product: Product) -> dict[str, Any]:
        return {"moderation_level": level}

    monkeypatch.setattr(ProductTryOn, "get_options", get_options)
    assert order_tryon(shirt, Visitor(), phone_photo()).request.options["moderation_level"] == level


def test_a_house_model_is_not_a_shoppers_photo(shirt: Product, house_model: PersonPhoto) -> None:
    """Shoppers share these renders with the merchant's batches, whose options must be equal."""
    order_tryon(shirt, Visitor(), photo_id=str(house_model.pk), consent=False)
    assert all("moderation_level" not in row.options for row in TryOnRequest.objects.all())


def test_the_second_engine_moderates_too(
    shirt: Product, phone_photo: PhotoMaker, vton: Vton, monkeypatch: pytest.MonkeyPatch
) -> None:
    vton(ENGINES={Second.name: Second})
    monkeypatch.setattr(ProductTryOn, "get_engine", lambda _self, _product: Second.name)
    monkeypatch.setattr(ProductTryOn, "get_options", lambda _self, _product: {})
    monkeypatch.setattr(ProductTryOn, "fallback", FIRST)
    row = order_tryon(shirt, Visitor(), phone_photo()).request
    assert (row.other_engine, row.other_options["moderation_level"]) == (FIRST, "moderate")
    assert "moderation_level" not in row.options


def test_an_invalid_default_is_an_error_of_the_engine() -> None:
    class Wrong(Fashn):
        own_photo_defaults = {"moderation_level": "none"}

    with pytest.raises(ValueError, match="fashn"):
        Wrong()
