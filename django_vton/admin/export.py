"""Tables as files for a spreadsheet, row by row: a month of a large shop takes no more memory than a day."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from django.http import StreamingHttpResponse

from ..conf import MICROS

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet computes what begins so, whoever wrote it: a vendor, or a product's name."""


class _Line:
    """What `csv.writer` writes into: it hands each line on."""

    def write(self, line: str) -> str:
        return line


def cell(value: Any) -> Any:
    """Numbers stay numbers; a text is never a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def amount(micros: int) -> Decimal:
    """USD, to the last digit."""
    return Decimal(micros) / MICROS


def download(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> StreamingHttpResponse:
    """A file of that name; with the mark by which Excel knows UTF-8."""

    def lines() -> Iterator[str]:
        writer = csv.writer(_Line())
        yield "\ufeff" + writer.writerow(header)
        for row in rows:
            yield writer.writerow([cell(value) for value in row])

    return StreamingHttpResponse(
        lines(),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )
