"""The example shop's processes on the test's own database and files: web server, dispatchers, qcluster."""

from __future__ import annotations

import os
import signal
from collections import Counter
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

from ..lifecycle.harness import PAST, Harness
from ..lifecycle.invariants import check_books
from ..live_shop import TIMEOUT_SECONDS, RunningShop, database_url, wait_until
from ..tryons import make_product, product_ref

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def wait_for(condition: Callable[[], object], seconds: float = TIMEOUT_SECONDS, every: float = 0.1) -> None:
    """Poll the database, which other processes change; a failure tells the try-ons' states."""
    try:
        wait_until(condition, "the expected state", seconds, every)
    except AssertionError as error:
        raise AssertionError(f"{error}; {count_states()}") from None


def count_states() -> Counter[str]:
    return Counter(TryOnRequest.objects.values_list("state", flat=True))


def all_are(*wanted: State) -> bool:
    return set(count_states()) <= set(wanted)


class OutageShop(RunningShop):
    """`with OutageShop(folder, photo) as shop:` starts the gateway only; a test starts the rest."""

    def __init__(
        self,
        folder: Path,
        photo: Callable[..., bytes],
        *,
        seconds: float = 0.02,
        env: Mapping[str, str] | None = None,
    ) -> None:
        shared = {
            "DATABASE_URL": database_url(),
            "DJANGO_SETTINGS_MODULE": "tests.faults.outage_settings",
            "VTON_QUOTA": "",
            "VTON_IP_QUOTA": "",
        }
        super().__init__(folder, seconds=seconds, env={**shared, **(env or {})})
        self._photo = photo
        self._overrides = ExitStack()

    def __enter__(self) -> Self:
        """Let the tests' own process use the same files, gateway and URL."""
        self.gateway.start()
        self.env["VTON_PIXAZO_BASE_URL"] = self.gateway.url
        media = Path(self.env["MEDIA_ROOT"])
        private = {
            "BACKEND": "django_vton.storage.PrivateFileSystemStorage",
            "OPTIONS": {"location": media.with_name(f"{media.name}-private")},
        }
        shared = {
            "PIXAZO_BASE_URL": self.gateway.url,
            "PIXAZO_API_KEY": "sandbox",
            "PUBLIC_BASE_URL": self.url,
            "QUOTA": None,
            "IP_QUOTA": None,
        }
        self._overrides.enter_context(
            override_settings(
                MEDIA_ROOT=media,
                STORAGES=settings.STORAGES | {"vton": private},
                VTON=settings.VTON | shared,
            )
        )
        self.shirt = product_ref(make_product("shirt", Kind.TOP))
        glasses = make_product("glasses", Kind.EYEWEAR)
        self.glasses = product_ref(glasses)
        self.harness = Harness(self.gateway, self._photo, glasses)
        return self

    def __exit__(self, *error: object) -> None:
        for name in list(self.processes):
            self.kill(name)
        super().__exit__(*error)
        self._overrides.close()

    def kill(self, name: str) -> None:
        """SIGKILL for the process and its children, which also ends one that hangs."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def start_dispatcher(self, name: str = "dispatcher") -> None:
        self._spawn(name, "vton_worker")

    def start_web(self, **env: str) -> None:
        """Start the web server, or restart it with a changed environment."""
        if "web" in self.processes:
            self.kill("web")
        self.env |= env
        self._spawn("web", "runserver", "--noreload", f"127.0.0.1:{self.port}")
        wait_for(self._is_up)

    def start_workers(self) -> None:
        """With the schedules, which the tests' settings did not create since they have no queue."""
        with override_settings(VTON=settings.VTON | {"ENQUEUE": None}):
            q2.register_schedules("default")
        super().start_workers()

    def make_due(self) -> None:
        """End the pauses before the next poll and before the next try of an unsent submit."""
        now = timezone.now()
        waiting = TryOnRequest.objects.filter(state__in=[State.QUEUED, State.SUBMITTED], lease_until=None)
        waiting.filter(due_at__gt=now).update(due_at=now)

    def expire_leases(self) -> None:
        """Let enough time pass that the leases of dead workers are over."""
        past = timezone.now() + PAST
        leased = TryOnRequest.objects.filter(state__in=[State.SUBMITTED, State.RENDERED])
        leased.filter(lease_until__isnull=False).update(lease_until=past, due_at=past)

    def wait_until_completed(self, seconds: float = TIMEOUT_SECONDS) -> None:
        """Wait until all try-ons are completed, without the pauses."""

        def are_completed() -> bool:
            self.make_due()
            return all_are(State.COMPLETED)

        wait_for(are_completed, seconds, every=0.5)

    def check_all_complete(self, count: int) -> None:
        """Check that each was charged once, its vendor's id is stored, and the money is booked."""
        assert count_states() == {State.COMPLETED: count}
        charged = [entry for entry in self.gateway.ledger.entries if entry.request_id]
        assert len(charged) == count
        stored = Attempt.objects.filter(vendor_id__isnull=False).values_list("vendor_id", flat=True)
        assert sorted(map(str, stored)) == sorted(str(entry.request_id) for entry in charged)
        assert self.harness.spent() == self.harness.charged()
        check_books(self.gateway)
