"""What is known about the shop's products."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ProductCheck(models.Model):
    """Whether the image of a product can be used. Judged by the file's header, without decoding the image."""

    product = models.CharField(_("product"), max_length=200, unique=True)
    image_name = models.CharField(max_length=500, blank=True)
    problem = models.TextField(_("problem"), blank=True)
    checked_at = models.DateTimeField(_("checked"), null=True, db_index=True)
    """None if the product was saved since, so that it is checked next."""

    class Meta:
        verbose_name = _("product check")
        verbose_name_plural = _("product checks")
        indexes = [
            # A page view may read them, in a table with a row for each product of the shop.
            models.Index(fields=["checked_at"], condition=~Q(problem=""), name="vton_unusable_product")
        ]

    def __str__(self) -> str:
        return self.product
