"""What came of try-ons in the shop."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .tryons import TryOnRequest


class Conversion(models.Model):
    """A product that was tried on went into a basket, or was bought. Nobody is named in it.

    `reference` is the shop's own name of the basket's line; None once the try-on is erased, so that no
    order leads to it any more.
    """

    class Kind(models.TextChoices):
        """How far it came."""

        ADDED = "added", _("added to the basket")
        PURCHASED = "purchased", _("bought")

    request = models.ForeignKey(
        TryOnRequest, on_delete=models.SET_NULL, null=True, related_name="conversions"
    )
    kind = models.CharField(_("kind"), max_length=9, choices=Kind)
    product = models.CharField(_("product"), max_length=200)
    reference = models.CharField(_("reference"), max_length=200, null=True, blank=True)
    order = models.CharField(_("order number"), max_length=200, blank=True)
    at = models.DateTimeField(_("at"), default=timezone.now, db_index=True, editable=False)

    class Meta:
        verbose_name = _("conversion")
        verbose_name_plural = _("figures of try-on")
        constraints = [
            # None is never equal to None: what was erased stands in nobody's way.
            models.UniqueConstraint(fields=["request", "kind", "reference"], name="vton_conversion_once"),
        ]
        indexes = [models.Index(fields=["reference", "kind"], name="vton_conversion_reference")]

    def __str__(self) -> str:
        return f"{self.kind} {self.product}"
