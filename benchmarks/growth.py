"""The same operations on tables of three sizes: which of them become slower with more history.

The three shops run at the same time and take turns, so that other load on the machine affects all of them
equally.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.live_shop import is_listening

from . import databases
from .report import Row, at_most, info, skipped

HISTORIES = (10_000, 100_000, 1_000_000)
ROUNDS = 9
QUICK = (500, 1_500)
GOAL = 1.5

GROUPS = {
    "claiming due rows": ("claiming due rows",),
    "the callback": ("the callback",),
    "a poll": ("a poll",),
    "a shopper's list": ("a shopper's list", "a shopper's list of a product", "the dialog's start"),
    "typical duration of the engines": ("typical duration",),
    "the admin's list": ("admin, list: ",),
    "the admin's other pages": ("admin, a ", "admin, health", "admin, index", "admin, house"),
    "the admin's reports": ("admin, reports", "admin, invoice"),
    "the metrics for Prometheus": ("metrics",),
    "purge": ("purge",),
    "the budget": ("budget",),
}
"""Operations that are judged together, by prefixes of their names: the one that grows most counts."""

UNINDEXED = {
    "admin, list: no match": "no title matches: every title is read",
    "admin, list: title": "the rarer the words, the more titles are read",
}
"""No index helps with these, so they are not judged."""


def measure(*, quick: bool) -> list[Row]:
    """On SQLite, and on PostgreSQL if it is running."""
    rows = _measure("SQLite", quick=quick)
    if quick:
        return [*rows, skipped("PostgreSQL", "--quick")]
    if not is_listening(5432):
        return [*rows, skipped("PostgreSQL", "not running on 127.0.0.1:5432")]
    return rows + _measure("PostgreSQL", quick=quick)


def _measure(database: str, *, quick: bool) -> list[Row]:
    histories = QUICK if quick else HISTORIES
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vton-bench-")))
        template = stack.enter_context(databases.migrated(database, folder))
        shops = [stack.enter_context(_shop(template, folder, history)) for history in histories]
        names, *_same = [json.loads(shop.read_line()) for shop in shops]
        times: dict[str, list[list[float]]] = {name: [[] for _ in shops] for name in names}
        turns = range(1, 2) if quick else range(ROUNDS + 1)
        for turn in turns:
            for name in names:
                for shop, values in zip(shops, times[name], strict=True):
                    seconds = shop.send(f"time {name}")
                    if turn:  # The first round is for warming up.
                        values.append(1000 * seconds)
        plans = {name: shops[-1].send(f"plan {name}") for name in names}
    medians = {name: [round(median(values), 3) for values in of] for name, of in times.items()}
    rows = []
    for group, prefixes in GROUPS.items():
        members = [name for name in names if name.startswith(prefixes) and name not in UNINDEXED]
        worst = max(members, key=lambda name: _growth(medians[name]))
        note = (f"{worst}: " if len(members) > 1 else "") + _milliseconds(medians[worst])
        more = {
            "histories": histories,
            "milliseconds": {name: medians[name] for name in members},
            "plans": {name: plans[name] for name in members},
        }
        growth = _growth(medians[worst])
        rows.append(at_most(f"{database}: {group}", growth, "x", goal=GOAL, note=note, more=more))
    for name, reason in UNINDEXED.items():
        note = f"{reason}; {_milliseconds(medians[name])}"
        rows.append(info(f"{database}: {name}", _growth(medians[name]), "x", note=note))
    return rows


def _growth(times: list[float]) -> float:
    return max(times[1:]) / times[0]


def _milliseconds(times: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in times) + " ms"


class ShopProcess:
    """A `growth_process` with its own database."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process, self.log = process, log

    def send(self, command: str) -> Any:
        """Send a command; returns the response."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        return json.loads(self.read_line())

    def read_line(self) -> str:
        """Its next line. Raises RuntimeError with its log if it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.log.read_text())
        return line


@contextmanager
def _shop(template: str, folder: Path, history: int) -> Iterator[ShopProcess]:
    """Start a shop, which creates its rows; its first line says that it has finished."""
    with databases.copy(template, folder, f"{os.getpid()}_{history}") as url:
        log = folder / f"{history}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.growth_process", str(history)],
                env=databases.environment(url, folder / str(history)),
                cwd=databases.ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            yield ShopProcess(process, log)
        finally:
            process.kill()
            process.communicate()
