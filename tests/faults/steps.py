"""One case of a story: a victim plays it, a fault strikes, others go on, and at rest the books are read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
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
from django_vton.models import (
    Attempt,
    DispatcherLease,
    PersonPhoto,
    ProductImage,
    Quota,
    TryOnImage,
    TryOnRequest,
)
from django_vton.models.states import Money
from django_vton.storage import private_storage

from ..lifecycle.invariants import check_books, check_followers
from ..running import PATIENCE, database_url
from .step_people import call

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.dispatch import Signal

    from django_vton.sandbox.ledger import Ledger

    from ..lifecycle.desk import Desk
    from .step_story import Story

KINDS = ("exception", "exit", "kill", "hang")
ENDED = {"kill": -9, "exit": 1}
LOOKS = 12
"""More than any story needs."""

ENDS = {"COMPLETED", "FAILED", "ERROR"}
CALLBACK_TRIES = 4


class Gone(Exception):  # noqa: N818 - it says what became of the victim
    """The victim is dead, or has hung and finished what it was at: the others go on without it."""


class Held:
    """Whom a signal of Django's tells of, in the tests' own process, waits until the block ends.

    So that others are no quicker than the victim: what it meets is then the same, however slow it is.
    """

    def __init__(self, signal: Signal, whom: Callable[..., bool]) -> None:
        self.signal = signal
        self.whom = whom
        self.has_come = threading.Event()
        self.may_go = threading.Event()

    def __enter__(self) -> Self:
        self.signal.connect(self._wait)
        return self

    def __exit__(self, *_error: object) -> None:
        self.release()

    def release(self) -> None:
        """Before the block's end, where the others are needed within it."""
        self.signal.disconnect(self._wait)
        self.may_go.set()

    def _wait(self, **told: Any) -> None:
        if self.whom(**told):
            self.has_come.set()
            self.may_go.wait(PATIENCE)


def is_call(environ: dict[str, Any], **_told: Any) -> bool:
    """Whether the vendor calls back; else it fetches a picture, which it may need before it can answer."""
    return bool(environ["REQUEST_METHOD"] == "POST")


class Victims:
    """The process that forks one victim per case; one for all tests, since Django takes its time to start."""

    def __init__(self, gateway_url: str, public_url: str, folder: Path) -> None:
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.faults.step_settings",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "DATABASE_URL": database_url(),
            "MEDIA_ROOT": str(folder / "media"),
            "VTON_PIXAZO_BASE_URL": gateway_url,
            "VTON_PUBLIC_BASE_URL": public_url,
        }
        self.log = folder / "victims.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.victim"],
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
            )
        assert self.hear() == {"ready": True}

    def say(self, line: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(line).encode() + b"\n")

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log.read_text(errors="replace")[-3000:]
        heard: dict[str, Any] = json.loads(line)
        return heard

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


