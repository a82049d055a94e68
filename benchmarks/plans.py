"""`python -m benchmarks.plans`: write docs/query-plans.md from the newest full run of `growth`."""

from __future__ import annotations

import json
import sys
from typing import Any

from .lab import ROOT
from .report import REFERENCE, RESULTS

PAGE = ROOT / "docs" / "query-plans.md"
HEAD = """# Query plans

How each piece of work reads the tables that grow, as the database itself explains it with a history of
{history:,} try-ons. `make bench ARGS=growth` measures it and keeps the plans with its figures;
`python -m benchmarks.plans` writes this page from the newest full run.

The work is the same whatever the length of the history; milliseconds are medians with histories of
{histories}, SQLite's of the processor. PostgreSQL's figures of its tables are fresh, as autovacuum
keeps them; SQLite has none, as in a shop that never ran ANALYZE. Where the same query comes with other
values, it is here once.
"""


def newest() -> dict[str, Any]:
    """The last full run that measured growth."""
    for path in [*sorted(RESULTS.glob("*.json"), reverse=True), REFERENCE]:
        run: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"quick": True, "parts": {}}
        if not run["quick"] and "growth" in run["parts"]:
            return run
    sys.exit("There is no full run: make bench ARGS=growth")


def page(rows: list[dict[str, Any]]) -> str:
    """The page's text."""
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
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(newest()["parts"]["growth"]))
