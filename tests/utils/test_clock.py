"""The package's time is that of a database server, whatever happens to the connection or the host's clock."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.utils import timezone

from django_vton.models import DispatcherLease
from django_vton.utils import clock

from ..health.test_health_checks import failed_checks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoAssertNumQueries

needs_server = pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has no clock of its own")
SECOND = timedelta(seconds=1)


@pytest.fixture
def _host_is_ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The host's clock is two minutes ahead, and nothing was measured yet."""
    true_time, true_now = time.time, clock.host_now
    monkeypatch.setattr(time, "time", lambda: true_time() + 120)
    monkeypatch.setattr(clock, "host_now", lambda: true_now() + timedelta(minutes=2))
    monkeypatch.setattr(clock, "_measurement", None)
    read_again()
    yield
    monkeypatch.undo()
    read_again()


def read_again() -> None:
    """Let the next caller read the time."""
    clock._read_again_at = 0.0


def is_true() -> bool:
    return abs(timezone.now() - clock.now()) < SECOND


@needs_server
@pytest.mark.django_db
@pytest.mark.usefixtures("_host_is_ahead")
def test_the_time_is_the_databases(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert is_true()
    assert abs(clock.host_lead() - timedelta(minutes=2)) < SECOND
    assert "clock" in failed_checks()


@needs_server
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_host_is_ahead")
def test_the_time_is_read_and_kept_while_a_transaction_has_failed() -> None:
    assert is_true()
    with transaction.atomic():
        DispatcherLease.objects.create(number=1)
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("SELECT missing")
        read_again()
        assert is_true()
        transaction.set_rollback(True)
    read_again()
    with transaction.atomic():
        assert is_true()
        DispatcherLease.objects.create(number=2)
    assert [lease.number for lease in DispatcherLease.objects.all()] == [2]


@needs_server
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_host_is_ahead")
def test_the_time_goes_on_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_true()
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "PORT", "1")
        read_again()
        assert is_true()
        began = time.monotonic()
        assert is_true(), "not asked again at once"
        assert time.monotonic() - began < 1
    read_again()
    assert is_true()


@needs_server
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("_host_is_ahead")
def test_a_thread_without_a_connection_to_the_database_keeps_none() -> None:
    def work() -> bool:
        return is_true() and connections["default"].connection is None

    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(work).result()


@pytest.mark.django_db
def test_the_doctor_knows_the_clock_of_a_workers_host() -> None:
    lease = DispatcherLease.objects.create(number=1, seen_at=clock.now(), host_lead=-4)
    assert "clock" not in failed_checks()
    lease.host_lead = -600
    lease.save()
    assert "clock" in failed_checks()
