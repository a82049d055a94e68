"""CSV files, streamed row by row so that a month of a large shop needs no more memory than a day."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.http import StreamingHttpResponse

from ..conf import MICROS_PER_USD

FORMULA_PREFIXES = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet evaluates a text that starts with one of these, and vendors and products supply texts."""


class _Echo:
    """A file-like object whose `write` returns the line, so that `csv.writer.writerow` returns it too."""

    def write(self, line: str) -> str:
        return line


def escape_formula(value: Any) -> Any:
    """Prefix a text that a spreadsheet would evaluate; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_PREFIXES) else value


def usd(micros: int) -> Decimal:
    """Convert micro-USD to USD without rounding."""
    return Decimal(micros) / MICROS_PER_USD


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """Return a CSV file to download, with the byte order mark by which Excel recognizes UTF-8."""

    def lines() -> Iterator[str]:
        writer = csv.writer(_Echo())
        yield "\ufeff" + writer.writerow(header)
        for row in rows:
            yield writer.writerow([escape_formula(value) for value in row])

    return StreamingHttpResponse(
        lines(),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
