"""Keeps this package's traffic out of the HTTP library's logs, and only this package's.

httpx logs each full URL at INFO, and httpcore logs response headers at DEBUG: photo links, result links and
redirects are secrets. A filter on those loggers drops what is logged while one of our calls runs, which a
context variable tells; the shop's own use of httpx, in other tasks or at other times, is logged as ever.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_quiet: ContextVar[bool] = ContextVar("django_vton_quiet", default=False)

# A filter acts on the logger where a record is made and on none below, so each has to be named.
_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)


def _not_ours(_record: logging.LogRecord) -> bool:
    return not _quiet.get()


def install() -> None:
    """Put the filter in place; again and again if need be, it is added once."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_not_ours)


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing the HTTP library logs inside this block, in this task and those it starts, is kept."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)
