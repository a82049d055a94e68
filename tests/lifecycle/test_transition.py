"""The conditions in the statements hold even if a row changes after it was locked: then nothing is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_vton import lifecycle
from django_vton.lifecycle import RolledBack, bulk_update
from django_vton.lifecycle.bulk_update import RowsChanged, update_rows
from django_vton.lifecycle.transition import atomic_outcome
from django_vton.models import Attempt, TryOnRequest
from django_vton.models.states import Money, State

from ..intake_helpers import normalize_sql, run_before_statement
from .rows import Orders, Row, downloading, make_due, polling, read, submitting

if TYPE_CHECKING:
    from .harness import Harness

Apply = Callable[[Sequence[Row]], Any]


def tables() -> dict[str, list[Any]]:
    """Everything that is stored."""
    models = apps.get_app_config("vton").get_models()
    return {model.__name__: list(model._default_manager.order_by("pk").values()) for model in models}


def due_for_poll(request: TryOnRequest) -> Row:
    polling(request)
    make_due(request)
    TryOnRequest.objects.filter(pk=request.pk).update(lease_until=None)
    return read(request)


def claim_submits(rows: Sequence[Row]) -> Any:
    hashes = [f"hash of {row.attempt.pk}" for row in rows]
    return lifecycle.claim_submits([row.attempt for row in rows], hashes, timezone.now(), lifecycle.LEASE)


def claim_due(rows: Sequence[Row]) -> Any:
    return lifecycle.claim_due([row.attempt for row in rows], timezone.now(), lifecycle.LEASE)


def release(rows: Sequence[Row]) -> Any:
    lifecycle.release([(row.request, timezone.now() + timedelta(seconds=10)) for row in rows])


def mark_submitted(rows: Sequence[Row]) -> Any:
    lifecycle.mark_submitted([(row.attempt, row.accepted()) for row in rows])


def mark_rendered(rows: Sequence[Row]) -> Any:
    return lifecycle.mark_rendered([(row.attempt, row.finished(), None) for row in rows])


def mark_completed(rows: Sequence[Row]) -> Any:
    return lifecycle.mark_completed([(row.request, row.images()) for row in rows])


STATE = 'UPDATE "vton_tryonrequest" SET "state"'
LEASE = 'UPDATE "vton_tryonrequest" SET "lease_until"'
ATTEMPT = 'UPDATE "vton_attempt" SET'
MONEY = 'UPDATE "vton_attempt" SET "money"'

CASES: list[tuple[Callable[[TryOnRequest], Row], Apply, str, dict[str, Any]]] = [
    (read, claim_submits, STATE, {"state": State.CANCELED}),
    (read, claim_submits, ATTEMPT, {"posted_at": timezone.now()}),
    (submitting, mark_submitted, STATE, {"state": State.CANCELED}),
    (due_for_poll, claim_due, LEASE, {"state": State.CANCELED}),
    (due_for_poll, claim_due, LEASE, {"lease_until": timezone.now()}),
    (polling, release, LEASE, {"lease_until": timezone.now()}),
    (polling, mark_rendered, STATE, {"state": State.CANCELED}),
    (polling, mark_rendered, MONEY, {"money": Money.FREE}),
    (downloading, mark_completed, STATE, {"state": State.CANCELED}),
]


@pytest.mark.parametrize("number", [1, 3])
@pytest.mark.parametrize(
    ("prepare", "apply", "statement", "change"),
    CASES,
    ids=[
        f"{apply.__name__}-{next(iter(change))}-{statement[-6:-1]}" for _, apply, statement, change in CASES
    ],
)
def test_a_row_that_changes_after_the_lock_changes_nothing(
    orders: Orders,
    prepare: Callable[[TryOnRequest], Row],
    apply: Apply,
    statement: str,
    change: dict[str, Any],
    number: int,
) -> None:
    orders.glasses(1)  # So that the budget has more held than these rows.
    rows = [prepare(request) for request in orders.shirts(number)]
    model = Attempt if statement.startswith(ATTEMPT) else TryOnRequest
    pk: Any = rows[-1].attempt.pk if model is Attempt else rows[-1].request.pk
    before = tables()

    def change_row() -> None:
        model._default_manager.filter(pk=pk).update(**change)

    with run_before_statement(statement, change_row), pytest.raises(RowsChanged):
        apply(rows)
    assert tables() == before


def test_rows_with_different_values_are_updated_only_where_a_column_is_null(orders: Orders) -> None:
    first, second = orders.shirts(2)
    now = timezone.now()
    TryOnRequest.objects.filter(pk=second.pk).update(lease_until=now)
    changes: list[bulk_update.Row] = [
        (row.pk, {"lease_until": None}, {"claim_count": row is second}) for row in (first, second)
    ]
    with pytest.raises(RowsChanged), transaction.atomic():
        update_rows(TryOnRequest, changes)
    assert set(TryOnRequest.objects.values_list("claim_count", flat=True)) == {0}
    changes[1] = (second.pk, {"lease_until": now}, {"claim_count": 1})
    update_rows(TryOnRequest, changes)
    assert TryOnRequest.objects.get(pk=second.pk).claim_count == 1


def test_a_transition_locks_its_rows_before_it_reads_them(harness: Harness) -> None:
    """On SQLite, a write takes the lock: after a read, the first write could fail."""
    attempt = submitting(harness.order()).attempt
    with CaptureQueriesContext(connection) as queries:
        assert lifecycle.mark_unknown(attempt, timeout=timedelta(0))
    statements = [normalize_sql(query["sql"]) for query in queries]
    first = next(it for it in statements if not it.startswith(("BEGIN", "SAVEPOINT")))
    if connection.features.has_select_for_update:
        assert first.startswith("SELECT")
        assert "FOR UPDATE" in first
    else:
        assert first.startswith("UPDATE")


@pytest.mark.parametrize("error", [OperationalError, IntegrityError])
def test_an_error_before_the_commit_is_told_from_an_error_of_the_commit(
    transactional_db: None,  # noqa: ARG001 - commits
    error: type[Exception],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(IntegrityError if error is IntegrityError else RolledBack), atomic_outcome():
        raise error

    def fail(_self: Any) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(BaseDatabaseWrapper, "_commit", fail)
        with pytest.raises(error), atomic_outcome():
            TryOnRequest.objects.exists()
