"""Create glasses with distinct images, and run batches of them step by step."""

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

from ..lifecycle.harness import PAST
from ..lifecycle.invariants import check_books

if TYPE_CHECKING:
    from django_vton.batches import Progress
    from django_vton.models import PersonPhoto

    from ..lifecycle.harness import Harness


class BatchRunner:
    """Creates products, and runs batches against the gateway of one test."""

    def __init__(self, harness: Harness, noa: PersonPhoto) -> None:
        self.harness = harness
        self.noa = noa
        self.created = 0

    def create_products(self, count: int) -> list[Product]:
        """Create glasses whose images differ."""
        rows = []
        for _ in range(count):
            self.created += 1
            image = Image.new("RGB", (320, 320), "white")
            for bit in range(12):  # The number as stripes, which survive JPEG compression.
                image.paste("black" if self.created >> bit & 1 else "red", (bit * 24, 0, bit * 24 + 24, 320))
            out = io.BytesIO()
            image.save(out, "PNG")
            row = Product(
                name=f"No. {self.created}", slug=f"no-{self.created}", kind=Kind.EYEWEAR, price="9.00"
            )
            row.photo.save(f"no-{self.created}.png", ContentFile(out.getvalue()), save=False)
            rows.append(row)
        return Product.objects.bulk_create(rows)

    def start(self, products: int | list[Product], *house_models: PersonPhoto, **more: Any) -> Batch:
        if isinstance(products, int):
            products = self.create_products(products)
        return batches.start(products, house_models or [self.noa], **more)

    def feed(self) -> None:
        """Run the feeder until it has nothing to do."""
        while feeding.step():
            pass

    def finish_active(self) -> None:
        """Poll until all active renders have ended."""
        active = TryOnRequest.objects.scheduled()
        while active.exclude(state=State.UNKNOWN).exists():
            active.exclude(state__in=[State.QUEUED, State.UNKNOWN]).update(due_at=timezone.now() + PAST)
            self.harness.run_cycle()

    def run(self, batch: Batch) -> Progress:
        """Run the batch until it is finished or postponed, check the amounts, and return its progress."""
        self.feed()
        while TryOnRequest.objects.scheduled().exclude(state=State.UNKNOWN).exists():
            self.finish_active()
            self.feed()
        return self.check(batch)

    def make_due(self, batch: Batch) -> None:
        """Let the recheck time of a postponed batch pass."""
        assert Batch.objects.filter(pk=batch.pk, due_at__isnull=False).update(due_at=timezone.now() + PAST)

    def check(self, batch: Batch) -> Progress:
        """Check that the progress, the attempts and the budget agree, and return the progress."""
        check_books(self.harness.gateway)
        now = batches.progress(batch)
        parts = (now.waiting, now.running, now.completed, now.failed, now.refused, now.canceled, now.dropped)
        assert sum(parts) == now.total
        paid = Attempt.objects.filter(request__batch=batch)
        for money, amount in ((Money.SPENT, now.spent), (Money.HELD, now.held)):
            assert amount == sum(attempt.amount for attempt in paid.filter(money=money))
        return now

    def expire_leases(self) -> None:
        """Let the leases of killed workers expire."""
        past = timezone.now() - timedelta(seconds=1)
        TryOnRequest.objects.filter(lease_until__isnull=False).update(lease_until=past, due_at=past)


def drain() -> None:
    dispatcher.drain()
