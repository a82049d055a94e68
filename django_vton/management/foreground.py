"""Run a dispatcher in a command, and print what it does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.management.base import OutputWrapper

from ..models import TryOnRequest
from ..signals import tryon_completed, tryon_failed
from ..worker import dispatcher, shutdown

INTERRUPTED = 130
"""The exit code of a command that was interrupted."""

POLL_INTERVAL_SECONDS = 0.5


def dispatch_until_done(out: OutputWrapper, get_progress: Callable[[], str | None]) -> None:
    """Run a dispatcher until `get_progress` returns None. Print the progress whenever it changes.

    If workers hold all leases, they do the rendering, and the dispatcher only waits for a lease. Return early
    on Ctrl-C. The dispatcher always finishes its running jobs first, so no paid response is lost.
    """
    stop = threading.Event()
    thread = threading.Thread(
        target=dispatcher.run, kwargs={"forever": True, "stop": stop}, name="vton-dispatcher"
    )
    printed = ""
    with suppress(KeyboardInterrupt), shutdown.defer_sigterm(stop):
        thread.start()
        try:
            while (progress := get_progress()) is not None and not stop.is_set():
                if progress != printed:
                    out.write(progress)
                    printed = progress
                stop.wait(POLL_INTERVAL_SECONDS)
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
