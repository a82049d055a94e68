"""What a dispatcher costs the database while nothing is due yet."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.backends.signals import connection_created

from django_vton.worker import dispatcher
from django_vton.worker.dispatcher import IDLE_CYCLE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

    from ..lifecycle.harness import Harness


@contextmanager
def statements_of_new_connections() -> Iterator[list[str]]:
    """Record the statements of threads that open their connection in this block."""
    statements: list[str] = []

    def record(execute: Callable[..., Any], sql: str, *args: Any) -> Any:
        statements.append(sql)
        return execute(sql, *args)

    def on_open(connection: BaseDatabaseWrapper, **_: Any) -> None:
        connection.execute_wrappers.append(record)

    connection_created.connect(on_open)
    try:
        yield statements
    finally:
        connection_created.disconnect(on_open)


def test_an_idle_dispatcher_asks_once_a_second_whether_work_is_left(harness: Harness) -> None:
    row = harness.order_submitted()
    harness.set_times(row, due_at=timedelta(seconds=1.5 * IDLE_CYCLE_SECONDS))
    with statements_of_new_connections() as statements:
        began = time.monotonic()
        dispatcher.run()
        seconds = time.monotonic() - began
    checks = [sql for sql in statements if sql.startswith('SELECT %s AS "a" FROM "vton_tryonrequest"')]
    assert 0 < len(checks) <= 4 + seconds / IDLE_CYCLE_SECONDS, "one more after each job"
