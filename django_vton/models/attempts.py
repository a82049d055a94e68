"""Attempts to render a try-on, the vendor's download links, and the history of try-ons."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..utils import clock
from .base import Model
from .fields import ExactCharField
from .photos import PersonPhoto
from .states import Money
from .tryons import ProductImage, TryOnImage, TryOnRequest


class Attempt(Model):
    """At most one POST to the vendor, and the money that is reserved for it. Rows are never deleted."""

    request = models.ForeignKey(
        TryOnRequest, on_delete=models.PROTECT, related_name="attempts", db_index=False
    )
    number = models.PositiveSmallIntegerField(_("number"), default=1)
    engine = models.CharField(_("engine"), max_length=50)
    token_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)
    vendor_id = ExactCharField(_("vendor's id"), max_length=2000, null=True, blank=True)
    amount = models.BigIntegerField(_("price"), help_text=_("Micro-USD: 75000 is 0.075 USD."))
    budget_day = models.DateField(_("day"), help_text=_("The day whose budget it counts towards."))
    money = models.CharField(_("money"), max_length=5, choices=Money, default=Money.HELD)
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)
    posted_at = models.DateTimeField(
        _("sent"), null=True, blank=True, help_text="When it was claimed, committed before sending."
    )
    answered_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When the vendor reported the outcome. If empty, a spent amount is assumed to be charged.",
    )
    outcome = models.CharField(_("outcome"), max_length=20, blank=True)
    http_status = models.PositiveSmallIntegerField(_("HTTP status"), null=True, blank=True)
    error = models.TextField(_("vendor's message"), blank=True)
    flaw = models.CharField(
        _("suspected flaw"),
        max_length=10,
        choices=TryOnImage.Flaw,
        blank=True,
        help_text="The worst suspected flaw of its images, kept when they are deleted.",
    )
    raw = models.JSONField(_("vendor's answer"), default=dict, blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        constraints = [
            models.UniqueConstraint(fields=["request", "number"], name="vton_attempt_number"),
            models.UniqueConstraint(fields=["engine", "vendor_id"], name="vton_attempt_vendor_id"),
        ]
        indexes = [
            models.Index(fields=["budget_day", "money"], name="vton_attempt_day"),
            models.Index(fields=["vendor_id"], name="vton_attempt_by_vendor_id"),
            models.Index(fields=["flaw", "budget_day"], name="vton_attempt_flaw"),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} #{self.number}"


class VendorLink(Model):
    """A URL from which the vendor may download one image, until it expires or the render ends."""

    token_hash = models.CharField(max_length=64, unique=True)
    attempt = models.ForeignKey(Attempt, on_delete=models.CASCADE, related_name="links")
    photo = models.ForeignKey(PersonPhoto, on_delete=models.CASCADE, null=True)
    product_image = models.ForeignKey(ProductImage, on_delete=models.CASCADE, null=True)
    expires_at = models.DateTimeField(db_index=True)
    fetched_at = models.DateTimeField(null=True)
    """When the image was first served, or None."""
    fetched_from = models.GenericIPAddressField(null=True)
    """The address of the client to which it was first served, or None if that is unknown."""

    def __str__(self) -> str:
        return f"link of attempt {self.attempt_id}"


class TryOnEvent(Model):
    """An event in the history of a try-on. Rows never change, and contain no URLs and no images."""

    request = models.ForeignKey(TryOnRequest, on_delete=models.CASCADE, related_name="events")
    attempt = models.ForeignKey(Attempt, on_delete=models.SET_NULL, null=True, blank=True)
    at = models.DateTimeField(_("at"), default=clock.now, editable=False)
    name = models.CharField(_("what"), max_length=40)
    from_state = models.CharField(_("from"), max_length=10, blank=True)
    to_state = models.CharField(_("to"), max_length=10, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    detail = models.JSONField(_("detail"), default=dict, blank=True)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.at:%H:%M:%S} {self.name}"
