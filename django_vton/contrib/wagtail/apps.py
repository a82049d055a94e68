"""The app configuration: has products checked when their image in the library changes."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class WagtailConfig(AppConfig):
    """`django_vton.contrib.wagtail` in INSTALLED_APPS."""

    name = "django_vton.contrib.wagtail"
    label = "vton_wagtail"

    def ready(self) -> None:
        """Connect the receiver."""
        from django.db.models.signals import post_save, pre_delete
        from wagtail.images import get_image_model

        # Before the deletion, since it sets the products' keys to NULL.
        for signal in (post_save, pre_delete):
            signal.connect(_mark_products, sender=get_image_model(), dispatch_uid="vton_wagtail.image")


def _mark_products(*, instance: Any, raw: bool = False, **_kwargs: Any) -> None:
    """Have the products with this image checked."""
    from django_vton import products
    from django_vton.intake import product_checks
    from django_vton.utils.robust import robust

    from .tryon import PageTryOn

    if raw:  # A fixture may be loaded before our tables exist.
        return
    with robust("The products of a changed image could not be marked for their check."):
        for tryon in products.registered().values():
            if isinstance(tryon, PageTryOn):
                product_checks.mark(tryon.get_queryset().filter(**{tryon.image_field: instance.pk}))
