"""The cost of the buttons on a list of 100 products, and of a poll without changes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from . import databases
from .report import Row, at_most, exactly, info

PRODUCTS = 100
ROUNDS = 200
QUICK = 5


def measure(*, quick: bool) -> list[Row]:
    """Processor time, in a shop of its own."""
    rounds = QUICK if quick else ROUNDS
    with tempfile.TemporaryDirectory(prefix="vton-bench-") as name:
        folder = Path(name)
        with (
            databases.migrated("SQLite", folder) as template,
            databases.copy(template, folder, "shop") as url,
        ):
            measured: dict[str, Any] = databases.run_module(
                "benchmarks.page_process", PRODUCTS, rounds, env=databases.environment(url, folder)
            )
    with_tag, without = 1000 * measured["with"], 1000 * measured["without"]
    note = f"{with_tag:.1f} ms with, {without:.1f} ms without; cards with name, price, image and link"
    polls = measured["polls"]
    queries = {
        "guest, session in the database": "Django's session, and the try-on",
        "user, session in the database": "Django's session and user, and the try-on",
        "guest, session in a cookie or cache": "the try-on",
    }
    return [
        exactly("queries of the buttons of 100 products", measured["queries"], "", goal=0),
        at_most("buttons of 100 products", with_tag - without, "ms", goal=5, note=note),
        info("list with buttons, over without", with_tag / without, "x"),
        exactly("our own queries of a poll with the response 304", polls["own"], "", goal=1),
        *(info(f"all queries of a poll: {who}", polls[who], "", note=what) for who, what in queries.items()),
    ]
