"""SIGTERM, held back until what is paid is stored."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def defer_sigterm(stop: threading.Event) -> Iterator[None]:
    """Set `stop` when SIGTERM comes, and let the signal have its way after the block.

    Elsewhere than in the main thread there are no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    caught = threading.Event()

    def land(_number: int, _frame: Any) -> None:
        caught.set()
        stop.set()

    before = signal.signal(signal.SIGTERM, land)
    try:
        yield
    finally:
        # None is a handler that a host program set in C: Python cannot set it again.
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
        if caught.is_set():
            signal.raise_signal(signal.SIGTERM)
