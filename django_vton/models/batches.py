"""Batches: renders of the catalogue on house models, and what a merchant makes of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .shoppers import PersonPhoto
from .tryons import TryOnImage, TryOnRequest

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet


class BatchQuerySet(models.QuerySet["Batch"]):
    """Batches by what is to be done."""

    def due(self, now: datetime) -> QuerySet[Batch]:
        """What the feeder looks at now, each in its turn. Without the products, who may be thousands."""
        return self.filter(status=Batch.Status.RUNNING, due_at__lte=now).order_by("due_at").defer("products")


class Batch(models.Model):
    """Products on house models: a draft, then rows, then renders. Its numbers are read from the rows."""

    class Status(models.TextChoices):
        """Whether it is fed. A running one has ended once nothing waits and nothing is in flight."""

        DRAFT = "draft", _("draft")
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        CANCELED = "canceled", _("canceled")

    name = models.CharField(_("name"), max_length=200, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    products = models.JSONField(_("products"), default=list, help_text="References, in order.")
    house_models = models.ManyToManyField(
        PersonPhoto, verbose_name=_("house models"), related_name="batches", blank=True
    )
    options = models.JSONField(
        _("options"), default=dict, blank=True, help_text="The options of each engine, by its name."
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("created by"),
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    confirmed_at = models.DateTimeField(_("started"), null=True, blank=True, editable=False)

    total = models.PositiveIntegerField(
        _("renders"), default=0, help_text="At most, until the last product has its rows; then exactly."
    )
    product_count = models.PositiveIntegerField(default=0, help_text="Of the products; set when it starts.")
    cursor = models.PositiveIntegerField(default=0, help_text="So many products have their rows.")
    written = models.PositiveIntegerField(default=0, help_text="So many rows there are: the next position.")
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When the feeder looks next; null where nothing waits."
    )
    waits_for = models.CharField(
        max_length=30, blank=True, help_text="The code of the refusal that holds it, such as the budget's."
    )
    waits_until = models.DateTimeField(_("waits until"), null=True, blank=True)

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["due_at"], name="vton_batch_due")]

    def __str__(self) -> str:
        return self.name or str(_("Batch %(number)s") % {"number": self.pk})


class BatchRender(models.Model):
    """One product on one house model: waiting, asked for, refused, or dropped with its batch."""

    class Status(models.TextChoices):
        """What was done; what became of a render that was asked for is its try-on's state."""

        WAITING = "waiting", _("waiting")
        ASKED = "asked", _("asked for")
        REFUSED = "refused", _("not possible")
        DROPPED = "dropped", _("dropped")

    class Review(models.TextChoices):
        """The merchant's word on the picture."""

        NONE = "", _("not reviewed")
        ACCEPTED = "accepted", _("accepted")
        REJECTED = "rejected", _("rejected")

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="renders")
    position = models.PositiveIntegerField()
    product = models.CharField(_("product"), max_length=200)
    product_title = models.CharField(_("title"), max_length=300, blank=True)
    photo = models.ForeignKey(
        PersonPhoto,
        on_delete=models.SET_NULL,
        null=True,
        related_name="batch_renders",
        verbose_name=_("house model"),
    )
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.WAITING)
    request = models.ForeignKey(
        TryOnRequest, on_delete=models.SET_NULL, null=True, related_name="batch_renders"
    )
    refusal = models.CharField(max_length=30, blank=True, help_text="The code of the refusal.")
    problem = models.TextField(
        _("problem"), blank=True, help_text="For the merchant: why it was refused, or not published."
    )
    review = models.CharField(_("review"), max_length=10, choices=Review, blank=True, default=Review.NONE)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(_("reviewed"), null=True, blank=True)

    class Meta:
        verbose_name = _("render of a batch")
        verbose_name_plural = _("renders of a batch")
        ordering = ["batch", "position"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "position"], name="vton_batch_render_position")
        ]
        indexes = [models.Index(fields=["batch", "status", "position"], name="vton_batch_render_status")]

    def __str__(self) -> str:
        return f"{self.product_title or self.product} ({self.batch_id}/{self.position})"


class Publication(models.Model):
    """A picture that is shown with a product: products with the same picture share one render.

    The image's `published_at` says that anyone may see it; it is set while there is a publication.
    """

    image = models.ForeignKey(TryOnImage, on_delete=models.CASCADE, related_name="publications")
    product = models.CharField(_("product"), max_length=200, db_index=True)
    main_product = models.CharField(max_length=200, db_index=True)
    handle = models.JSONField(
        null=True, encoder=DjangoJSONEncoder, help_text="What the shop's publish() returned."
    )
    published_at = models.DateTimeField(_("published"), default=timezone.now)

    class Meta:
        verbose_name = _("publication")
        verbose_name_plural = _("publications")
        constraints = [
            models.UniqueConstraint(fields=["image", "product"], name="vton_publication_of_product")
        ]

    def __str__(self) -> str:
        return self.product
