"""A desk for tests of the money: try-ons come in by `intake`, and the pump looks when it is told to."""

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

from ..doors import ref
from .invariants import check_books

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django_vton.sandbox import Gateway
    from shop.models import Product

PAST = timedelta(seconds=-1)


class OneLook(threading.Event):
    """Tells a pump to stop once it has looked."""

    def is_set(self) -> bool:
        has_looked = super().is_set()
        self.set()
        return has_looked


class Desk:
    """`product` is asked for where a test names no other."""

    def __init__(self, gateway: Gateway, photo: Callable[..., bytes], product: Product) -> None:
        self.gateway = gateway
        self.photo = photo
        self.product = product
        self.shade = 0

    def ask(self, who: Visitor | None = None, **fields: Any) -> TryOnRequest:
        """A new try-on; by a new shopper with a new photo, if nothing else is said."""
        self.shade += 1
        photo = io.BytesIO(self.photo(300, 400, shade=self.shade))
        given: dict[str, Any] = {"photo": photo, "consent": True} | fields
        ask = TryOnOrder(product=ref(given.pop("product", self.product)), visitor=who or Visitor(), **given)
        return request_tryon(ask).request

    def look(self) -> None:
        """One look of a pump: what is due is claimed, and flies until it has landed."""
        dispatcher.run(stop=OneLook())

    @contextmanager
    def looking(self) -> Iterator[None]:
        """A pump looks once, beside the block, and has landed after it."""

        def look() -> None:
            self.look()
            connections.close_all()

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield
        finally:
            thread.join()

    def submitted(self, **fields: Any) -> TryOnRequest:
        """A try-on that the vendor has."""
        row = self.ask(**fields)
        self.look()
        return self.reload(row, State.SUBMITTED)

    def made(self, row: TryOnRequest, times: int = 1) -> None:
        """Wait for the vendor's end of the last submits, then let the pump ask."""
        ends = {"COMPLETED", "FAILED", "ERROR"}
        assert self.gateway.ledger.wait_for(
            lambda ledger: sum(entry.state.upper() in ends for entry in ledger.entries) >= times
        )
        self.due(row)
        self.look()

    def rendered(self, **fields: Any) -> TryOnRequest:
        """A try-on that is finished at the vendor, and not yet here."""
        row = self.submitted(**fields)
        self.made(row)
        return self.reload(row, State.RENDERED)

    def move(self, row: TryOnRequest, **times: timedelta) -> None:
        """Set a row's times: so far from now."""
        now = timezone.now()
        TryOnRequest.objects.filter(pk=row.pk).update(**{name: now + by for name, by in times.items()})

    def due(self, row: TryOnRequest) -> None:
        """Its time has come, and whoever worked on it has had theirs."""
        self.move(row, due_at=PAST)
        TryOnRequest.objects.filter(pk=row.pk, lease_until__isnull=False).update(
            lease_until=timezone.now() + PAST
        )

    def posted(self, row: TryOnRequest, ago: timedelta) -> None:
        """Its submit was sent so long ago."""
        Attempt.objects.filter(request=row).update(posted_at=timezone.now() - ago)

    def gateway_waits_no_more(self) -> None:
        now = timezone.now()
        GatewayState.objects.filter(wait_until__isnull=False).update(wait_until=now + PAST)

    def reload(self, row: TryOnRequest, state: State, code: str = "") -> TryOnRequest:
        """As it is in the database now; with the books checked."""
        fresh = TryOnRequest.objects.get(pk=row.pk)
        assert (fresh.state, fresh.error_code) == (state, code), list(
            fresh.events.values_list("name", "to_state")
        )
        check_books(self.gateway if fresh.state in TERMINAL else None)
        return fresh

    def money(self, row: TryOnRequest) -> list[str]:
        """Where the money of each attempt lies."""
        return list(row.attempts.order_by("number").values_list("money", flat=True))

    def spent(self) -> int:
        return sum(period.spent for period in BudgetPeriod.objects.filter(kind="day"))

    def charged(self) -> int:
        return self.gateway.ledger.totals["amount"]

    def posts(self) -> int:
        return len(self.gateway.ledger.entries)


def stored_results() -> set[Path]:
    """The files of finished pictures, whether a row knows them or not."""
    root = Path(private_storage().path("vton/results"))
    return {path for path in root.rglob("*") if path.is_file()}
