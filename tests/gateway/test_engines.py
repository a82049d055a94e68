from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_vton.gateway.engines import engines, get_engine, price
from django_vton.pixazo import Engine

if TYPE_CHECKING:
    from ..conftest import Vton


class Hats(Engine):
    name = "hats-v1"
    kind = "garment"
    label = "Hats"
    price = Decimal("0.01")
    typical_seconds = 5
    submit_path = "/hats"
    person_field = "person"
    product_field = "hat"


def test_the_engines_of_the_vendor_are_built_in() -> None:
    assert {"fashn-v1.6", "glass-v1"} <= set(engines())
    with pytest.raises(ImproperlyConfigured, match="'glass'"):
        get_engine("glass")


def test_a_shop_can_change_paths_and_add_engines(vton: Vton) -> None:
    vton(ENGINES={"glass-v1": {"submit_path": "/v2/glass"}, "hats-v1": "tests.gateway.test_engines.Hats"})
    assert get_engine("glass-v1").submit_path == "/v2/glass"
    assert get_engine("hats-v1").kind == "garment"
    vton(ENGINES={"hats-v1": Hats()})
    assert get_engine("hats-v1").submit_path == "/hats"
    assert get_engine("glass-v1").submit_path != "/v2/glass"


def test_an_engine_must_be_configured_under_its_own_name(vton: Vton) -> None:
    vton(ENGINES={"caps-v1": Hats})
    with pytest.raises(ImproperlyConfigured, match="caps-v1"):
        engines()


def test_a_price_is_in_micro_usd_and_covers_all_images(vton: Vton) -> None:
    assert price("fashn-v1.6", {}) == 75_000
    assert price("fashn-v1.6", {"num_samples": 4}) == 300_000
    vton(PRICES={"fashn-v1.6": Decimal("0.05")})
    assert price("fashn-v1.6", {"num_samples": 2}) == 100_000
    assert price("glass-v1", {}) == 300_000
