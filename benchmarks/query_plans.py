"""`python -m benchmarks.query_plans`: write the query plans of the newest full run of `growth`."""

from __future__ import annotations

import json
import sys
from typing import Any

from .report import RESULTS

PAGE = RESULTS / "query-plans.md"
HEAD = """# Query plans

How the database executes each operation on the tables that grow, with a history of {history:,} try-ons.
`make bench ARGS=growth` measures it and keeps the plans; `python -m benchmarks.query_plans` writes this page.

The milliseconds are medians with histories of {histories} try-ons; on SQLite, of processor time.
PostgreSQL's table statistics are fresh, as autovacuum keeps them; SQLite has none, as in a shop that never
ran ANALYZE. Queries that differ in their values only are listed once.
"""


def newest() -> dict[str, Any]:
    """The newest full run that measured growth."""
    for path in sorted(RESULTS.glob("*.json"), reverse=True):
        run: dict[str, Any] = json.loads(path.read_text())
        if not run["quick"] and "growth" in run["parts"]:
            return run
    sys.exit("No full run found. Run: make bench ARGS=growth")


def page(rows: list[dict[str, Any]]) -> str:
    """The page as Markdown."""
    judged = [row for row in rows if row["more"].get("plans")]
    histories = judged[0]["more"]["histories"]
    parts = [HEAD.format(history=histories[-1], histories=", ".join(f"{it:,}" for it in histories))]
    for row in judged:
        parts.append(f"## {row['name']}\n")
        for name, plans in row["more"]["plans"].items():
            times = ", ".join(f"{taken:.1f}" for taken in row["more"]["milliseconds"][name])
            parts.append(f"### {name}: {times} ms\n")
            parts += ["```\n" + it["sql"] + "\n\n" + "\n".join(it["plan"]) + "\n```\n" for it in plans]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(newest()["parts"]["growth"]))
