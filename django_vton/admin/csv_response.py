"""CSV files, sent row by row so that a large file needs no more memory than a small one."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.http import StreamingHttpResponse

from ..conf import MICROS_PER_USD
from ..web.streaming import ThreadedStreamingHttpResponse

FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Spreadsheets evaluate text with one of these prefixes. The vendor or a product can supply such text."""


class _Echo:
    """A file-like object whose `write` returns the line, so that `csv.writer.writerow` returns it too."""

    def write(self, line: str) -> str:
        return line


def escape_formula(value: Any) -> Any:
    """Put an apostrophe before text that a spreadsheet would evaluate. Return other values unchanged."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_PREFIXES) else value


def usd(micros: int) -> Decimal:
    """Convert micro-USD to USD without rounding."""
    return Decimal(micros) / MICROS_PER_USD


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """Return a CSV file to download. It starts with a byte order mark, so that Excel reads it as UTF-8."""

    def lines() -> Iterator[str]:
        writer = csv.writer(_Echo())
        yield "\ufeff" + writer.writerow(header)
        for row in rows:
            yield writer.writerow([escape_formula(value) for value in row])

    return ThreadedStreamingHttpResponse(
        lines(),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
