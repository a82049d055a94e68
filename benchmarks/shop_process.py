"""Functions that a process inside the shop runs on request: `Deployment.call("enqueue", number=2000)`.

Try-ons are created where the intake ends, at `lifecycle.accept`, so that the intake of photos is not measured
here.
"""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from django_vton.models import PersonPhoto, ProductImage, Shopper, TryOnRequest

ENGINE = "fashn-v1.6"
OPTIONS = {"category": "top", "output_format": "jpeg"}


def migrate() -> None:
    """Create the shop's tables."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def enqueue(number: int) -> float:
    """Create `number` queued try-ons at once and wake each dispatcher; returns the timestamp."""
    from django.db import transaction
    from django.utils import timezone

    from django_vton.billing import budget
    from django_vton.conf import config
    from django_vton.gateway import engines
    from django_vton.models import Attempt, TryOnRequest
    from django_vton.models.states import State
    from django_vton.queue import wake

    images = _create_images()
    amount = engines.price(ENGINE, OPTIONS)
    with transaction.atomic():
        day = budget.reserve(amount * number)
        now = timezone.now()
        rows = [_row(*images, state=State.QUEUED, due_at=now) for _ in range(number)]
        TryOnRequest.objects.bulk_create(rows, batch_size=500)
        Attempt.objects.bulk_create(
            [Attempt(request=row, engine=ENGINE, amount=amount, budget_day=day) for row in rows],
            batch_size=500,
        )
    began = time.time()
    for _ in range(config.DISPATCHERS):
        wake()
    return began


def submit_at_rate(number: int, rate: float) -> Iterator[str]:
    """Submit try-ons of one guest, `rate` per second; yields the session key, then the ids."""
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import transaction

    from django_vton import lifecycle
    from django_vton.gateway import engines
    from django_vton.queue import wake
    from django_vton.shoppers import SESSION_KEY, Visitor

    visitor = Visitor()
    shopper = visitor.lock_or_create()
    session = SessionStore()
    session[SESSION_KEY] = visitor.token
    session.save()
    images = _create_images()
    amount = engines.price(ENGINE, OPTIONS)
    yield str(session.session_key)
    began = time.monotonic()
    for count in range(number):
        time.sleep(max(0.0, began + count / rate - time.monotonic()))
        row = _row(*images, shopper=shopper)
        with transaction.atomic():
            lifecycle.accept(row, amount=amount)
            transaction.on_commit(wake, robust=True)
        yield str(row.pk)


def accounting() -> dict[str, Any]:
    """All try-ons and their money in the shop's database."""
    from django_vton.models import Attempt, BudgetPeriod, TryOnImage, TryOnRequest

    requests = [
        {
            "id": str(row.pk),
            "state": row.state,
            "code": row.error_code,
            "began": row.created_at.timestamp(),
            "ended": row.finished_at.timestamp() if row.finished_at else None,
        }
        for row in TryOnRequest.objects.order_by("created_at")
    ]
    attempts = [
        {"request": str(row.request_id), "vendor_id": row.vendor_id, "money": row.money, "amount": row.amount}
        for row in Attempt.objects.all()
    ]
    day = BudgetPeriod.objects.get(kind=BudgetPeriod.Kind.DAY)
    return {
        "requests": requests,
        "attempts": attempts,
        "held": day.held,
        "spent": day.spent,
        "images": TryOnImage.objects.count(),
    }


def enqueue_blocking(number: int, task: str) -> float:
    """Enqueue `number` blocking tasks with django-q2; returns the timestamp."""
    from django_q.tasks import async_task

    began = time.time()
    for count in range(number):
        async_task(task, count, ack_failure=True, timeout=55)
    return began


def _row(
    photo: PersonPhoto, product_image: ProductImage, shopper: Shopper | None = None, **more: Any
) -> TryOnRequest:
    from datetime import timedelta

    from django.utils import timezone

    from django_vton.models import TryOnRequest

    return TryOnRequest(
        product="shop.product:1",
        main_product="shop.product:1",
        product_title="Linen shirt",
        engine=ENGINE,
        options=OPTIONS,
        photo=photo,
        product_image=product_image,
        shopper=shopper,
        expires_at=timezone.now() + timedelta(days=30),
        **more,
    )


def _create_images() -> tuple[PersonPhoto, ProductImage]:
    """One photo and one garment for all try-ons, so that the sandbox draws its result only once."""
    import io

    from django.core.files.base import ContentFile

    from django_vton import images
    from django_vton.intake.rows import save_photo_files
    from django_vton.models import PersonPhoto, ProductImage

    from .sample_images import person_photo, product_image

    photo = PersonPhoto(kind=PersonPhoto.Kind.HOUSE)
    save_photo_files(photo, images.normalize_person_photo(io.BytesIO(person_photo())))
    photo.save()
    encoded = images.normalize_product_image(io.BytesIO(product_image()))
    garment = ProductImage(
        source_digest=secrets.token_hex(32), product="shop.product:1", digest=encoded.digest
    )
    garment.file.save("garment.jpg", ContentFile(encoded.data), save=False)
    garment.save()
    return photo, garment


def _serve() -> None:
    """Read `[name, arguments]` as lines of JSON; write a line for each value, and `null` at the end."""
    django.setup()
    functions = {it.__name__: it for it in (migrate, enqueue, submit_at_rate, accounting, enqueue_blocking)}
    for line in sys.stdin:
        name, arguments = json.loads(line)
        result: Any = functions[name](**arguments)
        for value in result if isinstance(result, Iterator) else [result]:
            print(json.dumps({"value": value}), flush=True)
        print("null", flush=True)


if __name__ == "__main__":
    _serve()
