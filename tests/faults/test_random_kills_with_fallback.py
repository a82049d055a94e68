"""Killed processes of a real qcluster while one engine refuses try-ons, which move to a second one.

It has a file of its own, so that it runs beside the other random kills: both wait most of the time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from .cluster import needs_proc, running_shop
from .random_kills import DATABASES, NO_LIMITS, TRY_ONS, audit, run_storm
from .rounds import SEEDS

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_proc


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("database", DATABASES)
def test_with_a_second_engine_nothing_is_paid_twice_either(database: str, seed: int, tmp_path: Path) -> None:
    """The first engine for garments refuses every third submit, and pauses now and then."""
    began = time.monotonic()
    settings = {"DJANGO_SETTINGS_MODULE": "tests.faults.two_engines"}
    with running_shop(tmp_path, database, **NO_LIMITS, **settings) as shop:
        refusals = {"engine": "fashn-v1.6", "times": None}
        shop.gateway.scenario(submit_status=404, every=3, **refusals)
        shop.gateway.scenario(submit_status=429, retry_after=1, every=5, **refusals)
        kills, seen = run_storm(shop, seed)
        audit(shop)  # No try-on is charged twice.
        [[moves]] = shop.sql("SELECT COUNT(*) FROM vton_tryonevent WHERE name = 'fallback'")
        charged = sum(bool(entry.amount) for entry in shop.gateway.ledger.entries)
    print(database, seed, dict(kills), moves, charged, f"{time.monotonic() - began:.0f} s")  # noqa: T201 - as above
    assert charged <= TRY_ONS
    assert moves > 0
    assert set(seen.values()) <= {"completed", "outcome_unknown"}
