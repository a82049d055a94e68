"""Rows for each admin page: try-ons of the last days, an unknown outcome, a draft, and a finished batch."""

from __future__ import annotations

from datetime import timedelta

from django.core.management import call_command
from django.utils import timezone

from django_vton.models import Batch, BatchRender, PauseSwitch, PersonPhoto, ProductCheck, TryOnRequest
from shop.models import Product
from tests.admin import factories

DAYS = 9
REVIEWS = ["accepted", "rejected", "", ""]


def create() -> None:
    call_command("seed_demo", verbosity=0)
    products = list(Product.objects.order_by("pk")[:4])
    refs = [f"shop.product:{product.pk}" for product in products]
    noa = PersonPhoto.objects.active_house_models()[0]
    create_tryons(refs[0])
    PauseSwitch.objects.create(pk=1)
    ProductCheck.objects.filter(product=refs[3]).update(
        reason="too_small",
        problem="The image has 200 × 240 pixels. At least 320 × 320 are needed.",  # noqa: RUF001 - the sign that people read
        checked_at=timezone.now(),
    )
    Batch.objects.create(name="Autumn", products=refs[:3]).house_models.add(noa)
    batch = Batch.objects.create(name="Spring", status="running", products=refs, total=4, next_position=4)
    for position, (product, ref, review) in enumerate(zip(products, refs, REVIEWS, strict=True)):
        render = factories.create_tryon(None, photo=noa, shared_key=ref, product=ref, title=product.name)
        BatchRender.objects.create(
            batch=batch,
            position=position,
            product=ref,
            product_title=product.name,
            photo=noa,
            status="requested",
            request=factories.complete_tryon(render),
            review=review,
        )


def create_tryons(product: str) -> None:
    """Create an unknown outcome, and charged try-ons on each day."""
    factories.create_unresolved_tryon()
    guest = factories.create_guest()
    for day in range(DAYS):
        for _number in range(1 + day % 3):
            tryon = factories.complete_tryon(factories.create_tryon(guest, product=product))
            moment = timezone.now() - timedelta(days=day)
            TryOnRequest.objects.filter(pk=tryon.pk).update(created_at=moment)
            tryon.attempts.update(budget_day=moment.date(), posted_at=moment)
