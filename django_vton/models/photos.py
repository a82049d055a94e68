"""Photos of people: shoppers' own photos, and the merchant's house models."""

from __future__ import annotations

import uuid
from datetime import date

from django.db import models
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..storage import photo_path, private_storage
from ..utils import clock
from .base import Model, PrimaryManager
from .shoppers import Shopper


def release_today() -> date:
    """Return the day by which releases end: today in TIME_ZONE."""
    return timezone.localdate(clock.now(), timezone.get_default_timezone())


def has_release(prefix: str = "") -> Q:
    """Select photos whose release has no end, or has not ended. Shoppers' own photos have no end."""
    return Q(**{f"{prefix}release_ends__isnull": True}) | Q(**{f"{prefix}release_ends__gte": release_today()})


def is_usable_house_model() -> Q:
    """Select the house models that may be offered and rendered."""
    return Q(has_release(), kind=PersonPhoto.Kind.HOUSE, is_active=True)


class PersonPhotoQuerySet(models.QuerySet["PersonPhoto"]):
    """Queries for the photos that may be used or viewed."""

    def active_house_models(self) -> QuerySet[PersonPhoto]:
        """Return the active house models whose release has not ended, in the merchant's order."""
        return self.filter(is_usable_house_model()).order_by("position", "created_at")

    def reusable_by(self, shopper: Shopper | None) -> QuerySet[PersonPhoto]:
        """Return the photos that this shopper has saved for further try-ons, newest first."""
        if shopper is None:
            return self.none()
        return self.filter(
            kind=PersonPhoto.Kind.OWN, shopper=shopper, is_reusable=True, expires_at__gt=clock.now()
        ).order_by("-created_at")

    def usable_by(self, shopper: Shopper | None) -> QuerySet[PersonPhoto]:
        """Return the photos that this shopper may use in a try-on: active house models and own photos."""
        house = is_usable_house_model()
        if shopper is None:
            return self.filter(house)
        return self.filter(house | Q(shopper=shopper, expires_at__gt=clock.now()))

    def visible_to(self, shopper: Shopper | None) -> QuerySet[PersonPhoto]:
        """Return the photos that this shopper may view."""
        return self.usable_by(shopper)


class PersonPhoto(Model):
    """A photo of a shopper or a house model, encoded by `images.normalize_person_photo`."""

    class Kind(models.TextChoices):
        OWN = "own", _("shopper's own")
        HOUSE = "house", _("house model")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=5, choices=Kind, default=Kind.OWN)
    shopper = models.ForeignKey(
        Shopper, on_delete=models.SET_NULL, null=True, blank=True, related_name="photos"
    )
    file = models.FileField(storage=private_storage, upload_to=photo_path, max_length=200)
    thumbnail = models.FileField(storage=private_storage, upload_to=photo_path, max_length=200)
    digest = models.CharField(_("SHA-256"), max_length=64, editable=False)
    width = models.PositiveIntegerField(editable=False)
    height = models.PositiveIntegerField(editable=False)
    is_reusable = models.BooleanField(_("may be used again"), default=False)
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)
    expires_at = models.DateTimeField(_("deleted at"), null=True, blank=True, db_index=True)

    name = models.CharField(_("name"), max_length=100, blank=True)
    labels = models.JSONField(_("labels"), default=list, blank=True)
    suits = models.JSONField(_("suits"), default=list, blank=True)
    rights_note = models.TextField(_("rights"), blank=True)
    release_ends = models.DateField(
        _("release ends"),
        null=True,
        blank=True,
        help_text=_("The last day on which the photo may be used. Empty: no end."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    position = models.PositiveIntegerField(_("order"), default=0)

    objects = PrimaryManager.from_queryset(PersonPhotoQuerySet)()  # type: ignore[misc]  # see base.Model

    class Meta:
        verbose_name = _("person photo")
        verbose_name_plural = _("person photos")
        permissions = [("view_shopper_photos", _("Can view shoppers' photos and results"))]

    def __str__(self) -> str:
        return self.name or str(_("Photo %(id)s") % {"id": str(self.pk)[:8]})

    @property
    def is_house(self) -> bool:
        """Return whether the photo is a merchant's house model, which anyone may see."""
        return self.kind == self.Kind.HOUSE

    @property
    def has_release(self) -> bool:
        """Return whether the photo's release has no end, or has not ended."""
        return self.release_ends is None or self.release_ends >= release_today()

    def suits_kind(self, kind: str) -> bool:
        """Return whether the photo suits this kind, such as "garment". An empty `suits` means all kinds."""
        return not self.suits or kind in self.suits


class HouseModelManager(PrimaryManager["HouseModel"]):
    """A manager that cannot reach shoppers' photos."""

    def get_queryset(self) -> QuerySet[HouseModel]:
        """Return the house models."""
        return super().get_queryset().filter(kind=PersonPhoto.Kind.HOUSE)


class HouseModel(PersonPhoto):
    """A house model. Its own permissions let staff edit it without access to shoppers' photos."""

    objects = HouseModelManager()  # type: ignore[assignment,misc]  # deliberately narrower than the parent's
    base_objects = PrimaryManager()  # Django's base manager must leave out no rows.

    class Meta:
        proxy = True
        base_manager_name = "base_objects"
        verbose_name = _("house model")
        verbose_name_plural = _("house models")
