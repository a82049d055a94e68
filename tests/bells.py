"""Queues for tests, as `VTON["ENQUEUE"]` names them: nothing runs, and who asks is told what was rung for."""

from __future__ import annotations

rung: list[str] = []
"""What was enqueued; the fixture `bell` empties it."""


def silent(path: str) -> None:
    rung.append(path)


def broken(path: str) -> None:
    raise ConnectionError(f"No queue for {path}.")
