"""One run of a scenario: a process executes it, a fault is injected, others continue, the end is checked."""

from __future__ import annotations

import os
import shutil
import threading
import time
from contextlib import nullcontext
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from django.apps import apps
from django.conf import settings
from django.core.signals import request_started
from django.db import connection, transaction
from django.utils import timezone

from django_vton import lifecycle, privacy
from django_vton.models import Attempt, DispatcherLease, Quota, TryOnRequest
from django_vton.models.states import Money
from django_vton.privacy.orphaned_files import FOLDERS
from django_vton.storage import private_storage

from ..lifecycle.invariants import check_books, check_followers
from ..live_shop import TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.dispatch import Signal

    from django_vton.sandbox.ledger import Ledger

    from ..lifecycle.harness import Harness
    from .fork_client import ForkServer
    from .scenario import Scenario

KINDS = ("exception", "exit", "kill", "hang")
EXIT_CODES = {"kill": -9, "exit": 1}
MAX_CYCLES = 12
"""More polling cycles than any scenario needs."""

FINAL = {"COMPLETED", "FAILED", "ERROR"}
CALLBACK_TRIES = 4


class ProcessGone(Exception):  # noqa: N818 - it says what happened
    """The process under test has died, or has hung and finished its command; the others go on without it."""


class BlockedSignal:
    """In the tests' own process, blocks senders of a Django signal for which `matches` until the block ends.

    The others are then never faster than the process under test, which so meets the same data each time.
    """

    def __init__(self, signal: Signal, matches: Callable[..., bool]) -> None:
        self.signal = signal
        self.matches = matches
        self.was_sent = threading.Event()
        self.may_continue = threading.Event()

    def __enter__(self) -> Self:
        self.signal.connect(self._wait)
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()

    def release(self) -> None:
        """Unblock before the end of the block."""
        self.signal.disconnect(self._wait)
        self.may_continue.set()

    def _wait(self, **arguments: Any) -> None:
        if self.matches(**arguments):
            self.was_sent.set()
            self.may_continue.wait(TIMEOUT_SECONDS)


def is_callback(environ: dict[str, Any], **_arguments: Any) -> bool:
    """Whether the vendor calls back. Its downloads must pass, since it may need them before it responds."""
    return bool(environ["REQUEST_METHOD"] == "POST")


