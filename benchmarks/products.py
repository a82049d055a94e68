"""The admin's products page of a large catalogue: in the shop's order, by each figure, and filtered."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tests.live_shop import is_listening

from . import databases
from .report import Row, at_most, skipped

PRODUCTS, TRY_ONS, ROUNDS = 50_000, 200_000, 5
QUICK = (200, 800, 1)
GOAL = 0.5


def measure(*, quick: bool) -> list[Row]:
    """On PostgreSQL, or on SQLite in a quick run."""
    if not quick and not is_listening(5432):
        return [skipped("PostgreSQL", "not running on 127.0.0.1:5432")]
    database, sizes = ("SQLite", QUICK) if quick else ("PostgreSQL", (PRODUCTS, TRY_ONS, ROUNDS))
    with tempfile.TemporaryDirectory(prefix="vton-bench-") as name:
        folder = Path(name)
        with (
            databases.migrated(database, folder) as template,
            databases.copy(template, folder, "products") as url,
        ):
            measured: dict[str, Any] = databases.run_module(
                "benchmarks.products_process", *sizes, env=databases.environment(url, folder)
            )
    note = f"{sizes[0]:,} products, {sizes[1]:,} try-ons; median of {sizes[2]}, warm"
    return [at_most(page, seconds, "s", goal=GOAL, note=note) for page, seconds in measured.items()]
