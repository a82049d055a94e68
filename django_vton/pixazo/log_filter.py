"""Keep this package's traffic out of the HTTP library's logs.

httpx and httpx2 log full URLs at INFO, and httpcore and httpcore2 response headers at DEBUG. The URLs of
photos, results and redirects are secrets, so a filter on these loggers drops every record that is made during
one of our calls. A context variable marks our calls; the shop's own use of httpx is logged as usual.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_is_suppressed: ContextVar[bool] = ContextVar("django_vton_suppress_http_logs", default=False)

# A filter acts only on the logger that makes a record, not on its children, so each logger is named.
_LOGGERS = (
    "httpx",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "httpx2",
    "httpcore2.connection",
    "httpcore2.http11",
    "httpcore2.http2",
    "httpcore2.proxy",
    "httpcore2.socks",
)


def _filter(_record: logging.LogRecord) -> bool:
    return not _is_suppressed.get()


def install_log_filter() -> None:
    """Add the filter to the loggers. Further calls change nothing."""
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_filter)


@contextmanager
def suppress_http_logs() -> Iterator[None]:
    """Drop the HTTP library's log records inside this block, in this task and in tasks that it starts."""
    token = _is_suppressed.set(True)
    try:
        yield
    finally:
        _is_suppressed.reset(token)