class Run:
    """One run of a scenario with a plan. Without a point in the plan, the run records all points."""

    def __init__(
        self,
        harness: Harness,
        server: ForkServer,
        scenario: Scenario,
        plan: dict[str, str],
        *,
        may_be_unknown: bool,
    ) -> None:
        self.harness = harness
        self.scenario = scenario
        self.server = server
        self.plan = plan
        self.may_be_unknown = may_be_unknown
        self.has_injected = False
        self.is_alive = False
        self.points: list[tuple[str, bool]] = []

    def execute(self) -> None:
        """From an empty database to the final checks."""
        self.log_starts = self.server.log.stat().st_size
        reset(self.harness)
        self.scenario.prepare(self)
        self.server.send(self.plan)
        assert self.server.receive() == {"started": True}
        self.is_alive = True
        try:
            self.scenario.run(self)
        except ProcessGone:
            pass
        finally:
            self._end_process()
        self.scenario.continue_without(self)
        self.drive(self.harness.run_cycle)
        assert not TryOnRequest.objects.active().exists(), f"stuck: {histories()}"
        self.check_consistency()
        self.scenario.check(self)

    def _end_process(self) -> None:
        if self.is_alive:
            self.is_alive = False
            self.server.send({})
            assert self.server.receive() == {"exited": 0}

    def do(self, command: str, **values: Any) -> Any:
        """Have the process under test execute a command; return its result, or None if it raised an error."""
        with nullcontext() if self.scenario.is_called_early else BlockedSignal(request_started, is_callback):
            self.server.send({"do": command, **values})
            message = self.server.receive()
        has_hung = "hangs" in message
        if has_hung:
            self.has_injected = True
            self.scenario.while_hanging(self)
            self.server.send({"go": True})
            message = self.server.receive()
        if "exited" in message:
            self.is_alive, self.has_injected = False, True
            assert message["exited"] == EXIT_CODES.get(self.plan.get("kind", "")), self.log()
            raise ProcessGone
        self.points += [(name, is_locked) for name, is_locked in message["points"]]
        self.has_injected |= message["injected"]
        assert "point" in self.plan or not message["raised"], message["raised"]
        if has_hung:
            raise ProcessGone
        return None if message["raised"] else message["result"]

    def log(self) -> str:
        """What the process under test has logged."""
        with self.server.log.open("rb") as log:
            log.seek(self.log_starts)
            return log.read().decode(errors="replace")

    def drive(self, dispatch: Callable[[], Any] | None = None, *, until: tuple[str, ...] = ()) -> None:
        """Run polling cycles, by default in the process under test, until nothing is left to do."""
        dispatch = dispatch or partial(self.do, "dispatch")
        for _ in range(MAX_CYCLES):
            self.wait_for_vendor()  # Its callback may reopen a failed try-on.
            if not TryOnRequest.objects.active().exclude(state__in=until).exists():
                return
            self.make_due()
            dispatch()
            lifecycle.finish_followers()  # As the schedule does.

    def wait_for_vendor(self) -> None:
        """Wait until all renders have ended and all callbacks were sent."""
        is_done = partial(vendor_is_done, with_callbacks=self.scenario.is_called_back)
        assert self.harness.gateway.ledger.wait_for(is_done, timeout=TIMEOUT_SECONDS)

    def make_due(self) -> None:
        """Let enough time pass that every row is due and every lease is over."""
        self.wait_for_vendor()
        past = timezone.now() - timedelta(seconds=1)
        rows = TryOnRequest.objects.active()
        rows.filter(due_at__isnull=False).update(due_at=past)
        rows.filter(lease_until__isnull=False).update(lease_until=past)
        DispatcherLease.objects.update(lease_until=past)
        self.harness.end_gateway_pause()

    def check_consistency(self) -> None:
        """What must be true at the end, whatever happened."""
        ledger = self.harness.gateway.ledger
        check_books(self.harness.gateway)
        attempts = Attempt.objects.all()
        assert not attempts.filter(money=Money.HELD).exists(), histories()
        charged = {entry.request_id: entry.amount for entry in ledger.entries if entry.amount}
        spent = attempts.filter(money=Money.SPENT)
        assert sum(charged.values()) <= sum(spent.values_list("amount", flat=True))
        known = attempts.filter(vendor_id__in=charged)
        assert set(known.values_list("money", flat=True)) <= {Money.SPENT}
        check_followers()
        rows = TryOnRequest.objects.all()
        counted = [pk for row in rows for pk in row.quota_ids]
        # An erased try-on still counts, but no longer refers to its quota.
        erased = rows.filter(erased_at__isnull=False).count()
        for quota in Quota.objects.exclude(key__startswith="shared:"):
            unexplained = quota.used - counted.count(quota.pk)
            assert 0 <= unexplained <= erased, "the quota counts what does not exist"
        self.check_files()

    def check_files(self) -> None:
        """An hour later there is no file without a row, and no row without its file."""
        old = time.time() - 7200
        root = Path(private_storage().path(""))
        for path in root.rglob("*"):
            if path.is_file():
                os.utime(path, (old, old))
        privacy.purge()
        known: set[str] = set()
        for model, fields in FOLDERS.values():
            for field in fields:
                known |= set(model._default_manager.values_list(field, flat=True))
        assert {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} == known


def vendor_is_done(ledger: Ledger, *, with_callbacks: bool) -> bool:
    """Whether every render has ended, and every ordered callback was received or given up."""
    for entry in ledger.entries:
        if entry.outcome == "arrived" or (entry.outcome == "accepted" and entry.state.upper() not in FINAL):
            return False
        counts = ledger.counts(entry.request_id or "")
        is_called = counts.callbacks_acknowledged or counts.callbacks_sent >= CALLBACK_TRIES
        if with_callbacks and entry.outcome == "accepted" and entry.callback and not is_called:
            return False
    return True


def histories() -> list[Any]:
    """What happened to each try-on, for the message of a failed test."""
    return [
        [
            (row.state, row.error_code),
            *row.events.values_list("name", "to_state"),
            *row.attempts.values_list("outcome", "money", "error"),
        ]
        for row in TryOnRequest.objects.all()
    ]


def reset(harness: Harness) -> None:
    """Empty the tables and the gateway, which is faster than making new ones."""
    harness.gateway.reset()
    harness.shade = 0  # The same photo again, which the sandbox has drawn already.
    models = [model for model in apps.get_app_config("vton").get_models() if not model._meta.proxy]
    with transaction.atomic(), connection.cursor() as cursor:
        for model in models:
            cursor.execute(f'DELETE FROM "{model._meta.db_table}"')  # noqa: S608 - our own names
    shutil.rmtree(f"{settings.MEDIA_ROOT}-private", ignore_errors=True)
