"""A shelf of glasses, each with a picture of its own, and batches of them that a test drives step by step."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.core.files.base import ContentFile
from django.utils import timezone
from PIL import Image

from django_vton import batches
from django_vton.batches import feeding
from django_vton.models import Attempt, Batch, TryOnRequest
from django_vton.models.states import Money, State
from django_vton.worker import dispatcher
from shop.models import Kind, Product

from ..lifecycle.desk import PAST
from ..lifecycle.invariants import check_books

if TYPE_CHECKING:
    from django_vton.batches import Progress
    from django_vton.models import PersonPhoto

    from ..lifecycle.desk import Desk


class Shelf:
    """The products of one test, and the gateway that renders them."""

    def __init__(self, desk: Desk, noa: PersonPhoto) -> None:
        self.desk = desk
        self.noa = noa
        self.made = 0

    def products(self, count: int) -> list[Product]:
        """So many new glasses, whose pictures differ."""
        rows = []
        for _each in range(count):
            self.made += 1
            picture = Image.new("RGB", (320, 320), "white")
            for bit in range(12):  # Its number in stripes, which no JPEG blurs.
                picture.paste("black" if self.made >> bit & 1 else "red", (bit * 24, 0, bit * 24 + 24, 320))
            out = io.BytesIO()
            picture.save(out, "PNG")
            row = Product(name=f"No. {self.made}", slug=f"no-{self.made}", kind=Kind.EYEWEAR, price="9.00")
            row.photo.save(f"no-{self.made}.png", ContentFile(out.getvalue()), save=False)
            rows.append(row)
        return Product.objects.bulk_create(rows)

    def start(self, products: int | list[Product], *house_models: PersonPhoto, **more: Any) -> Batch:
        if isinstance(products, int):
            products = self.products(products)
        return batches.start(products, house_models or [self.noa], **more)

    def feed(self) -> None:
        """All steps of the feeder that can be done now."""
        while feeding.step():
            pass

    def deliver(self) -> None:
        """Whatever is in flight ends."""
        flying = TryOnRequest.objects.to_drive()
        while flying.exclude(state=State.UNKNOWN).exists():
            flying.exclude(state__in=[State.QUEUED, State.UNKNOWN]).update(due_at=timezone.now() + PAST)
            self.desk.look()

    def run(self, batch: Batch) -> Progress:
        """To its end, or until it is held; with the books checked."""
        self.feed()
        while TryOnRequest.objects.to_drive().exclude(state=State.UNKNOWN).exists():
            self.deliver()
            self.feed()
        return self.check(batch)

    def look_again(self, batch: Batch) -> None:
        """The time of a held batch's next look has come."""
        assert Batch.objects.filter(pk=batch.pk, due_at__isnull=False).update(due_at=timezone.now() + PAST)

    def check(self, batch: Batch) -> Progress:
        """Its numbers, the attempts and the budget agree."""
        check_books(self.desk.gateway)
        now = batches.progress(batch)
        parts = (now.waiting, now.running, now.completed, now.failed, now.refused, now.canceled, now.dropped)
        assert sum(parts) == now.total
        paid = Attempt.objects.filter(request__batch=batch)
        for money, amount in ((Money.SPENT, now.spent), (Money.HELD, now.held)):
            assert amount == sum(attempt.amount for attempt in paid.filter(money=money))
        return now

    def kill_leftovers(self) -> None:
        """A minute after a kill: nobody holds anything any more."""
        past = timezone.now() - timedelta(seconds=1)
        TryOnRequest.objects.filter(lease_until__isnull=False).update(lease_until=past, due_at=past)


def drain() -> None:
    dispatcher.drain()
