"""Conversions, which record what shoppers bought after a try-on."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..utils import clock
from .base import Model
from .tryons import TryOnRequest


class Conversion(Model):
    """The addition of a tried-on product to the cart, or its purchase. It names no shopper.

    `reference` is the shop's own id of the cart line. Erasing the try-on sets it to None, so that no order
    can be traced back to the try-on.
    """

    class Kind(models.TextChoices):
        ADDED = "added", _("added to the basket")
        PURCHASED = "purchased", _("bought")

    request = models.ForeignKey(
        TryOnRequest, on_delete=models.SET_NULL, null=True, related_name="conversions"
    )
    kind = models.CharField(_("kind"), max_length=9, choices=Kind)
    product = models.CharField(_("product"), max_length=200)
    reference = models.CharField(_("reference"), max_length=200, null=True, blank=True)
    order = models.CharField(_("order number"), max_length=200, blank=True)
    at = models.DateTimeField(_("at"), default=clock.now, db_index=True, editable=False)

    class Meta:
        verbose_name = _("conversion")
        verbose_name_plural = _("analytics")
        constraints = [
            # NULLs are never equal, so erased rows never conflict.
            models.UniqueConstraint(fields=["request", "kind", "reference"], name="vton_unique_conversion")
        ]
        indexes = [models.Index(fields=["reference", "kind"], name="vton_conversion_reference")]

    def __str__(self) -> str:
        return f"{self.kind} {self.product}"
