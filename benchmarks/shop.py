"""What is done inside a lab's shop, by a process that waits for words: `Lab.do("queue", number=2000)`.

Try-ons are put in where intake ends, at `lifecycle.accept`, so that a photo's way in is not measured here.
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
    """The shop's tables."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def queue(number: int) -> float:
    """So many try-ons appear at once, and the bell is rung for each pump that may run; when that was."""
    from django.db import transaction
    from django.utils import timezone

    from django_vton.billing import budget
    from django_vton.conf import config
    from django_vton.gateway import engines
    from django_vton.models import Attempt, TryOnRequest
    from django_vton.models.states import State
    from django_vton.queue import wake

    pictures = _pictures()
    amount = engines.price(ENGINE, OPTIONS)
    with transaction.atomic():
        day = budget.reserve(amount * number)
        now = timezone.now()
        rows = [_row(*pictures, state=State.QUEUED, due_at=now) for _ in range(number)]
        TryOnRequest.objects.bulk_create(rows, batch_size=500)
        Attempt.objects.bulk_create(
            [Attempt(request=row, engine=ENGINE, amount=amount, budget_day=day) for row in rows],
            batch_size=500,
        )
    began = time.time()
    for _ in range(config.DISPATCHERS):
        wake()
    return began


def trickle(number: int, rate: float) -> Iterator[str]:
    """So many try-ons of one guest, `rate` a second: first the key of the guest's session, then their ids."""
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
    pictures = _pictures()
    amount = engines.price(ENGINE, OPTIONS)
    yield str(session.session_key)
    began = time.monotonic()
    for count in range(number):
        time.sleep(max(0.0, began + count / rate - time.monotonic()))
        row = _row(*pictures, shopper=shopper)
        with transaction.atomic():
            lifecycle.accept(row, amount=amount)
            transaction.on_commit(wake, robust=True)
        yield str(row.pk)


def books() -> dict[str, Any]:
    """All try-ons and their money, as the shop's database has them."""
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


def block(number: int, task: str) -> float:
    """So many tasks that each wait for their render, into django-q2's queue; when that was."""
    from django_q.tasks import async_task

    began = time.time()
    for count in range(number):
        async_task(task, count, ack_failure=True, timeout=55)
    return began


def _row(
    photo: PersonPhoto, picture: ProductImage, shopper: Shopper | None = None, **more: Any
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
        product_image=picture,
        shopper=shopper,
        expires_at=timezone.now() + timedelta(days=30),
        **more,
    )


def _pictures() -> tuple[PersonPhoto, ProductImage]:
    """One photo and one garment for all: the sandbox draws once, and its drawing is not measured."""
    import io

    from django.core.files.base import ContentFile

    from django_vton import images
    from django_vton.intake.rows import fill_photo
    from django_vton.models import PersonPhoto, ProductImage

    from .pictures import garment, person

    photo = PersonPhoto(kind=PersonPhoto.Kind.HOUSE)
    fill_photo(photo, images.person_photo(io.BytesIO(person())))
    photo.save()
    made = images.product_image(io.BytesIO(garment()))
    picture = ProductImage(source_digest=secrets.token_hex(32), product="shop.product:1", digest=made.digest)
    picture.file.save("garment.jpg", ContentFile(made.data), save=False)
    picture.save()
    return photo, picture


def _serve() -> None:
    """A line of JSON in, `[name, arguments]`; a line for each thing said, and `null` when it is done."""
    django.setup()
    works = {each.__name__: each for each in (migrate, queue, trickle, books, block)}
    for line in sys.stdin:
        name, arguments = json.loads(line)
        result: Any = works[name](**arguments)
        for said in result if isinstance(result, Iterator) else [result]:
            print(json.dumps({"said": said}), flush=True)
        print("null", flush=True)


if __name__ == "__main__":
    _serve()
