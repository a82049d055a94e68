"""The CSV files of the reports."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_vton.admin import csv_response
from django_vton.models import Attempt
from django_vton.utils.periods import today
from tests import tryons

from . import factories
from .report_data import INVOICE_CSV, get_csv

if TYPE_CHECKING:
    from django.test import Client


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx"])
def test_csv_files_contain_no_formulas(superuser: Client, start: str) -> None:
    factories.complete_tryon(factories.create_tryon(factories.create_guest()))
    Attempt.objects.update(vendor_id=start, posted_at=timezone.now(), engine=start)

    (line,) = get_csv(superuser, INVOICE_CSV)
    assert line["vendor_id"] == line["engine"] == f"'{start}"
    assert line["amount_usd"] == "0.075"
    assert csv_response.escape_formula(Decimal("-1.5")) == Decimal("-1.5"), "numbers stay numbers"


def test_a_csv_file_has_a_name_and_is_not_cached(superuser: Client) -> None:
    response = superuser.get(reverse(INVOICE_CSV), {"period": "2026-11"})

    assert response.headers["Content-Disposition"] == 'attachment; filename="try-on-2026-11.csv"'
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "no-store" in response.headers["Cache-Control"]
    assert response.streaming
    tryons.read_stream(response)


def test_a_csv_file_is_read_from_the_database_while_it_is_sent(
    superuser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("django_vton.admin.invoice.CHUNK_SIZE", 2)
    for number in range(7):
        factories.complete_tryon(factories.create_tryon(factories.create_guest()))
        Attempt.objects.filter(posted_at=None).update(
            posted_at=timezone.now() - timedelta(seconds=number), budget_day=today()
        )
    with CaptureQueriesContext(connection) as queries:
        response = superuser.get(reverse(INVOICE_CSV))
        assert not [query for query in queries if "vton_attempt" in query["sql"]], (
            "no row is read before the file is sent"
        )
        lines = tryons.read_stream(response).decode().splitlines()
    assert len(lines) == 8
    assert [line.split(",")[2] for line in lines[1:]] == sorted(line.split(",")[2] for line in lines[1:])
