"""Unusual ids of the vendor, and idempotency keys. With MariaDB's default collation, some would be equal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_vton.models import Attempt, TryOnRequest
from django_vton.models.states import State
from django_vton.utils import clock

from ..faults.cluster import own_database
from ..lifecycle.conftest import _files, garment_harness, gateway, harness  # noqa: F401
from ..live_shop import phone_photo
from .shop import DeployedShop

if TYPE_CHECKING:
    from pathlib import Path

    from shop.models import Product

    from ..lifecycle.harness import Harness

IDS = ("Render-A", "render-a", "render-a ", "Ä/b c%2F?#".ljust(1999, "x"))
KEYS = ("Key-A", "key-a", "KEY-A", "key-a".ljust(300, "x"))


@pytest.mark.parametrize("is_in_url", [True, False], ids=["Fashn", "Glass"])
def test_similar_ids_are_those_of_several_try_ons(
    garment_harness: Harness,  # noqa: F811 - the fixture
    glasses: Product,
    is_in_url: bool,
) -> None:
    orders = garment_harness
    if not is_in_url:
        orders.product = glasses
    rows = []
    for vendor_id in IDS:
        orders.gateway.scenario(request_id=vendor_id)
        rows.append(orders.order())
        orders.run_cycle()
    for row, vendor_id in zip(rows, IDS, strict=True):
        assert Attempt.objects.get(vendor_id=vendor_id).request == row
    assert orders.gateway.ledger.wait_for(
        lambda ledger: all(entry.state.upper() == "COMPLETED" for entry in ledger.entries)
    )
    for _poll_and_download in range(2):
        TryOnRequest.objects.exclude(due_at=None).update(due_at=clock.now())
        orders.run_cycle()
    for row in rows:
        orders.reload(row, State.COMPLETED)


@pytest.mark.parametrize("vendor", ["sqlite", "mysql"])
def test_a_running_shop_takes_similar_ids_and_keys_for_different_ones(tmp_path: Path, vendor: str) -> None:
    with (
        own_database(vendor, tmp_path) as url,
        DeployedShop(tmp_path, "config.settings", DATABASE_URL=url, VTON_IN_FLIGHT="9") as shop,
    ):
        shopper, shirt = shop.shopper(), shop.product("linen-shirt")
        shopper.start(shirt)
        try_ons = set()
        for vendor_id, key in zip(IDS, KEYS, strict=True):
            shop.gateway.scenario(request_id=vendor_id)
            shopper.http.headers["Idempotency-Key"] = key
            for _original_and_repetition in range(2):
                response = shopper.post_tryon(shirt, phone_photo(300, 400), consent="true")
                assert response.status_code == 202, response.text
                try_ons.add(response.json()["id"])
        assert len(try_ons) == len(KEYS)
        assert {shopper.wait_for_status(pk)["status"] for pk in try_ons} == {"completed"}
        assert shop.check_money() == ["completed"] * len(IDS)
