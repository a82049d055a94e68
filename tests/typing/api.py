"""A shop's own code with annotations. It is type-checked by mypy and pyright in strict mode, but never run.

`make lint` checks it with mypy against the source, `make wheel` with both against the built wheel (py.typed).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type
from uuid import UUID

from django.core.files import File
from django.db.models import QuerySet
from django.db.models.fields.files import ImageFieldFile
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy

from django_vton import batches, conversions
from django_vton.conf import Config
from django_vton.exceptions import BudgetExhausted, QuotaExceeded, Refused, VtonError
from django_vton.house_models import add
from django_vton.images import ImageRefused
from django_vton.models import Batch, BatchRender, HouseModel, PersonPhoto, TryOnRequest
from django_vton.pixazo import Engine
from django_vton.products import TryOn, find, register, tryon_for
from django_vton.rendering import render
from django_vton.sandbox import Gateway, Scenario
from django_vton.signals import budget_near, tryon_completed, tryon_converted, tryon_failed
from django_vton.storage import PrivateFileSystemStorage
from shop.models import Kind, Product

# Products -------------------------------------------------------------------------------------------


@register("shop.Product")
class ProductTryOn(TryOn[Product]):
    engine = "fashn-v1.6"
    shopper_options = ("num_samples",)

    def is_enabled(self, product: Product) -> bool:
        return product.is_public

    def get_engine(self, product: Product) -> str:
        return "glass-v1" if product.kind == Kind.EYEWEAR.value else super().get_engine(product)

    def get_image(self, product: Product) -> ImageFieldFile | None:
        return product.photo or None

    def get_options(self, product: Product) -> dict[str, str]:
        return {"category": "top"}

    def get_main(self, product: Product) -> Product:
        return product

    def get_queryset(self) -> QuerySet[Product]:
        return Product.objects.filter(is_public=True)

    def get_title(self, product: Product) -> str:
        return product.name

    # In django-types, File has no type parameter.
    def publish(self, product: Product, image: File[bytes]) -> str:  # pyright: ignore[reportInvalidTypeArguments]
        return str(image.name)

    def unpublish(self, product: Product, handle: str) -> None:
        return


@register(Product)
class Another(ProductTryOn):
    """Registered by class. The decorator keeps the type of the class."""


assert_type(Another, type[Another])
assert_type(Another(Product).get_queryset(), QuerySet[Product])
assert_type(Another(Product).model, type[Product])
assert_type(tryon_for(Product), TryOn[Product])


@register("shop.Product")
class Plain(TryOn):
    """Without a type parameter, products are of type Any."""

    def get_title(self, product: Product) -> str:
        return product.name


assert_type(Plain(Product).get_queryset(), QuerySet[Any])
assert_type(find("shop.product:42").image, Any)
assert_type(find("shop.product:42").engine, Engine)

# Signals --------------------------------------------------------------------------------------------


@receiver(tryon_completed)
def completed(*, try_on: TryOnRequest, product: Product | None, **_kwargs: object) -> None:
    assert_type(try_on.id, UUID)
    assert_type(try_on.finished_at, datetime | None)


@receiver([tryon_failed])
def failed(*, try_on: TryOnRequest, product: Product | None, code: str, **_kwargs: object) -> None:
    return


@receiver(tryon_converted)
def converted(*, try_on: TryOnRequest, kind: str, reference: str, order: str, **_kwargs: object) -> None:
    return


@receiver(budget_near)
def near(*, kind: str, starts_on: date, used: Decimal, cap: Decimal, **_kwargs: object) -> None:
    return


# Calls ----------------------------------------------------------------------------------------------


def add_to_cart(request: HttpRequest, product: Product, line: int) -> HttpResponse:
    conversions.added(request, product, reference=line)
    return HttpResponse()


def paid(order: str) -> None:
    conversions.purchased(reference="7", order=order)
    conversions.purchased(None, "7", order)


def order(product: Product, model: HouseModel, photo: Path) -> list[TryOnRequest]:
    with photo.open("rb") as file:
        requests = [render(product, file), render(product, photo.read_bytes()), render(product, photo)]
    requests.append(render("shop.product:42", model, num_samples=2))
    assert_type(requests, list[TryOnRequest])
    return requests


def season(user: object, photo: Path) -> int | str:
    try:
        with photo.open("rb") as file:
            model = add(name="Noa", file=file, suits=["garment"])
    except ImageRefused as refusal:
        return refusal.code
    assert_type(model, PersonPhoto)
    batch = batches.start(
        Product.objects.filter(is_public=True),
        [model],
        options={"fashn-v1.6": {"num_samples": 2}},
        user=user,
    )
    assert_type(batch, Batch)
    assert_type(batches.preview(batch).price, int)
    progress = batches.progress(batch)
    assert_type(progress, batches.Progress)
    assert_type(progress.spent, int)
    assert_type(progress.waiting_until, datetime | None)
    assert_type(batches.accept(batch, [1, 2]), int)
    assert_type(batches.reject(batch, [3], reason="pose", user=user), int)
    assert_type(batches.rerender(batch, options={"fashn-v1.6": {"mode": "fast"}}), Batch | None)
    assert_type(batches.publish_accepted(batch).failed, list[BatchRender])
    assert_type(batches.retry(batch, include_unknown=True), int)
    return progress.completed


def why(error: VtonError) -> int | None:
    match error:
        case BudgetExhausted() | QuotaExceeded():
            return assert_type(error.retry_after, int | None)
        case Refused():
            assert_type(error.code, str)
            return assert_type(error.status, int)
        case _:
            return None


# Hooks and settings ---------------------------------------------------------------------------------


def enqueue(path: str) -> None:
    """ENQUEUE."""


def is_human(request: HttpRequest) -> bool:
    """CAPTCHA."""
    return "word" in request.POST


def is_decent(photo: bytes, product: Product) -> bool:
    """MODERATE."""
    return len(photo) > 0 and product.is_public


VTON: Mapping[str, object] = {"QUOTA": "10/day"}

checked = Config(
    PIXAZO_API_KEY="key",
    PUBLIC_BASE_URL="https://shop.example",
    DAILY_BUDGET=Decimal(20),
    PHOTO_RETENTION=timedelta(hours=12),
    CONSENT_TEXT=gettext_lazy("This is me."),
    PRICES={"fashn-v1.6": Decimal("0.08")},
    ENQUEUE="django_vton.queue.by_django_tasks",
)
assert_type(checked.DAILY_BUDGET, Decimal | None)


class Vault(PrivateFileSystemStorage):
    def __init__(self) -> None:
        super().__init__(location="/srv/vault", nginx_location="/vault/")


# A shop's own tests ---------------------------------------------------------------------------------


def sandbox() -> str:
    with Gateway(port=0, key="sandbox", seconds=0.1) as gateway:
        assert_type(gateway, Gateway)
        assert_type(gateway.scenario(submit_status=429, retry_after=7), Scenario)
        assert_type(gateway.ledger.totals, dict[str, int])
        return gateway.url
