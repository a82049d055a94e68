"""Queues for tests, as `VTON["ENQUEUE"]` names them: nothing runs, and who asks is told what was rung for."""

from __future__ import annotations

enqueued: list[str] = []
"""What was enqueued; the fixture `bell` empties it."""


def record(path: str) -> None:
    enqueued.append(path)


def unreachable(path: str) -> None:
    raise ConnectionError(f"No queue for {path}.")
