"""A purge costs SQLite what has expired, and not what is stored."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_vton import privacy
from django_vton.privacy.retention import BATCH
from django_vton.shoppers import Visitor

from ..intake_helpers import order_tryon
from ..tryons import complete_tryon

if TYPE_CHECKING:
    from shop.models import Product

    from ..conftest import PhotoMaker

READ_TRY_ONS = 'SELECT "vton_tryonrequest"."id", "vton_tryonrequest"."shopper_id"'
BY_SOURCE = "SEARCH vton_tryonrequest USING INDEX vton_request_followers"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="it is about SQLite's plans")
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("files")
def test_no_statement_reads_all_try_ons_without_a_source(shirt: Product, phone_photo: PhotoMaker) -> None:
    """SQLite expects that few rows have NULL in an indexed column, but nearly all try-ons have no source."""
    for number in range(BATCH):
        complete_tryon(order_tryon(shirt, Visitor(), phone_photo(300, 400, shade=number)).request)
    with CaptureQueriesContext(connection) as queries:
        deleted = privacy.purge(timezone.now() + timedelta(days=31))
    assert deleted["try_ons"] == BATCH
    reads = [sql for sql in (query["sql"] for query in queries) if sql.startswith(READ_TRY_ONS)]
    assert any("expires_at" in sql for sql in reads)
    for sql in reads:
        with connection.cursor() as cursor:
            plan = [row[-1] for row in cursor.execute(f"EXPLAIN QUERY PLAN {sql.replace('%', '%%')}")]
        assert not [step for step in plan if step.startswith(BY_SOURCE)], sql
