"""The rows of a run: judged, printed as one table, kept as JSON, compared with the run before."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(os.environ.get("BENCH_RESULTS", Path(__file__).parent / "results"))
REFERENCE = Path(__file__).parent / "reference.json"
"""A full run that is kept with the code: compared with where there is no run before."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure. `passed` is None where it has no goal, or was not measured."""

    name: str
    measured: float | None
    unit: str = ""
    goal: str = ""
    passed: bool | None = None
    note: str = ""
    needs_size: bool = True
    """A small run says nothing about its goal."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Kept in the JSON, and not in the table."""


def at_least(name: str, measured: float, unit: str, *, goal: float, note: str = "") -> Row:
    """The more, the better."""
    return Row(
        name=name, measured=measured, unit=unit, goal=f"≥ {goal:g}", passed=measured >= goal, note=note
    )


def at_most(
    name: str,
    measured: float,
    unit: str,
    *,
    goal: float,
    note: str = "",
    more: Mapping[str, Any] | None = None,
) -> Row:
    """The less, the better."""
    passed = measured <= goal
    return Row(
        name=name,
        measured=measured,
        unit=unit,
        goal=f"≤ {goal:g}",
        passed=passed,
        note=note,
        more=more or {},
    )


def exactly(name: str, measured: float, unit: str, *, goal: float, note: str = "") -> Row:
    """A count that no machine and no size changes."""
    return Row(
        name=name,
        measured=measured,
        unit=unit,
        goal=f"= {goal:g}",
        passed=measured == goal,
        note=note,
        needs_size=False,
    )


def told(name: str, measured: float, unit: str, *, note: str = "") -> Row:
    """A figure without a goal, for who reads the others."""
    return Row(name=name, measured=measured, unit=unit, note=note)


def broken(trouble: Exception) -> Row:
    """A part that came to no end."""
    note = f"{type(trouble).__name__}: {trouble}".replace("\n", " ")[:200]
    return Row(name="all of it", measured=None, passed=False, note=note, needs_size=False)


def left_out(name: str, why: str) -> Row:
    """Not measured here."""
    return Row(name=name, measured=None, note=f"left out: {why}")


Parts = dict[str, list[Row]]


def keep(parts: Parts, *, quick: bool) -> Path:
    """Write a run's JSON; returns where."""
    now = datetime.now(UTC)
    kept = {
        "date": now.isoformat(timespec="seconds"),
        "quick": quick,
        "machine": machine(),
        "parts": {name: [asdict(row) for row in rows] for name, rows in parts.items()},
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y-%m-%dT%H%M%S}{'-quick' if quick else ''}.json"
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n")
    return path


def machine() -> dict[str, Any]:
    """What a run's figures depend on."""
    return {
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("django", "django-q2", "httpx", "pillow")},
    }


def before(*, quick: bool) -> dict[tuple[str, str], float]:
    """The figures of earlier runs of this size by part and name, of each the newest."""
    figures: dict[tuple[str, str], float] = {}
    for path in [REFERENCE, *sorted(RESULTS.glob("*.json"))]:
        run: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"quick": None}
        if run["quick"] is quick:
            for part, rows in run["parts"].items():
                found = {(part, row["name"]): row["measured"] for row in rows}
                figures |= {key: value for key, value in found.items() if value is not None}
    return figures


def table(parts: Parts, earlier: dict[tuple[str, str], float]) -> str:
    """All rows under their parts' names, in Markdown."""
    lines = [
        "| | measured | goal | | to the run before | |",
        "|---|---:|---:|---|---:|---|",
    ]
    for part, rows in parts.items():
        lines.append(f"| **{part}** | | | | | |")
        for row in rows:
            word = {True: "pass", False: "**FAIL**", None: ""}[row.passed]
            ratio = _ratio(row.measured, earlier.get((part, row.name)))
            lines.append(f"| {row.name} | {_figure(row)} | {row.goal} | {word} | {ratio} | {row.note} |")
    return "\n".join(lines)


def _figure(row: Row) -> str:
    if row.measured is None:
        return "-"
    places = 0 if abs(row.measured) >= 1000 else 1 if abs(row.measured) >= 10 else 3
    figure = f"{row.measured:,.{places}f}"
    return f"{figure.rstrip('0').rstrip('.') if '.' in figure else figure} {row.unit}".strip()


def _ratio(measured: float | None, earlier: float | None) -> str:
    return f"{measured / earlier:.2f}x" if measured is not None and earlier else ""
