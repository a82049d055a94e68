"""The example shop's processes on a test's own rows and files: web server, pumps and qcluster, as needed."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.test import override_settings
from django.utils import timezone

from django_vton.models import Attempt, TryOnRequest
from django_vton.models.states import State
from django_vton.queue import q2
from shop.models import Kind

from ..doors import make_product, ref
from ..lifecycle.desk import PAST, Desk
from ..lifecycle.invariants import check_books
from ..running import PATIENCE, RunningShop, database_url, until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[2]


def wait_until(holds: Callable[[], object], seconds: float = PATIENCE, every: float = 0.1) -> None:
    """Other processes' rows ring no bell here: look until they are as they should be."""
    try:
        until(holds, "as it should be", seconds, every)
    except AssertionError as late:
        raise AssertionError(f"{late}; {states()}") from None


def states() -> dict[str, int]:
    """How many try-ons there are in each state."""
    found: dict[str, int] = {}
    for state in TryOnRequest.objects.values_list("state", flat=True):
        found[state] = found.get(state, 0) + 1
    return found


def all_are(*wanted: State) -> bool:
    return set(states()) <= set(wanted)


class Shop(RunningShop):
    """`with Shop(folder, photo) as shop:`; nothing runs but the gateway until a test starts it."""

    def __init__(
        self,
        folder: Path,
        photo: Callable[..., bytes],
        *,
        seconds: float = 0.02,
        env: Mapping[str, str] | None = None,
    ) -> None:
        path = os.pathsep.join([str(ROOT), str(ROOT / "example_project")])
        here = {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "tests.faults.outage_settings",
            "PYTHONPATH": path,
            "VTON_QUOTA": "",
            "VTON_IP_QUOTA": "",
        }
        super().__init__(folder, seconds=seconds, env={**here, **(env or {})})
        self._photo = photo
        self._changes = ExitStack()

    def __enter__(self) -> Self:
        """The same files, gateway and address for this process, so that it can ask and look."""
        self.gateway.start()
        self.env["VTON_PIXAZO_BASE_URL"] = self.gateway.url
        media = Path(self.env["MEDIA_ROOT"])
        private = {
            "BACKEND": "django_vton.storage.PrivateFolder",
            "OPTIONS": {"location": media.with_name(f"{media.name}-private")},
        }
        here = {
            "PIXAZO_BASE_URL": self.gateway.url,
            "PIXAZO_API_KEY": "sandbox",
            "PUBLIC_BASE_URL": self.url,
            "QUOTA": None,
            "IP_QUOTA": None,
        }
        self._changes.enter_context(
            override_settings(
                MEDIA_ROOT=media,
                STORAGES=settings.STORAGES | {"vton": private},
                VTON=settings.VTON | here,
            )
        )
        self.shirt = ref(make_product("shirt", Kind.TOP))
        glasses = make_product("glasses", Kind.EYEWEAR)
        self.glasses = ref(glasses)
        self.desk = Desk(self.gateway, self._photo, glasses)
        return self

    def __exit__(self, *error: object) -> None:
        for name in list(self.processes):
            self.kill(name)
        super().__exit__(*error)
        self._changes.close()

    def kill(self, name: str) -> None:
        """SIGKILL for the process and its children, so that it can also be called where one is stuck."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def start_pump(self, name: str = "pump") -> None:
        self._spawn(name, "vton_worker")

    def start_web(self, **env: str) -> None:
        """A web server on the shop's address; with another environment in place of one that runs."""
        if "web" in self.processes:
            self.kill("web")
        self.env |= env
        self._spawn("web", "runserver", "--noreload", f"127.0.0.1:{self.port}")
        wait_until(self._is_up)

    def start_workers(self) -> None:
        """With the schedules: in the tests' own settings there is no queue, and so they were not made."""
        with override_settings(VTON=settings.VTON | {"ENQUEUE": None}):
            q2.register_schedules("default")
        super().start_workers()

    def hurry(self) -> None:
        """The pauses before the next question, or before what was not sent is sent again, are over."""
        now = timezone.now()
        waiting = TryOnRequest.objects.filter(state__in=[State.QUEUED, State.SUBMITTED], lease_until=None)
        waiting.filter(due_at__gt=now).update(due_at=now)

    def a_minute_passes(self) -> None:
        """Whoever held a row and is silent since has had their time."""
        past = timezone.now() + PAST
        held = TryOnRequest.objects.filter(state__in=[State.SUBMITTED, State.RENDERED])
        held.filter(lease_until__isnull=False).update(lease_until=past, due_at=past)

    def complete(self, seconds: float = PATIENCE) -> None:
        """Wait for the end of all, without the pauses."""

        def is_complete() -> bool:
            self.hurry()
            return all_are(State.COMPLETED)

        wait_until(is_complete, seconds, every=0.5)

    def check_all_complete(self, count: int) -> None:
        """Each was submitted and charged once, its vendor's id is stored, and every book says so."""
        assert states() == {State.COMPLETED: count}
        charged = [entry for entry in self.gateway.ledger.entries if entry.request_id]
        assert len(charged) == count
        named = Attempt.objects.filter(vendor_id__isnull=False).values_list("vendor_id", flat=True)
        assert sorted(map(str, named)) == sorted(str(entry.request_id) for entry in charged)
        assert self.desk.spent() == self.desk.charged()
        check_books(self.gateway)
