"""A polling cycle asks only for what is due, and misses nothing behind many other due rows."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_vton.models import TryOnRequest
from django_vton.models.states import State
from django_vton.worker import claims
from django_vton.worker.due_rows import MAX_ROWS

from ..lifecycle.harness import PAST
from ..lifecycle.rows import Orders, downloading, polling, submitting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..lifecycle.harness import Harness


def make_due_last(*rows: TryOnRequest) -> None:
    """These rows are due, but the shortest. A lease of theirs has expired."""
    due = TryOnRequest.objects.filter(pk__in=[row.pk for row in rows])
    due.update(due_at=timezone.now() + PAST, lease_until=None)


@contextmanager
def many_due_like(row: TryOnRequest, number: int) -> Iterator[None]:
    """So many more try-ons like this one are due. They have no attempts, so they cannot be claimed."""
    values = {name: getattr(row, name) for name in ("product", "main_product", "engine", "options")}
    due_at = timezone.now() - timedelta(hours=1)
    copies = [TryOnRequest(state=State.QUEUED, due_at=due_at, **values) for _ in range(number)]
    TryOnRequest.objects.bulk_create(copies)
    yield
    TryOnRequest.objects.filter(pk__in=[copy.pk for copy in copies]).delete()


def test_a_cycle_without_due_rows_costs_one_statement(harness: Harness) -> None:
    harness.order_submitted()
    with CaptureQueriesContext(connection) as queries:
        assert claims.claim_jobs(10, 4) == []
    assert len(queries) == 1


def test_without_queued_rows_nothing_is_asked_about_engines(orders: Orders) -> None:
    make_due_last(polling(orders.shirts(1)[0]).request)
    with CaptureQueriesContext(connection) as queries:
        [job] = claims.claim_jobs(10, 4)
    assert job.kind == "poll"
    assert not [query for query in queries if "vton_gatewaystate" in query["sql"]]


@pytest.mark.parametrize("others", [0, MAX_ROWS - 3, MAX_ROWS, 2 * MAX_ROWS])
def test_every_kind_of_work_is_found_behind_many_rows_of_one_engine(orders: Orders, others: int) -> None:
    shirt, poll = orders.shirts(2)
    [glasses] = orders.glasses(1)
    make_due_last(glasses, polling(poll).request)
    with many_due_like(shirt, others):
        jobs = claims.claim_jobs(500, 400)
    assert {(job.kind, job.request.pk) for job in jobs} >= {("submit", glasses.pk), ("poll", poll.pk)}


@pytest.mark.parametrize("others", [0, 2 * MAX_ROWS])
def test_a_download_whose_worker_has_died_is_found_behind_many_rows(orders: Orders, others: int) -> None:
    died, shirt = orders.shirts(2)
    make_due_last(downloading(died).request)
    with many_due_like(shirt, others):
        assert claims.claim_jobs(500, 400, is_idle=False) == []
        [job] = claims.claim_jobs(500, 400)
    assert (job.request.pk, job.is_suspect) == (died.pk, True)


@pytest.mark.parametrize("others", [0, 2 * MAX_ROWS])
def test_a_submit_whose_worker_has_died_is_found_behind_many_rows(orders: Orders, others: int) -> None:
    died, shirt = orders.shirts(2)
    row = submitting(died).request
    make_due_last(row)
    with many_due_like(shirt, others):
        claims.claim_jobs(500, 400)
    row.refresh_from_db()
    assert row.state == State.UNKNOWN
