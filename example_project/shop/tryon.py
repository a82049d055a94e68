"""Which products can be tried on, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_vton.products import TryOn, register
from shop.models import Kind, Product, ProductPhoto

if TYPE_CHECKING:
    from django.core.files import File


@register(Product)
class ProductTryOn(TryOn):
    # Ignored for glasses, whose engine does not have this option.
    shopper_options = ("num_samples",)

    def get_engine(self, product: Product) -> str:
        return "glass-v1" if product.kind == Kind.EYEWEAR else "fashn-v1.6"

    def is_enabled(self, product: Product) -> bool:
        return product.is_public

    def get_image(self, product: Product) -> File[bytes] | None:
        # No engine supports bags: without an image there is no try-on.
        if product.kind == Kind.ACCESSORY or not product.photo:
            return None
        return product.photo

    def get_options(self, product: Product) -> dict[str, Any]:
        return {} if product.kind == Kind.EYEWEAR else {"category": product.kind}

    def get_title(self, product: Product) -> str:
        return product.name

    def get_url(self, product: Product) -> str:
        return product.get_absolute_url()

    def publish(self, product: Product, image: File[bytes]) -> str:
        photo = ProductPhoto(product=product)
        photo.image.save(f"{product.slug}.jpg", image)
        return str(photo.pk)

    def unpublish(self, product: Product, handle: str) -> None:
        for photo in ProductPhoto.objects.filter(product=product, pk=handle):
            photo.image.delete(save=False)
            photo.delete()
