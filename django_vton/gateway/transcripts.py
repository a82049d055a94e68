"""Keep the exchanges with the vendor, redacted and for a week, if the shop or the try-on wants it."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import django
from django.db.models import F

from .. import __version__
from ..conf import MICROS_PER_USD, config
from ..models import Attempt, Exchange, TryOnRequest
from ..pixazo import ExchangeRecord
from ..pixazo.exchanges import Redactor
from ..utils import clock, database
from .links import supports_callback

FORMAT = "django-vton transcript 1"

RETENTION = timedelta(days=7)
"""The time for which exchanges are kept."""

MAX_POLLS = 20
MAX_CALLBACKS = 5
MAX_OTHERS = 15
"""The maximum number of rows of one kind that an attempt has. A further exchange replaces the last one."""


def is_kept(request: TryOnRequest) -> bool:
    """Return whether this try-on's exchanges are stored."""
    return config.TRANSCRIPT or request.keep_transcript


def store(attempt: Attempt, records: Iterable[ExchangeRecord]) -> None:
    """Store the exchanges of an attempt in the order in which they began, and within the limits.

    A poll that got the same answer as the one before is counted in its row. Nothing is stored of a try-on
    that was erased meanwhile.
    """
    with database.atomic():
        # Locks the row, so that simultaneous callbacks are counted, and an erasure comes before or after.
        if not TryOnRequest.objects.filter(pk=attempt.request_id, erased_at=None).update(erased_at=None):
            return
        for record in sorted(records, key=lambda record: record.began):
            _store(attempt, record)


def _store(attempt: Attempt, record: ExchangeRecord) -> None:
    at = clock.now() - timedelta(seconds=time.monotonic() - record.began)
    values: dict[str, Any] = {
        "last_at": at,
        "milliseconds": round(record.seconds * 1000),
        "method": record.method,
        "path": record.path,
        "status": record.status,
        "request": {"headers": record.request_headers, "body": record.request_body},
        "response": {"headers": record.response_headers, "body": record.response_body},
        "error": record.error,
    }
    rows = attempt.exchanges.filter(kind=record.kind).order_by("-pk")
    last = rows.first()
    if last is not None and record.kind == "poll" and _is_same_answer(last, record):
        rows.filter(pk=last.pk).update(last_at=at, times=F("times") + 1)
    elif last is None or rows.count() < _max_rows(record.kind):
        attempt.exchanges.create(kind=record.kind, at=at, **values)
    else:
        rows.filter(pk=last.pk).update(**values, times=F("times") + 1)


def _max_rows(kind: str) -> int:
    return {"poll": MAX_POLLS, "callback": MAX_CALLBACKS}.get(kind, MAX_OTHERS)


def _is_same_answer(row: Exchange, record: ExchangeRecord) -> bool:
    """Compare two answers without their headers, which have the time and an id of each request."""
    stored = (row.status, row.error, row.response["body"])
    return stored == (record.status, record.error, record.response_body)


# The transcript of a try-on -------------------------------------------------------------------------


def create_transcript(request: TryOnRequest) -> dict[str, Any] | None:
    """Return the transcript of a try-on for JSON, or None if no exchange is stored.

    The sandbox reads this format: see `sandbox.replay`.
    """
    attempts = list(request.attempts.prefetch_related("exchanges").order_by("number"))
    if not any(attempt.exchanges.all() for attempt in attempts):
        return None
    return {
        "format": FORMAT,
        "versions": {
            "django-vton": __version__,
            "Django": django.get_version(),
            "Python": platform.python_version(),
            "database": database.connection().vendor,
        },
        "settings": _describe_settings(request),
        "try_on": {
            "id": str(request.pk),
            "engine": request.engine,
            "state": request.state,
            "error": request.error_code,
        },
        "attempts": [_attempt(attempt) for attempt in attempts],
    }


def _describe_settings(request: TryOnRequest) -> dict[str, Any]:
    """Return settings that matter to the exchanges, none of which is a secret or an address."""
    return {
        "gateway": "sandbox" if config.is_sandbox else "Pixazo",
        "callbacks": supports_callback(request.engine),
        "PUBLIC_BASE_URL": config.PUBLIC_BASE_URL.partition("://")[0] + "://…",
        "RESULT_HOSTS": None if config.RESULT_HOSTS is None else len(config.RESULT_HOSTS),
        "ENGINES": sorted(config.ENGINES),
        "DEADLINE": f"{config.DEADLINE.total_seconds():g} s",
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    vendor_id = attempt.vendor_id
    return {
        "number": attempt.number,
        "engine": attempt.engine,
        "vendor_id": vendor_id and Redactor(vendor_id=vendor_id).text(vendor_id),
        "outcome": attempt.outcome,
        "money": attempt.money,
        "price_usd": attempt.amount / MICROS_PER_USD,
        "error": attempt.error,
        "exchanges": [_exchange(row) for row in sorted(attempt.exchanges.all(), key=lambda row: row.at)],
    }


def _exchange(row: Exchange) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "at": row.at.isoformat(),
        "last_at": row.last_at.isoformat(),
        "times": row.times,
        "seconds": row.milliseconds / 1000,
        "method": row.method,
        "path": row.path,
        "request": row.request,
        "status": row.status,
        "response": row.response,
        "error": row.error,
    }
