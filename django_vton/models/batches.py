"""Batches: renders of catalogue products on house models, and their review and publication."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..utils import clock
from .base import Model, PrimaryManager
from .photos import PersonPhoto
from .states import ACTIVE
from .tryons import TryOnImage, TryOnRequest


class BatchQuerySet(models.QuerySet["Batch"]):
    """The queries of workers."""

    def due(self, now: datetime) -> QuerySet[Batch]:
        """Return the batches for the feeder to handle now, longest due first.

        Defer `products`, which may contain thousands of references.
        """
        return self.filter(status=Batch.Status.RUNNING, due_at__lte=now).order_by("due_at").defer("products")

    def finished(self) -> QuerySet[Batch]:
        """Return the started batches of which no render is waiting or running."""
        requested = BatchRender.objects.filter(batch=OuterRef("pk"), status=BatchRender.Status.REQUESTED)
        return self.filter(
            ~Exists(requested.filter(request__state__in=ACTIVE)),
            status=Batch.Status.RUNNING,
            due_at__isnull=True,
        )


class Batch(Model):
    """Products to render on house models. The progress is computed from the `BatchRender` rows."""

    class Status(models.TextChoices):
        """Whether the feeder orders renders. A finished batch stays `running`."""

        DRAFT = "draft", _("draft")
        RUNNING = "running", _("running")
        PAUSED = "paused", _("paused")
        CANCELED = "canceled", _("canceled")

    name = models.CharField(_("name"), max_length=200, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT)
    products = models.JSONField(_("products"), default=list, help_text="Product references, in order.")
    house_models = models.ManyToManyField(
        PersonPhoto, verbose_name=_("house models"), related_name="batches", blank=True
    )
    options = models.JSONField(_("options"), default=dict, blank=True, help_text="Options by engine name.")
    repeats = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="repeated_by",
        help_text="The batch whose rejected renders it renders again.",
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
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)
    confirmed_at = models.DateTimeField(_("started"), null=True, blank=True, editable=False)

    total = models.PositiveIntegerField(
        _("renders"), default=0, help_text="An upper bound until every product has its rows; then exact."
    )
    product_count = models.PositiveIntegerField(default=0, help_text="The length of `products`.")
    products_done = models.PositiveIntegerField(default=0, help_text="How many products have their rows.")
    next_position = models.PositiveIntegerField(default=0, help_text="The position of the next row.")
    due_at = models.DateTimeField(
        null=True, blank=True, help_text="When the feeder handles it next; null if nothing waits."
    )
    waiting_for = models.CharField(
        max_length=30, blank=True, help_text="The code of the refusal that stops it for now."
    )
    waiting_until = models.DateTimeField(_("waits until"), null=True, blank=True)

    objects = PrimaryManager.from_queryset(BatchQuerySet)()  # type: ignore[misc]  # see base.Model

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["due_at"], name="vton_batch_due")]

    def __str__(self) -> str:
        return self.name or str(_("Batch %(number)s") % {"number": self.pk})

    @property
    def has_given_renders(self) -> bool:
        """Return whether the rows exist before the start, as in a draft of rejected renders."""
        return self.status == self.Status.DRAFT and self.next_position > 0


class BatchRender(Model):
    """One product on one house model."""

    class Status(models.TextChoices):
        """Whether the render was requested. The state of its try-on tells the result."""

        WAITING = "waiting", _("waiting")
        REQUESTED = "requested", _("requested")
        REFUSED = "refused", _("not possible")
        DROPPED = "dropped", _("dropped")

    class Review(models.TextChoices):
        NONE = "", _("not reviewed")
        ACCEPTED = "accepted", _("accepted")
        REJECTED = "rejected", _("rejected")

    class RejectionReason(models.TextChoices):
        GARMENT = "garment", pgettext_lazy("rejection", "wrong garment or glasses")
        ARTEFACT = "artefact", pgettext_lazy("rejection", "artefact")
        POSE = "pose", pgettext_lazy("rejection", "pose")
        COLOUR = "colour", pgettext_lazy("rejection", "colour")
        OTHER = "other", pgettext_lazy("rejection", "other")

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
    product_digest = models.CharField(
        max_length=64,
        blank=True,
        help_text="The SHA-256 of the product image's file. Products with equal images share one try-on.",
    )
    is_outdated = models.BooleanField(
        default=False, help_text="Whether the last check has found another product image since."
    )
    refusal_code = models.CharField(max_length=30, blank=True, help_text="The code of the refusal.")
    problem = models.TextField(
        _("problem"), blank=True, help_text="Shown to the merchant: why it was refused, or not published."
    )
    review = models.CharField(_("review"), max_length=10, choices=Review, blank=True, default=Review.NONE)
    rejection_reason = models.CharField(_("reason"), max_length=10, choices=RejectionReason, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    reviewed_at = models.DateTimeField(_("reviewed"), null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Who has accepted it as the second reviewer.",
    )
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("render of a batch")
        verbose_name_plural = _("renders of a batch")
        ordering = ["batch", "position"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "position"], name="vton_batch_render_position"),
            models.CheckConstraint(
                condition=Q(review="rejected") | Q(rejection_reason=""), name="vton_reason_needs_rejection"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by=None) | ~Q(confirmed_by=F("reviewed_by")), name="vton_two_reviewers"
            ),
        ]
        indexes = [
            models.Index(fields=["batch", "status", "position"], name="vton_batch_render_status"),
            models.Index(fields=["product"], name="vton_batch_render_product"),
            models.Index(
                fields=["product"], condition=Q(is_outdated=True), name="vton_batch_render_outdated"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product_title or self.product} ({self.batch_id}/{self.position})"


class BatchNotice(Model):
    """A message that a batch is finished, which is still to be sent. The row is deleted once it was sent."""

    class Channel(models.TextChoices):
        MAIL = "mail", _("e-mail")
        WEBHOOK = "webhook", _("webhook")

    id = models.UUIDField(
        primary_key=True, default=uuid.uuid4, help_text="A webhook's receiver knows repetitions by it."
    )
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="notices")
    channel = models.CharField(max_length=10, choices=Channel)
    due_at = models.DateTimeField(
        null=True,
        default=clock.now,
        help_text="From when it is sent if the batch is finished; null after the last attempt.",
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True, help_text="Why the last attempt failed.")
    failed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["batch", "channel"], name="vton_batch_notice_channel")]
        indexes = [models.Index(fields=["due_at"], name="vton_batch_notice_due")]

    def __str__(self) -> str:
        return f"{self.channel} about batch {self.batch_id}"


class PublicationQuerySet(models.QuerySet["Publication"]):
    """The query of house models that are deleted, or whose release has ended."""

    def on_house_models(self, photos: Iterable[PersonPhoto]) -> QuerySet[Publication]:
        """Return the publications of renders on these house models."""
        return self.filter(image__request__photo__in=photos)


class Publication(Model):
    """An image that is shown with a product. Products with the same product image share one render.

    `TryOnImage.published_at` makes the image public. It is set while the image has a publication.
    """

    image = models.ForeignKey(TryOnImage, on_delete=models.CASCADE, related_name="publications")
    product = models.CharField(_("product"), max_length=200, db_index=True)
    main_product = models.CharField(max_length=200, db_index=True)
    handle = models.JSONField(
        null=True, encoder=DjangoJSONEncoder, help_text="What the shop's publish() returned."
    )
    published_at = models.DateTimeField(_("published"), default=clock.now)

    objects = PrimaryManager.from_queryset(PublicationQuerySet)()  # type: ignore[misc]  # see base.Model

    class Meta:
        verbose_name = _("publication")
        verbose_name_plural = _("publications")
        constraints = [models.UniqueConstraint(fields=["image", "product"], name="vton_unique_publication")]

    def __str__(self) -> str:
        return self.product
