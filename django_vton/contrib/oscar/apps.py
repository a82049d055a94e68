"""The app configuration: counts conversions by Oscar's signals, and has changed images checked."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core.checks import register


class OscarConfig(AppConfig):
    """`django_vton.contrib.oscar` in INSTALLED_APPS, before Oscar's apps, whose templates it extends."""

    name = "django_vton.contrib.oscar"
    label = "vton_oscar"

    def ready(self) -> None:
        """Connect the receivers, and register the check. `tryon.py` is imported like that of any app."""
        from django.db.models.signals import post_delete, post_save
        from oscar.apps.basket.signals import basket_addition
        from oscar.apps.order.signals import order_placed
        from oscar.core.loading import get_model

        from .checks import check_order_of_apps

        register(check_order_of_apps, "vton")
        image_model = get_model("catalogue", "ProductImage")
        for signal in (post_save, post_delete):
            signal.connect(_mark_products, sender=image_model, dispatch_uid="vton_oscar.image")
        basket_addition.connect(_count_addition, dispatch_uid="vton_oscar.added")
        order_placed.connect(_count_purchase, dispatch_uid="vton_oscar.purchased")


def _mark_products(*, instance: Any, raw: bool = False, **_kwargs: Any) -> None:
    """Have the image's product checked, and its parent and children, which may be tried on with the image."""
    from django.db.models import Q

    from django_vton.intake import product_checks

    if not raw:  # A fixture may contain the image before its product.
        pk = instance.product_id
        family = Q(pk=pk) | Q(parent=pk) | Q(children=pk)
        product_model = type(instance)._meta.get_field("product").related_model
        product_checks.mark(product_model._default_manager.filter(family).distinct())


def _count_addition(sender: Any, *, request: Any, product: Any, **_kwargs: Any) -> None:
    from django_vton import conversions
    from django_vton.utils.robust import robust

    with robust("A cart addition could not be recorded."):  # A shop's own basket view may have no line.
        conversions.added(request, product, reference=sender.line.pk)


def _count_purchase(*, order: Any, **_kwargs: Any) -> None:
    """Record each line of the basket, which keeps its key even if a guest logs in before paying."""
    from django_vton import conversions
    from django_vton.utils.robust import robust

    with robust("The purchases of an order could not be recorded."):
        for line in order.basket.all_lines():
            conversions.purchased(reference=line.pk, order=order.number)