class Case:
    """One playing of a story with a plan; without a point in the plan it is recorded."""

    def __init__(
        self, desk: Desk, victims: Victims, story: Story, plan: dict[str, str], *, may_doubt: bool
    ) -> None:
        self.desk = desk
        self.story = story
        self.victims = victims
        self.plan = plan
        self.may_doubt = may_doubt
        self.has_struck = False
        self.is_alive = False
        self.points: list[tuple[str, bool]] = []

    def run(self) -> None:
        """From a clean desk to the reading of the books."""
        self.log_starts = self.victims.log.stat().st_size
        clean(self.desk)
        self.story.prepare(self)
        self.victims.say(self.plan)
        assert self.victims.hear() == {"born": True}
        self.is_alive = True
        try:
            self.story.play(self)
        except Gone:
            pass
        finally:
            self._end()
        self.story.go_on(self)
        self.drive(self.desk.look)
        assert not TryOnRequest.objects.active().exists(), f"stuck: {histories()}"
        self.at_rest()
        self.story.check(self)

    def _end(self) -> None:
        if self.is_alive:
            self.is_alive = False
            self.victims.say({})
            assert self.victims.hear() == {"ended": 0}

    def do(self, command: str, **values: Any) -> Any:
        """The victim does it, and says what came of it; None where an error came of it."""
        with nullcontext() if self.story.is_called_early else Held(request_started, is_call):
            self.victims.say({"do": command, **values})
            news = self.victims.hear()
        has_hung = "hangs" in news
        if has_hung:
            self.has_struck = True
            self.story.meanwhile(self)
            self.victims.say({"go": True})
            news = self.victims.hear()
        if "ended" in news:
            self.is_alive, self.has_struck = False, True
            assert news["ended"] == ENDED.get(self.plan.get("kind", "")), self.words()
            raise Gone
        self.points += [(name, is_locked) for name, is_locked in news["points"]]
        self.has_struck |= news["struck"]
        assert "point" in self.plan or not news["raised"], news["raised"]
        if has_hung:
            raise Gone
        return None if news["raised"] else news["answer"]

    def call(self, method: str, path: str, **values: Any) -> int:
        """Somebody who is well does it."""
        return call(method, path, **values)

    def words(self) -> str:
        """What the victim wrote to its log."""
        with self.victims.log.open("rb") as log:
            log.seek(self.log_starts)
            return log.read().decode(errors="replace")

    def drive(self, look: Callable[[], Any] | None = None, *, until: tuple[str, ...] = ()) -> None:
        """The victim, or somebody else, looks whenever something is due, until nothing is left to do."""
        look = look or partial(self.do, "look")
        for _ in range(LOOKS):
            self.vendor_ends()  # Its call may reopen what had failed.
            if not TryOnRequest.objects.active().exclude(state__in=until).exists():
                return
            self.time_passes()
            look()
            lifecycle.finish_followers()  # Somebody's schedule.

    def vendor_ends(self) -> None:
        """The vendor has done its part, and whoever was to be called was called."""
        done = partial(vendor_is_done, calls=self.story.is_called)
        assert self.desk.gateway.ledger.wait_for(done, timeout=PATIENCE)

    def time_passes(self) -> None:
        """The vendor has done its part; what waited is due; whoever had a lease is late."""
        self.vendor_ends()
        past = timezone.now() - timedelta(seconds=1)
        rows = TryOnRequest.objects.active()
        rows.filter(due_at__isnull=False).update(due_at=past)
        rows.filter(lease_until__isnull=False).update(lease_until=past)
        DispatcherLease.objects.update(lease_until=past)
        self.desk.gateway_waits_no_more()

    def at_rest(self) -> None:
        """What must be true whatever happened."""
        ledger = self.desk.gateway.ledger
        check_books(self.desk.gateway)
        attempts = Attempt.objects.all()
        assert not attempts.filter(money=Money.HELD).exists(), histories()
        charged = {entry.request_id: entry.amount for entry in ledger.entries if entry.amount}
        spent = attempts.filter(money=Money.SPENT)
        assert sum(charged.values()) <= sum(spent.values_list("amount", flat=True))
        known = attempts.filter(vendor_id__in=charged)
        assert set(known.values_list("money", flat=True)) <= {Money.SPENT}
        check_followers()
        rows = TryOnRequest.objects.all()
        counted = [pk for row in rows for pk in row.counted_in]
        erased = rows.filter(erased_at__isnull=False).count()  # These count on, and no longer say in which.
        for quota in Quota.objects.exclude(key__startswith="shared:"):
            lost = quota.used - counted.count(quota.pk)
            assert 0 <= lost <= erased, "the quota counts what is not there"
        self.no_orphans()

    def no_orphans(self) -> None:
        """An hour later no file lies there that no row knows, and none is missing."""
        old = time.time() - 7200
        root = Path(private_storage().path(""))
        for path in root.rglob("*"):
            if path.is_file():
                os.utime(path, (old, old))
        privacy.purge()
        known: set[str] = set()
        for model, fields in (
            (PersonPhoto, ("file", "thumbnail")),
            (ProductImage, ("file",)),
            (TryOnImage, ("file", "thumbnail")),
        ):
            for field in fields:
                known |= set(model._default_manager.values_list(field, flat=True))
        assert {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()} == known


def vendor_is_done(ledger: Ledger, *, calls: bool) -> bool:
    """Every render has ended, and, where it calls, whoever ordered a call was called."""
    for entry in ledger.entries:
        if entry.outcome == "arrived" or (entry.outcome == "accepted" and entry.state.upper() not in ENDS):
            return False
        counts = ledger.counts(entry.request_id or "")
        is_called = counts.callbacks_acknowledged or counts.callbacks_sent >= CALLBACK_TRIES
        if calls and entry.outcome == "accepted" and entry.callback and not is_called:
            return False
    return True


def histories() -> list[Any]:
    """What happened to each try-on, for a red test."""
    return [
        [
            (row.state, row.error_code),
            *row.events.values_list("name", "to_state"),
            *row.attempts.values_list("verdict", "money", "error"),
        ]
        for row in TryOnRequest.objects.all()
    ]


def clean(desk: Desk) -> None:
    """As if nothing had been: quicker than a new database and a new gateway."""
    desk.gateway.reset()
    desk.shade = 0  # The same photo again: the sandbox draws it once.
    models = [model for model in apps.get_app_config("vton").get_models() if not model._meta.proxy]
    with transaction.atomic(), connection.cursor() as cursor:
        for model in models:
            cursor.execute(f'DELETE FROM "{model._meta.db_table}"')  # noqa: S608 - our own names
    shutil.rmtree(f"{settings.MEDIA_ROOT}-private", ignore_errors=True)
