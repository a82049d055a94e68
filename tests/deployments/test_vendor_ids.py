"""Ids of the vendor that are unusual. With MariaDB's default collation, they would be equal to others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from django_vton.models import Attempt, TryOnRequest
from django_vton.models.states import State
from django_vton.utils import clock

from ..lifecycle.conftest import _files, garment_harness, gateway, harness  # noqa: F401

if TYPE_CHECKING:
    from shop.models import Product

    from ..lifecycle.harness import Harness

IDS = ("Render-A", "render-a", "render-a ", "Ä/b c%2F?#".ljust(1999, "x"))


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
