"""Killed processes of a real qcluster: nothing is paid twice or lost, on SQLite and on PostgreSQL."""

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
def test_killed_processes_cause_no_double_charge_and_lose_no_try_on(
    database: str, seed: int, tmp_path: Path
) -> None:
    began = time.monotonic()
    with running_shop(tmp_path, database, **NO_LIMITS) as shop:
        kills, seen = run_storm(shop, seed)
        figures = audit(shop)
    print(database, seed, dict(kills), figures, f"{time.monotonic() - began:.0f} s")  # noqa: T201 - shown by -s
    garments, glasses = figures["fashn-v1.6"], figures["glass-v1"]
    assert garments["charged"] + glasses["charged"] <= TRY_ONS
    # A callback reports every charged garment. Glasses have none, so an operator is told.
    assert garments["charged"] == garments["completed"] > 0
    assert glasses["completed"] <= glasses["charged"] <= glasses["completed"] + glasses["failed"]
    assert garments["dropped"] + glasses["dropped"] > 0
    assert set(seen.values()) <= {"completed", "outcome_unknown"}
