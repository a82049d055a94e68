"""One-time links with which a shopper continues a try-on on a phone."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from ..utils import clock
from .base import Model, PrimaryManager
from .shoppers import Shopper
from .tryons import TryOnRequest


class PhoneLinkQuerySet(models.QuerySet["PhoneLink"]):
    """Unexpired links, before and after a phone has used them."""

    def unused(self) -> QuerySet[PhoneLink]:
        """Return the links that a phone may still use."""
        return self.filter(used_at=None, expires_at__gt=clock.now())

    def active(self) -> QuerySet[PhoneLink]:
        """Return the used links whose phone may still act for the link's owner."""
        return self.filter(used_at__isnull=False, expires_at__gt=clock.now())


class PhoneLink(Model):
    """A link from a shopper's computer to their phone, for one product. Its token is stored as a hash."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    shopper = models.ForeignKey(Shopper, on_delete=models.CASCADE, related_name="phone_links")
    product = models.CharField(_("product"), max_length=200)
    main_product = models.CharField(max_length=200)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)
    opened_at = models.DateTimeField(_("opened"), null=True, blank=True)
    used_at = models.DateTimeField(_("used"), null=True, blank=True)
    expires_at = models.DateTimeField(
        _("expires"),
        db_index=True,
        help_text="The link can be used until then. Using it sets the time until which the phone may act for "
        "the owner.",
    )
    try_ons = models.ManyToManyField(
        TryOnRequest,
        related_name="phone_links",
        editable=False,
        help_text="Requested by the phone. The phone may see no other try-ons of the owner.",
    )

    objects = PrimaryManager.from_queryset(PhoneLinkQuerySet)()  # type: ignore[misc]  # see base.Model

    class Meta:
        verbose_name = _("link to a phone")
        verbose_name_plural = _("links to phones")

    def __str__(self) -> str:
        return str(self.pk)
