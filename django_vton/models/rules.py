"""Rules: batches that are made by themselves each day, and their runs."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..utils import clock
from .base import Model
from .batches import Batch
from .photos import PersonPhoto


class BatchRule(Model):
    """Once a day, at `hour`, makes a batch of the products that lack a render, for at most `daily_budget`."""

    name = models.CharField(_("name"), max_length=200)
    search_text = models.CharField(_("search"), max_length=200, blank=True)
    search_model = models.CharField(_("product type"), max_length=200, blank=True)
    search_kind = models.CharField(_("kind"), max_length=20, blank=True)
    house_models = models.ManyToManyField(PersonPhoto, verbose_name=_("house models"), related_name="rules")
    options = models.JSONField(_("options"), default=dict, blank=True, help_text="Options by engine name.")
    hour = models.PositiveSmallIntegerField(_("hour"), default=3, validators=[MaxValueValidator(23)])
    daily_budget = models.BigIntegerField(_("daily budget"), help_text="In micro-USD.")
    is_enabled = models.BooleanField(pgettext_lazy("batch rule", "on"), default=False)
    enabled_at = models.DateTimeField(null=True, blank=True, editable=False)
    enabled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="Who is told of the batches.",
    )
    changed_at = models.DateTimeField(
        default=clock.now, editable=False, help_text="A rule needs a dry run since then to be switched on."
    )
    continue_after = models.CharField(
        max_length=200,
        blank=True,
        editable=False,
        help_text="The product after which the next run goes on, if the last one had too little time.",
    )

    class Meta:
        verbose_name = _("batch rule")
        verbose_name_plural = _("batch rules")
        ordering = ["name", "pk"]
        constraints = [models.CheckConstraint(condition=Q(daily_budget__gt=0), name="vton_rule_budget")]

    def __str__(self) -> str:
        return self.name


class BatchRuleRun(Model):
    """What a rule has done on a day, or would have done. It is stored together with its batch."""

    rule = models.ForeignKey(BatchRule, on_delete=models.CASCADE, related_name="runs")
    day = models.DateField(null=True, help_text="Null for a dry run, of which there can be many.")
    at = models.DateTimeField(default=clock.now)
    batch = models.OneToOneField(Batch, on_delete=models.PROTECT, null=True, related_name="rule_run")
    products = models.PositiveIntegerField(default=0, help_text="How many products were selected.")
    renders = models.PositiveIntegerField(default=0)
    price = models.BigIntegerField(default=0, help_text="The most that these renders can cost, in micro-USD.")
    further = models.PositiveIntegerField(
        default=0, help_text="How many more products were found to lack a render, but did not fit."
    )
    problem = models.TextField(blank=True, help_text="Shown to the merchant: why products are missing.")

    class Meta:
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["rule", "day"], name="vton_rule_day")]

    def __str__(self) -> str:
        return f"{self.rule_id} on {self.day}"

    @property
    def is_dry(self) -> bool:
        """Whether this was a dry run."""
        return self.day is None
