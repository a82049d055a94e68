"""Defer SIGTERM until the outcomes of running jobs are stored."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def defer_sigterm(stop: threading.Event) -> Iterator[None]:
    """Set `stop` on SIGTERM, and raise the signal again after the block.

    Do nothing outside of the main thread, since Python handles signals only there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received = threading.Event()

    def request_stop(_number: int, _frame: Any) -> None:
        received.set()
        stop.set()

    before = signal.signal(signal.SIGTERM, request_stop)
    try:
        yield
    finally:
        # None stands for a handler that was set in C. Python cannot restore it.
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
        if received.is_set():
            signal.raise_signal(signal.SIGTERM)
