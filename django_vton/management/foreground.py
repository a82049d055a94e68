"""Run a dispatcher next to a command, and write a line for each result."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import OutputWrapper

from ..models import TryOnRequest
from ..signals import tryon_completed, tryon_failed
from ..worker import dispatcher, shutdown

POLL_INTERVAL_SECONDS = 0.5
"""How often a command reads the progress from the database, and the least time between two of its lines."""

INTERRUPTED = 130
"""The exit code of a command that was interrupted."""


@contextmanager
def run_dispatcher() -> Iterator[threading.Event]:
    """Run a dispatcher in a thread while the block runs. If workers hold all leases, it only waits for one.

    Yields an event that is set on SIGTERM. The dispatcher finishes its running jobs before the block is left,
    so no paid response is lost.
    """
    stop = threading.Event()
    kwargs = {"forever": True, "stop": stop}
    thread = threading.Thread(target=dispatcher.run, kwargs=kwargs, name="vton-dispatcher")
    with shutdown.defer_sigterm(stop):
        thread.start()
        try:
            yield stop
        finally:
            stop.set()
            thread.join()


@contextmanager
def write_results(out: OutputWrapper) -> Iterator[None]:
    """Write a line for each render that ends in this process."""

    def completed(*, try_on: TryOnRequest, **_kwargs: Any) -> None:
        out.write(f"{try_on.product}: completed")

    def failed(*, try_on: TryOnRequest, code: str, **_kwargs: Any) -> None:
        out.write(f"{try_on.product}: failed ({code})")

    tryon_completed.connect(completed)
    tryon_failed.connect(failed)
    try:
        yield
    finally:
        tryon_completed.disconnect(completed)
        tryon_failed.disconnect(failed)
