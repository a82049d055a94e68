"""Who asks, what they agreed to, and the photos they gave."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..storage import photo_path, private_storage

if TYPE_CHECKING:
    from django.db.models import QuerySet


class Shopper(models.Model):
    """An owner of try-ons: a user of the shop, or a visitor known by a token in the session's data."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("user"),
    )
    token_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    seen_at = models.DateTimeField(_("last seen"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("shopper")
        verbose_name_plural = _("shoppers")
        indexes = [
            # The purge looks for guests; users are many, and stay.
            models.Index(fields=["seen_at"], condition=models.Q(user__isnull=True), name="vton_guest_seen"),
        ]

    def __str__(self) -> str:
        return str(_("Guest %(pk)s") % {"pk": self.pk}) if self.user_id is None else str(self.user)


class Consent(models.Model):
    """One agreement to the use of a photo: which words, when, in which language, for whom."""

    shopper = models.ForeignKey(Shopper, on_delete=models.CASCADE, related_name="consents")
    version = models.CharField(_("version"), max_length=50)
    text_hash = models.CharField(_("SHA-256 of the text"), max_length=64)
    locale = models.CharField(_("language"), max_length=20)
    purpose = models.CharField(_("purpose"), max_length=50, default="try-on")
    recipient = models.CharField(_("recipient"), max_length=50, default="Pixazo")
    given_at = models.DateTimeField(_("given"), default=timezone.now)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        indexes = [models.Index(fields=["shopper", "version"], name="vton_consent_shopper")]

    def __str__(self) -> str:
        return f"{self.version}, {self.given_at:%Y-%m-%d %H:%M}"


class PersonPhotoQuerySet(models.QuerySet["PersonPhoto"]):
    """Photos by what they may be used for."""

    def house(self) -> QuerySet[PersonPhoto]:
        """The active house models, in the merchant's order."""
        return self.filter(kind=PersonPhoto.Kind.HOUSE, is_active=True).order_by("position", "created_at")

    def kept(self, shopper: Shopper | None) -> QuerySet[PersonPhoto]:
        """A shopper's own photos that may be used again."""
        if shopper is None:
            return self.none()
        return self.filter(
            kind=PersonPhoto.Kind.OWN, shopper=shopper, keep=True, expires_at__gt=timezone.now()
        ).order_by("-created_at")

    def usable(self, shopper: Shopper | None) -> QuerySet[PersonPhoto]:
        """What this shopper may send: house models and photos of their own."""
        house = models.Q(kind=PersonPhoto.Kind.HOUSE, is_active=True)
        if shopper is None:
            return self.filter(house)
        return self.filter(house | models.Q(shopper=shopper, expires_at__gt=timezone.now()))

    def visible_to(self, shopper: Shopper | None) -> QuerySet[PersonPhoto]:
        """What this shopper may look at."""
        return self.usable(shopper)


class PersonPhoto(models.Model):
    """A photo of a person, as `images.person_photo` wrote it: a shopper's own, or a house model."""

    class Kind(models.TextChoices):
        """Whose photo it is."""

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
    keep = models.BooleanField(_("may be used again"), default=False)
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    expires_at = models.DateTimeField(_("deleted at"), null=True, blank=True, db_index=True)

    name = models.CharField(_("name"), max_length=100, blank=True)
    labels = models.JSONField(_("labels"), default=list, blank=True)
    suits = models.JSONField(_("suits"), default=list, blank=True)
    rights_note = models.TextField(_("rights"), blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    position = models.PositiveIntegerField(_("order"), default=0)

    objects = PersonPhotoQuerySet.as_manager()

    class Meta:
        verbose_name = _("person photo")
        verbose_name_plural = _("person photos")
        permissions = [("view_shopper_photos", _("Can look at shoppers' photos and results"))]

    def __str__(self) -> str:
        return self.name or str(_("Photo %(id)s") % {"id": str(self.pk)[:8]})

    @property
    def is_house(self) -> bool:
        """Whether it is a merchant's house model, which anyone may see."""
        return self.kind == self.Kind.HOUSE

    def suits_kind(self, kind: str) -> bool:
        """Whether it suits "garment" or "eyewear"; an empty list suits both."""
        return not self.suits or kind in self.suits


class HouseModelManager(models.Manager["HouseModel"]):
    """House models alone: a shopper's photo cannot be reached through it."""

    def get_queryset(self) -> QuerySet[HouseModel]:
        """As every manager has it."""
        return super().get_queryset().filter(kind=PersonPhoto.Kind.HOUSE)


class HouseModel(PersonPhoto):
    """A merchant's person photo, with permissions of its own: who keeps them need not see shoppers."""

    objects = HouseModelManager()  # type: ignore[assignment,misc]  # narrower than its parent's, on purpose

    class Meta:
        proxy = True
        verbose_name = _("house model")
        verbose_name_plural = _("house models")


class PhotoAccess(models.Model):
    """A member of staff looked at a shopper's photo or result: one row for each of them, object and day.

    An audit asks who saw whom on which day; a row for each thumbnail of a reloaded list would drown that. It
    holds ids only, which lead to nobody once the picture is erased. Rows are only ever added, until
    `looks.purge`. (Django's `LogEntry` dies with its user and may be deleted by hand.)
    """

    class Kind(models.TextChoices):
        """What was looked at."""

        PHOTO = "photo", _("photo")
        RESULT = "result", _("result")

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    actor_name = models.CharField(
        _("user"), max_length=254, editable=False, help_text="As it was then: it outlives the user."
    )
    kind = models.CharField(_("what"), max_length=6, choices=Kind, editable=False)
    object_id = models.UUIDField(db_index=True, editable=False)
    day = models.DateField(editable=False)
    at = models.DateTimeField(
        _("at"), default=timezone.now, db_index=True, editable=False, help_text="The first look of that day."
    )

    class Meta:
        verbose_name = _("look at a shopper's picture")
        verbose_name_plural = _("looks at shoppers' pictures")
        constraints = [
            models.UniqueConstraint(fields=["actor", "kind", "object_id", "day"], name="vton_look_of_the_day")
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}, {self.kind} {str(self.object_id)[:8]}, {self.day}"
