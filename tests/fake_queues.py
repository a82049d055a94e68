"""Queues for the setting `ENQUEUE`, which run nothing."""

from __future__ import annotations

enqueued: list[str] = []
"""The dotted paths that were enqueued; the fixture `enqueued` clears it."""


def record(path: str) -> None:
    enqueued.append(path)


def unreachable(path: str) -> None:
    raise ConnectionError(f"No queue for {path}.")
