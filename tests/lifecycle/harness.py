"""Drive try-ons in tests: order them as shoppers do, and run single polling cycles of a dispatcher."""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.utils import timezone

from django_vton.intake import TryOnOrder, request_tryon
from django_vton.models import Attempt, BudgetPeriod, GatewayState, TryOnRequest
from django_vton.models.states import TERMINAL, State
from django_vton.shoppers import Visitor
from django_vton.storage import private_storage
from django_vton.worker import dispatcher

from ..tryons import product_ref
from .invariants import check_books

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_vton.sandbox import Gateway
    from shop.models import Product

PAST = timedelta(seconds=-1)


class StopAfterOneCycle(threading.Event):
    """Tells a dispatcher to stop after one polling cycle."""

    def is_set(self) -> bool:
        has_run = super().is_set()
        self.set()
        return has_run


class Harness:
    """``product`` is ordered unless a test names another one."""

    def __init__(self, gateway: Gateway, photo: Callable[..., bytes], product: Product) -> None:
        self.gateway = gateway
        self.photo = photo
        self.product = product
        self.shade = 0

    def order(self, visitor: Visitor | None = None, **fields: Any) -> TryOnRequest:
        """A new try-on, by default of a new shopper with a new photo."""
        self.shade += 1
        photo = io.BytesIO(self.photo(300, 400, shade=self.shade))
        values: dict[str, Any] = {"photo": photo, "consent": True} | fields
        product = product_ref(values.pop("product", self.product))
        return request_tryon(TryOnOrder(product=product, visitor=visitor or Visitor(), **values)).request

    def run_cycle(self) -> None:
        """One polling cycle of a dispatcher: claim what is due, and finish these jobs."""
        dispatcher.run(stop=StopAfterOneCycle())

    @contextmanager
    def running_cycle(self) -> Iterator[None]:
        """One polling cycle in another thread during the block. Its jobs have finished after the block."""

        def run() -> None:
            self.run_cycle()
            connections.close_all()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def order_submitted(self, **fields: Any) -> TryOnRequest:
        """A new try-on that the vendor has accepted."""
        row = self.order(**fields)
        self.run_cycle()
        return self.reload(row, State.SUBMITTED)

    def wait_until_finished(self, times: int = 1) -> None:
        """Wait until the vendor has finished so many renders."""
        ends = {"COMPLETED", "FAILED", "ERROR"}
        assert self.gateway.ledger.wait_for(
            lambda ledger: sum(entry.state.upper() in ends for entry in ledger.entries) >= times
        )

    def poll_when_finished(self, row: TryOnRequest, times: int = 1) -> None:
        """Wait until the vendor has finished so many renders, then poll."""
        self.wait_until_finished(times)
        self.make_due(row)
        self.run_cycle()

    def order_rendered(self, **fields: Any) -> TryOnRequest:
        """A new try-on that the vendor has finished, and whose images are not downloaded."""
        row = self.order_submitted(**fields)
        self.poll_when_finished(row)
        return self.reload(row, State.RENDERED)

    def set_times(self, row: TryOnRequest, **times: timedelta) -> None:
        """Set times of a row, relative to now."""
        now = timezone.now()
        values = {name: now + offset for name, offset in times.items()}
        TryOnRequest.objects.filter(pk=row.pk).update(**values)

    def make_due(self, row: TryOnRequest) -> None:
        """It is due, and its lease, if any, has expired."""
        self.set_times(row, due_at=PAST)
        TryOnRequest.objects.filter(pk=row.pk, lease_until__isnull=False).update(
            lease_until=timezone.now() + PAST
        )

    def set_posted(self, row: TryOnRequest, ago: timedelta) -> None:
        """Its submit was sent so long ago."""
        Attempt.objects.filter(request=row).update(posted_at=timezone.now() - ago)

    def end_gateway_pause(self) -> None:
        """Submits may be sent again: a rate limit or a trial interval is over."""
        now = timezone.now()
        GatewayState.objects.filter(wait_until__isnull=False).update(wait_until=now + PAST)

    def run_due_cycle(self) -> None:
        """One polling cycle when everything that waits is due, and the pause of the engine is over."""
        self.end_gateway_pause()
        TryOnRequest.objects.filter(due_at__isnull=False).update(due_at=timezone.now() + PAST)
        self.run_cycle()

    def reload(self, row: TryOnRequest, state: State, code: str = "") -> TryOnRequest:
        """The row as it is in the database. Check its state, its error code and the books."""
        fresh = TryOnRequest.objects.get(pk=row.pk)
        assert (fresh.state, fresh.error_code) == (state, code), list(
            fresh.events.values_list("name", "to_state")
        )
        check_books(self.gateway if fresh.state in TERMINAL else None)
        return fresh

    def money_states(self, row: TryOnRequest) -> list[str]:
        """Of each attempt, in their order."""
        return list(row.attempts.order_by("number").values_list("money", flat=True))

    def spent(self) -> int:
        """Micro-USD by our books."""
        return sum(period.spent for period in BudgetPeriod.objects.filter(kind="day"))

    def charged(self) -> int:
        """Micro-USD by the vendor's ledger."""
        return self.gateway.ledger.totals["amount"]

    def post_count(self) -> int:
        return len(self.gateway.ledger.entries)


def stored_results() -> set[Path]:
    """The files of result images, with or without a row."""
    root = Path(private_storage().path("vton/results"))
    return {path for path in root.rglob("*") if path.is_file()}
