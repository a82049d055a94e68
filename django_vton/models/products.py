"""What is known about the shop's products."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .base import Model


class ProductCheck(Model):
    """Which image a product has, and whether it can be used. The image is not decoded for this."""

    class Reason(models.TextChoices):
        """Why the image cannot be used. The first six are the reasons of `ImageRefused`."""

        UNREADABLE = "unreadable", _("damaged or not complete")
        FORMAT = "format", _("format that cannot be used")
        TOO_SMALL = "too_small", _("too small")
        TOO_NARROW = "too_narrow", _("too narrow")
        TOO_MANY_BYTES = "too_many_bytes", _("file too large")
        TOO_MANY_PIXELS = "too_many_pixels", _("too many pixels")
        FILE = "file", _("file cannot be read")
        DOWNLOAD = "download", _("cannot be downloaded")
        TYPE = "type", _("not an image file")
        ERROR = "error", _("error in the shop's code")

    product = models.CharField(_("product"), max_length=200, unique=True)
    image_name = models.CharField(max_length=500, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    """The SHA-256 of the image's file when it was last read. Renders of another file are outdated."""
    reason = models.CharField(_("reason"), max_length=20, choices=Reason, blank=True)
    problem = models.TextField(_("problem"), blank=True)
    checked_at = models.DateTimeField(_("checked"), null=True, db_index=True)
    """None if the product was saved since, so that it is checked next."""

    class Meta:
        # The admin's name of its page of all products.
        verbose_name = _("product")
        verbose_name_plural = _("products")
        indexes = [
            # A page view may read them, in a table with a row for each product of the shop.
            models.Index(fields=["checked_at"], condition=~Q(problem=""), name="vton_unusable_product")
        ]

    def __str__(self) -> str:
        return self.product
