"""Small rows that are counted on, or taken, by conditional updates."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class BudgetPeriod(models.Model):
    """What one day or one month has cost, in micro-USD."""

    class Kind(models.TextChoices):
        """The two caps."""

        DAY = "day", _("day")
        MONTH = "month", _("month")

    kind = models.CharField(_("kind"), max_length=5, choices=Kind)
    starts_on = models.DateField(_("starts on"))
    held = models.BigIntegerField(_("held"), default=0)
    spent = models.BigIntegerField(_("spent"), default=0)

    class Meta:
        verbose_name = _("budget period")
        verbose_name_plural = _("budget periods")
        constraints = [
            models.UniqueConstraint(fields=["kind", "starts_on"], name="vton_budget_period"),
            models.CheckConstraint(condition=models.Q(held__gte=0), name="vton_budget_held"),
            models.CheckConstraint(condition=models.Q(spent__gte=0), name="vton_budget_spent"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.starts_on}"


class Quota(models.Model):
    """How many try-ons somebody had in one window. `key` names them without saying who it is."""

    key = models.CharField(max_length=80)
    window = models.DateTimeField()
    used = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "window"], name="vton_quota_window")]

    def __str__(self) -> str:
        return f"{self.used} since {self.window}"


class DispatcherLease(models.Model):
    """A place for one running pump; a lease that is renewed while it lives."""

    number = models.PositiveSmallIntegerField(primary_key=True)
    token = models.CharField(max_length=32, default="", blank=True)
    lease_until = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"pump {self.number}"


class GatewayState(models.Model):
    """What the vendor lately said about one engine: wait, or (the breaker) nothing works at all."""

    engine = models.CharField(_("engine"), max_length=50, primary_key=True)
    wait_until = models.DateTimeField(_("wait until"), null=True, blank=True)
    breaker = models.CharField(_("breaker"), max_length=20, blank=True, default="")
    failures = models.PositiveIntegerField(_("refusals in a row"), default=0)
    refused_at = models.DateTimeField(_("last refusal"), null=True, blank=True)

    class Meta:
        verbose_name = _("state of the gateway")
        verbose_name_plural = _("states of the gateway")

    def __str__(self) -> str:
        return self.engine


class PauseSwitch(models.Model):
    """The staff's switch: while its one row is on, nothing new is accepted."""

    is_paused = models.BooleanField(
        _("pause try-on"),
        default=False,
        help_text=_("Nothing new is accepted and the buttons go. What is already running ends as usual."),
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


class Incident(models.Model):
    """Something that staff are told of once; the row is there from its beginning to its end.

    `notify_at` is when somebody should mail it, or try again; None once that is done.
    """

    name = models.CharField(_("name"), max_length=100, primary_key=True)
    opened_at = models.DateTimeField(_("since"), default=timezone.now)
    notify_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("state of try-on")

    def __str__(self) -> str:
        return self.name
