"""The state of workers, gateway and incidents, and the staff's pause switch."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..utils import clock
from .base import Model


class DispatcherLease(Model):
    """A slot for one dispatcher, which renews its lease while it runs."""

    number = models.PositiveSmallIntegerField(primary_key=True)
    token = models.CharField(max_length=32, default="", blank=True)
    lease_until = models.DateTimeField(default=clock.now)
    seen_at = models.DateTimeField(null=True)
    host_lead = models.FloatField(
        default=0, help_text="By how many seconds the clock of its host is ahead of the database's."
    )

    def __str__(self) -> str:
        return f"dispatcher {self.number}"


class GatewayState(Model):
    """The circuit breaker and back-off of one engine, and whether it is stopped."""

    engine = models.CharField(_("engine"), max_length=50, primary_key=True)
    wait_until = models.DateTimeField(_("wait until"), null=True, blank=True)
    breaker = models.CharField(
        _("breaker"),
        max_length=20,
        blank=True,
        default="",
        help_text="Why no submit succeeds: an HTTP status, or `unreachable`. Empty if submits succeed.",
    )
    stopped_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when no submit has succeeded; empty if they do."
    )
    probe_at = models.DateTimeField(
        null=True, blank=True, help_text="When a worker next tries, free of charge, whether it works again."
    )
    failures = models.PositiveIntegerField(_("refusals in a row"), default=0)
    refused_at = models.DateTimeField(_("last refusal"), null=True, blank=True)
    charged_error_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When a callback last proved that a submit was charged to which the answer was 500 or 503.",
    )

    class Meta:
        verbose_name = _("gateway status")
        verbose_name_plural = _("gateway status")

    def __str__(self) -> str:
        return self.engine

    def is_paused(self, now: datetime) -> bool:
        """Return whether nothing may be submitted now, but for a trial."""
        return self.wait_until is not None and self.wait_until > now


class PauseSwitch(Model):
    """The switch with which staff pause try-on. While its only row is paused, no new try-on is accepted."""

    is_paused = models.BooleanField(
        _("pause try-on"),
        default=False,
        help_text=_("No new try-ons are accepted and the buttons are hidden. Running try-ons continue."),
    )
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, editable=False, related_name="+"
    )
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("pause switch")
        verbose_name_plural = _("pause switch")

    def __str__(self) -> str:
        return str(_("paused") if self.is_paused else _("running"))


class Incident(Model):
    """An open incident. Staff are notified once. The row is deleted when the incident ends."""

    name = models.CharField(_("name"), max_length=100, primary_key=True)
    opened_at = models.DateTimeField(_("since"), default=clock.now)
    notify_at = models.DateTimeField(
        null=True, help_text="When to send the e-mail, or to retry it; empty once it is sent."
    )

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("system status")

    def __str__(self) -> str:
        return self.name


class UndeletedFile(Model):
    """A file that the storage could not delete. The row is deleted once an hourly purge has deleted it."""

    storage = models.CharField(max_length=100, blank=True, help_text="VTON['STORAGE'] at that time.")
    name = models.CharField(max_length=200)
    since = models.DateTimeField(default=clock.now)
    attempts = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["storage", "name"], name="vton_undeleted_file")]

    def __str__(self) -> str:
        return self.name


COMPLETED_WITHOUT_IMAGES = "completed without images"


class UnknownStatus(Model):
    """A status of the vendor that its engine does not declare. The row stays, so it is reported once."""

    engine = models.CharField(max_length=50)
    word = models.CharField(max_length=50, help_text="The vendor's, or `completed without images`.")
    since = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["engine", "word"], name="vton_unknown_status")]

    def __str__(self) -> str:
        return f"{self.engine}: {self.word}"


class FailedCheck(Model):
    """What did not work the last time, by the name of its check. See `health.storage`."""

    name = models.CharField(max_length=20, primary_key=True)
    since = models.DateTimeField(default=clock.now)
    """When it failed first; for the queue and for files, when it failed last."""
    error = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return self.name
