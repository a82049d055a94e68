"""The rows of a run: judged, printed as one table, saved as JSON and compared with the previous run."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

RESULTS = Path(os.environ.get("BENCH_RESULTS", Path(__file__).parent / "results"))
REFERENCE = Path(__file__).parent / "reference.json"
"""A full run that is checked in: the comparison if there is no previous run."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure. `passed` is None if it has no goal or was not measured."""

    name: str
    measured: float | None
    unit: str = ""
    goal: str = ""
    passed: bool | None = None
    note: str = ""
    needs_size: bool = True
    """Whether the goal can only be judged in a full run."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Saved in the JSON, but not shown in the table."""


Parts = dict[str, list[Row]]


def at_least(name: str, measured: float, unit: str, *, goal: float, note: str = "") -> Row:
    """A figure with a minimum."""
    return Row(
        name=name, measured=measured, unit=unit, goal=f"≥ {goal:g}", passed=measured >= goal, note=note
    )


def at_most(name: str, measured: float, unit: str, *, goal: float, **fields: Any) -> Row:
    """A figure with a maximum."""
    return Row(name=name, measured=measured, unit=unit, goal=f"≤ {goal:g}", passed=measured <= goal, **fields)


def exactly(name: str, measured: float, unit: str, *, goal: float, note: str = "") -> Row:
    """A count that must be the same on every machine and for every size."""
    passed = measured == goal
    return Row(
        name=name,
        measured=measured,
        unit=unit,
        goal=f"= {goal:g}",
        passed=passed,
        note=note,
        needs_size=False,
    )


def info(name: str, measured: float, unit: str, *, note: str = "") -> Row:
    """A figure without a goal, which helps to understand the others."""
    return Row(name=name, measured=measured, unit=unit, note=note)


def part_failed(name: str, error: Exception) -> Row:
    """A part that raised an exception."""
    note = f"{type(error).__name__}: {error}".replace("\n", " ")[:200]
    return Row(name=name, measured=None, passed=False, note=note, needs_size=False)


def skipped(name: str, reason: str) -> Row:
    """Not measured on this machine."""
    return Row(name=name, measured=None, note=f"skipped: {reason}")


def run(parts: Mapping[str, Mapping[str, Callable[[], list[Row]]]], *, quick: bool) -> int:
    """Run the named functions of each part, print and save the table; returns the exit status.

    If one raises an exception, its row says so and the others still run.
    """
    results: Parts = {}
    for part, functions in parts.items():
        results[part] = []
        for name, measure in functions.items():
            began = time.monotonic()
            print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
            try:
                rows = measure()
            except Exception as error:  # noqa: BLE001 - The results of the other parts must not be lost.
                traceback.print_exc()
                rows = [part_failed(name, error)]
            print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
            results[part] += [replace(row, passed=None) if quick and row.needs_size else row for row in rows]
    previous = previous_figures(quick=quick)
    path = save(results, quick=quick)
    print(table(results, previous))
    print(f"\nSaved in {path}", file=sys.stderr)
    return int(any(row.passed is False for rows in results.values() for row in rows))


def save(parts: Parts, *, quick: bool) -> Path:
    """Write a run's JSON; returns its path."""
    now = datetime.now(UTC)
    content = {
        "date": now.isoformat(timespec="seconds"),
        "quick": quick,
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.system(),
            "python": platform.python_version(),
            **{name: version(name) for name in ("django", "django-q2", "httpx", "pillow")},
        },
        "parts": {name: [asdict(row) for row in rows] for name, rows in parts.items()},
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y-%m-%dT%H%M%S}{'-quick' if quick else ''}.json"
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return path


def previous_figures(*, quick: bool) -> dict[tuple[str, str], float]:
    """By part and row name: the newest figure of the previous runs of the same size."""
    figures: dict[tuple[str, str], float] = {}
    for path in [REFERENCE, *sorted(RESULTS.glob("*.json"))]:
        result: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"quick": None}
        if result["quick"] is quick:
            for part, rows in result["parts"].items():
                figures |= {
                    (part, row["name"]): row["measured"] for row in rows if row["measured"] is not None
                }
    return figures


def table(parts: Parts, previous: dict[tuple[str, str], float]) -> str:
    """All rows, grouped by part, in Markdown."""
    lines = ["| | measured | goal | | to the previous run | |", "|---|---:|---:|---|---:|---|"]
    for part, rows in parts.items():
        lines.append(f"| **{part.replace('_', ' ')}** | | | | | |")
        for row in rows:
            result = {True: "pass", False: "**FAIL**", None: ""}[row.passed]
            ratio = _ratio(row.measured, previous.get((part, row.name)))
            lines.append(f"| {row.name} | {_figure(row)} | {row.goal} | {result} | {ratio} | {row.note} |")
    return "\n".join(lines)


def _figure(row: Row) -> str:
    if row.measured is None:
        return "-"
    places = 0 if abs(row.measured) >= 1000 else 1 if abs(row.measured) >= 10 else 3
    figure = f"{row.measured:,.{places}f}"
    return f"{figure.rstrip('0').rstrip('.') if '.' in figure else figure} {row.unit}".strip()


def _ratio(measured: float | None, previous: float | None) -> str:
    return f"{measured / previous:.2f}x" if measured is not None and previous else ""
