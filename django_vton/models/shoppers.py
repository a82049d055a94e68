"""Shoppers, their consent, and the log of staff who viewed their images."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..utils import clock
from .base import Model


class Shopper(Model):
    """The owner of try-ons: a user of the shop, or a guest identified by a token in the session."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("user"),
    )
    token_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)
    seen_at = models.DateTimeField(_("last seen"), default=clock.now, editable=False)

    class Meta:
        verbose_name = _("shopper")
        verbose_name_plural = _("shoppers")
        indexes = [
            # A partial index, since the purge reads only guests, and there may be many users.
            models.Index(fields=["seen_at"], condition=models.Q(user__isnull=True), name="vton_guest_seen")
        ]

    def __str__(self) -> str:
        return str(_("Guest %(pk)s") % {"pk": self.pk}) if self.user_id is None else str(self.user)


class Consent(Model):
    """A shopper's consent to the use of photos, with the version, the language and a hash of its text."""

    shopper = models.ForeignKey(Shopper, on_delete=models.CASCADE, related_name="consents")
    version = models.CharField(_("version"), max_length=50)
    text_hash = models.CharField(_("SHA-256 of the text"), max_length=64)
    locale = models.CharField(_("language"), max_length=20)
    purpose = models.CharField(_("purpose"), max_length=50, default="try-on")
    recipient = models.CharField(_("recipient"), max_length=50, default="Pixazo")
    given_at = models.DateTimeField(_("given"), default=clock.now)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True)

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        indexes = [models.Index(fields=["shopper", "version"], name="vton_consent_shopper")]

    def __str__(self) -> str:
        return f"{self.version}, {self.given_at:%Y-%m-%d %H:%M}"


class PhotoAccess(Model):
    """The access of a staff user to a shopper's photo or result. There is one row per user, object and day.

    Rows contain only ids of images, which identify nobody after the image is erased. Django's `LogEntry` is
    not used, since it is deleted with its user, and staff may delete entries.
    """

    class Kind(models.TextChoices):
        PHOTO = "photo", _("photo")
        RESULT = "result", _("result")

    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+", editable=False
    )
    actor_name = models.CharField(
        _("user"),
        max_length=254,
        editable=False,
        help_text="The username at that time. It is kept after the user is deleted.",
    )
    kind = models.CharField(_("what"), max_length=6, choices=Kind, editable=False)
    object_id = models.UUIDField(db_index=True, editable=False)
    day = models.DateField(editable=False)
    at = models.DateTimeField(
        _("at"), default=clock.now, db_index=True, editable=False, help_text="The first access that day."
    )

    class Meta:
        verbose_name = _("photo access")
        verbose_name_plural = _("photo access log")
        constraints = [
            models.UniqueConstraint(fields=["actor", "kind", "object_id", "day"], name="vton_photo_access")
        ]

    def __str__(self) -> str:
        return f"{self.actor_name}, {self.kind} {str(self.object_id)[:8]}, {self.day}"
