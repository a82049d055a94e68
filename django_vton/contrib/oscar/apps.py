"""The app configuration: counts conversions by Oscar's signals."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class OscarConfig(AppConfig):
    """`django_vton.contrib.oscar` in INSTALLED_APPS, before Oscar's apps, whose templates it extends."""

    name = "django_vton.contrib.oscar"
    label = "vton_oscar"

    def ready(self) -> None:
        """Connect the receivers. `tryon.py` is imported like that of any app."""
        from oscar.apps.basket.signals import basket_addition
        from oscar.apps.order.signals import order_placed

        basket_addition.connect(_count_addition, dispatch_uid="vton_oscar.added")
        order_placed.connect(_count_purchase, dispatch_uid="vton_oscar.purchased")


def _count_addition(sender: Any, *, request: Any, product: Any, **_kwargs: Any) -> None:
    from django_vton import conversions

    conversions.added(request, product, reference=sender.line.pk)


def _count_purchase(*, order: Any, **_kwargs: Any) -> None:
    """Record each line of the basket, which keeps its key even if a guest logs in before paying."""
    from django_vton import conversions

    for line in order.basket.all_lines():
        conversions.purchased(reference=line.pk, order=order.number)
