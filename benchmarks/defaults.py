"""Renders per second with the settings of the README, and what each of them costs."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from . import statements
from .deployment import WORKERS, Deployment, has_postgres
from .report import Row, at_least, info, skipped

TICKS = os.sysconf("SC_CLK_TCK")

CONN_MAX_AGE = {"SQLite": "0", "PostgreSQL": "60"}
"""Django's default, and what the README recommends."""


def measure(*, quick: bool) -> list[Row]:
    """On both databases: the rate, with the start of the workers; and in another run the cost."""
    number, seconds = (20, 1.0) if quick else (1200, 10.0)
    rows = _measure_on("SQLite", number, seconds)
    if has_postgres():
        return rows + _measure_on("PostgreSQL", number, seconds)
    return [*rows, skipped("PostgreSQL", "no server is running")]


def _environment(database: str) -> dict[str, str]:
    return {"BENCH_CONN_MAX_AGE": CONN_MAX_AGE[database]}


def _measure_on(database: str, number: int, seconds: float) -> list[Row]:
    rate = _measure_rate(database, number, seconds)
    blocking = WORKERS / seconds
    note = f"{number:,} try-ons at {seconds:g} s, with the start of the workers; the README's settings"
    return [
        info(f"{database}: ours", rate, "/s", note=note),
        at_least(f"{database}: ours over {WORKERS} workers that wait", rate / blocking, "x", goal=150),
        *_measure_cost(database, number, seconds),
    ]


def _measure_rate(database: str, number: int, seconds: float) -> float:
    with Deployment(seconds=seconds, env=_environment(database), database=database) as deployment:
        deployment.start_web_server()
        deployment.call("enqueue", number=number)
        began = time.time()
        deployment.start_workers()
        deployment.wait_until_all_end(seconds=1200)
        ended: float = max(row["ended"] for row in deployment.call("accounting")["requests"])
        return number / (ended - began)


def _measure_cost(database: str, number: int, seconds: float) -> list[Row]:
    with Deployment(seconds=seconds, env=_environment(database), database=database) as deployment:
        deployment.env["BENCH_STATEMENTS"] = str(deployment.folder)
        deployment.start_web_server()
        deployment.start_workers()
        before = _processor_ms(deployment), statements.total(deployment.folder)
        deployment.call("enqueue", number=number)
        deployment.wait_until_all_end(seconds=1200)
        after = _processor_ms(deployment), statements.total(deployment.folder)
    costs = {name: (after[0][name] - ms) / number for name, ms in before[0].items()}
    parts = ", ".join(f"{name} {ms:.1f}" for name, ms in costs.items())
    return [
        info(f"{database}: processor time of a try-on", sum(costs.values()), "ms", note=parts),
        info(f"{database}: statements of a try-on", (after[1] - before[1]) / number, ""),
    ]


def _processor_ms(deployment: Deployment) -> Mapping[str, float]:
    """Return the processor time of our process groups and of the database server."""
    groups = {deployment.processes[name].pid: name for name in ("workers", "web", "gateway")}
    spent = dict.fromkeys((*groups.values(), "PostgreSQL"), 0.0)
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            is_server = (process / "comm").read_text() == "postgres\n"
            name = "PostgreSQL" if is_server else groups.get(int(fields[2]))
            if name is not None:
                spent[name] += 1000 * sum(map(int, fields[11:15])) / TICKS
    return spent
