"""The same work in tables of three lengths: what takes longer where there is more history.

The shops run side by side and take turns, so that whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.running import is_listening

from . import databases
from .lab import ROOT
from .report import Row, at_most, left_out, told

HISTORIES = (10_000, 100_000, 1_000_000)
ROUNDS = 9
QUICK = (500, 1_500)
GOAL = 1.5

GROUPS = {
    "claiming due rows": ("claiming due rows",),
    "the callback": ("the callback",),
    "a poll": ("a poll",),
    "a shopper's list": ("a shopper's list", "a shopper's list of a product", "the dialog's start"),
    "typical seconds of the engines": ("typical seconds",),
    "the admin's list": ("admin, list: ",),
    "the admin's other pages": ("admin, a ", "admin, state", "admin, index", "admin, house"),
    "the admin's figures": ("admin, figures", "admin, invoice"),
    "purge": ("purge",),
    "the budget": ("budget",),
}
"""What is judged together, by how the names begin: the one that grows most counts."""

INHERENT = {
    "admin, list: no such words": "words that are in no title: every title is looked at",
    "admin, list: title": "words of a title: the rarer they are, the more titles are looked at",
}
"""No index knows it, and it is not judged."""


def measure(*, quick: bool) -> list[Row]:
    """On SQLite, and on PostgreSQL where it listens."""
    rows = _measure("SQLite", quick=quick)
    if quick:
        return [*rows, left_out("PostgreSQL", "--quick")]
    if not is_listening(5432):
        return [*rows, left_out("PostgreSQL", "it does not listen on 127.0.0.1:5432")]
    return rows + _measure("PostgreSQL", quick=quick)


def _measure(database: str, *, quick: bool) -> list[Row]:
    histories = QUICK if quick else HISTORIES
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vton-bench-")))
        template = stack.enter_context(databases.migrated(database, folder))
        shops = [stack.enter_context(_shop(template, folder, history)) for history in histories]
        for shop in shops:
            shop.names = json.loads(shop.read())
        names = shops[0].names
        times: dict[str, list[list[float]]] = {name: [[] for _ in shops] for name in names}
        turns = range(1, 2) if quick else range(ROUNDS + 1)
        for turn in turns:
            for name in names:
                for shop, taken in zip(shops, times[name], strict=True):
                    seconds = shop.ask(f"time {name}")
                    if turn:  # the first is to warm up
                        taken.append(1000 * seconds)
        plans = {name: shops[-1].ask(f"plan {name}") for name in names}
    found = {name: [round(median(taken), 3) for taken in of] for name, of in times.items()}
    rows = []
    for group, beginnings in GROUPS.items():
        members = {
            name: of for name, of in found.items() if name.startswith(beginnings) and name not in INHERENT
        }
        rows.append(_row(f"{database}: {group}", members, histories, {name: plans[name] for name in members}))
    for name, why in INHERENT.items():
        rows.append(
            told(f"{database}: {name}", _growth(found[name]), "x", note=f"{why}; {_words(found[name])}")
        )
    return rows


def _row(
    name: str, members: Mapping[str, list[float]], histories: tuple[int, ...], plans: dict[str, Any]
) -> Row:
    worst = max(members, key=lambda member: _growth(members[member]))
    which = f"{worst}: " if len(members) > 1 else ""
    more = {"histories": histories, "milliseconds": dict(members), "plans": plans}
    return at_most(
        name, _growth(members[worst]), "x", goal=GOAL, note=which + _words(members[worst]), more=more
    )


def _growth(times: list[float]) -> float:
    return max(times[1:]) / times[0]


def _words(times: list[float]) -> str:
    return ", ".join(f"{taken:.1f}" for taken in times) + " ms"


# The shops ------------------------------------------------------------------------------------------


class Shop:
    """A process with a database of its own."""

    names: list[str]

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process, self.log = process, log

    def ask(self, line: str) -> Any:
        """What it answers."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return json.loads(self.read())

    def read(self) -> str:
        """Its next line."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(self.log.read_text())
        return line


@contextmanager
def _shop(template: str, folder: Path, history: int) -> Iterator[Shop]:
    """Begins to fill at once; its first line says that it is done."""
    with databases.copy(template, folder, f"{os.getpid()}_{history}") as url:
        log = folder / f"{history}.log"
        with log.open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.growing", str(history)],
                env=databases.env(url, folder / str(history)),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        try:
            yield Shop(process, log)
        finally:
            process.kill()
            process.communicate()
