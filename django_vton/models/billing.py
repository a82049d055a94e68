"""The counters of spent money and used quota. Only conditional updates change them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from .base import Model


class BudgetPeriod(Model):
    """The reserved and the spent money of one day or one month, in micro-USD."""

    class Kind(models.TextChoices):
        DAY = "day", _("day")
        MONTH = "month", _("month")

    kind = models.CharField(_("kind"), max_length=5, choices=Kind)
    starts_on = models.DateField(_("starts on"))
    held = models.BigIntegerField(_("reserved"), default=0)
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


class Quota(Model):
    """The number of images that a key has used in a window. The key is a keyed hash, or the id of a guest."""

    key = models.CharField(max_length=80)
    window_start = models.DateTimeField()
    used = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "window_start"], name="vton_quota_window")]

    def __str__(self) -> str:
        return f"{self.used} since {self.window_start}"
