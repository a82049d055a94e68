"""What a dispatcher costs the database while nothing is due yet."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from django_vton.worker import dispatcher
from django_vton.worker.dispatcher import IDLE_CYCLE_SECONDS

from ..canary.canaries import before_statement_on_new_connections

if TYPE_CHECKING:
    from ..lifecycle.harness import Harness

IS_WORK_LEFT = 'SELECT %s AS "a" FROM "vton_tryonrequest"'


def test_an_idle_dispatcher_asks_once_a_second_whether_work_is_left(harness: Harness) -> None:
    row = harness.order_submitted()
    harness.set_times(row, due_at=timedelta(seconds=1.5 * IDLE_CYCLE_SECONDS))
    checks: list[float] = []
    began = time.monotonic()
    with before_statement_on_new_connections(IS_WORK_LEFT, lambda: checks.append(time.monotonic())):
        dispatcher.run()
    seconds = time.monotonic() - began
    assert 0 < len(checks) <= 4 + seconds / IDLE_CYCLE_SECONDS, "one more after each job"
