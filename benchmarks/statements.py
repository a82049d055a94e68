"""Count the SQL statements of a process. Each process writes its counts into a file of its own."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

WRITE_AFTER = 20
"""Statements between two writes of the file, since a worker of the queue ends without `atexit`."""


def count_in(folder: str) -> None:
    """Count the statements of this process, and of its forks, into files in this folder."""
    counted: Counter[str] = Counter()

    def write() -> None:
        part = Path(folder) / f"statements-{os.getpid()}.part"
        part.write_text(json.dumps(counted))
        part.rename(part.with_suffix(".json"))

    def count(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        counted[" ".join(sql.split()[:3])] += len(params) if many else 1
        if counted.total() % WRITE_AFTER == 0 or many:
            write()
        return execute(sql, params, many, context)

    def connect(connection: BaseDatabaseWrapper, **_signal: object) -> None:
        if count not in connection.execute_wrappers:
            connection.execute_wrappers.append(count)

    connection_created.connect(connect, weak=False)
    os.register_at_fork(after_in_child=counted.clear)


def total(folder: Path) -> int:
    """Return the number of all counted statements."""
    return sum(sum(json.loads(file.read_text()).values()) for file in folder.glob("statements-*.json"))
