"""Waiting in the foreground: a pump of the command's own, and a line that tells how far things are."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, InterfaceError, connections

from ..models import BatchRender, TryOnRequest
from ..signals import tryon_completed, tryon_failed
from ..worker import dispatcher, shutdown
from .terminal import Line, bar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.management.base import OutputWrapper

TICK = 0.3


@contextmanager
def driving() -> Iterator[threading.Event]:
    """A pump beside the block: it works where no worker does, and else only waits for a place.

    The event is set when the command is told to stop. What flies at the end is landed, so that no answer
    that was paid for is lost.
    """
    stop = threading.Event()
    thread = threading.Thread(target=dispatcher.run, kwargs={"forever": True, "stop": stop}, name="vton-pump")
    with shutdown.defer_sigterm(stop):
        thread.start()
        try:
            yield stop
        finally:
            stop.set()
            thread.join()


class Tally:
    """What has ended in this process since it was made. Its signals say so: nothing is asked for it."""

    def __init__(self) -> None:
        self.completed = self.failed = 0
        tryon_completed.connect(self._completed)
        tryon_failed.connect(self._failed)

    def _completed(self, **_kwargs: Any) -> None:
        self.completed += 1

    def _failed(self, **_kwargs: Any) -> None:
        self.failed += 1

    def close(self) -> None:
        """Listen no more."""
        tryon_completed.disconnect(self._completed)
        tryon_failed.disconnect(self._failed)

    def line(self) -> str:
        """The present one."""
        running = TryOnRequest.objects.to_drive().count()
        waiting = BatchRender.objects.filter(status=BatchRender.Status.WAITING, batch__due_at__isnull=False)
        ended, ahead = self.completed + self.failed, waiting.count()
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{bar(ended, ended + running + ahead)}, {running} running, {ahead} waiting{failed}"


@contextmanager
def watching(out: OutputWrapper) -> Iterator[None]:
    """A progress bar of all that is driven here, below the block; only on a terminal."""
    line = Line(out)
    if not line.is_seen:
        yield
        return
    tally, stop = Tally(), threading.Event()
    thread = threading.Thread(target=_draw, args=(line, tally, stop), name="vton-bar", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        tally.close()
        line.end()


def _draw(line: Line, tally: Tally, stop: threading.Event) -> None:
    try:
        is_last = False
        while not is_last:
            is_last = stop.wait(TICK)
            try:
                line.draw(tally.line())
            except (DatabaseError, InterfaceError):
                line.draw("The database is away.")
    finally:
        connections.close_all()
