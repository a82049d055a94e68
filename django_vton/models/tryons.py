"""Try-ons, their result images, and the product images that they use."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import models
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ..messages import RENDER_MESSAGES
from ..storage import private_storage, product_path, result_path
from ..utils import clock
from .base import Model, PrimaryManager
from .photos import PersonPhoto
from .shoppers import Shopper
from .states import ACTIVE, State


class ProductImage(Model):
    """A product image that is prepared for the vendor, once per distinct source file.

    If the image cannot be used, there is no file, and `problem` tells the merchant why.
    """

    source_digest = models.CharField(max_length=64, unique=True)
    product = models.CharField(_("product"), max_length=200, help_text=_("The first product that used it."))
    problem = models.TextField(_("problem"), blank=True)
    digest = models.CharField(max_length=64, blank=True)
    file = models.FileField(storage=private_storage, upload_to=product_path, max_length=200, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    used_at = models.DateTimeField(_("last used"), default=clock.now, db_index=True)

    class Meta:
        verbose_name = _("product picture")
        verbose_name_plural = _("product pictures")

    def __str__(self) -> str:
        return self.product


class TryOnRequestQuerySet(models.QuerySet["TryOnRequest"]):
    """The queries of the dispatcher and the API."""

    def active(self) -> QuerySet[TryOnRequest]:
        """Return the try-ons that have not ended."""
        return self.filter(state__in=ACTIVE)

    def scheduled(self) -> QuerySet[TryOnRequest]:
        """Return the active try-ons that a dispatcher handles now or later. Followers are not scheduled."""
        return self.active().filter(due_at__isnull=False)

    def due(self, now: datetime) -> QuerySet[TryOnRequest]:
        """Return the try-ons that a dispatcher may claim now, longest due first."""
        is_free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
        return self.scheduled().filter(is_free, due_at__lte=now).order_by("due_at")

    def with_related(self) -> QuerySet[TryOnRequest]:
        """Load the related rows that the API shows, in a fixed number of queries."""
        return self.select_related("photo", "source").prefetch_related("images")


class TryOnRequest(Model):
    """A try-on, which is also the worker's job: `due_at` schedules it, and `lease_until` locks it."""

    class FeedbackReason(models.TextChoices):
        FIT = "fit", pgettext_lazy("vton", "Fit")
        COLOUR = "colour", pgettext_lazy("vton", "Colour")
        NOT_LIKE_ME = "not_like_me", pgettext_lazy("vton", "Doesn't look like me")
        POOR_PICTURE = "poor_picture", pgettext_lazy("vton", "Poor picture")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # A foreign key that is the first column of an index in Meta needs no index of its own.
    shopper = models.ForeignKey(
        Shopper, on_delete=models.SET_NULL, null=True, blank=True, related_name="try_ons", db_index=False
    )
    source = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="followers",
        db_index=False,
        help_text="The render that this try-on shares instead of paying for its own.",
    )
    batch = models.ForeignKey(
        "vton.Batch",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="paid_renders",
        verbose_name=_("batch"),
        help_text="The batch that paid for this render.",
    )
    product = models.CharField(_("product"), max_length=200)
    main_product = models.CharField(max_length=200, db_index=True)
    product_title = models.CharField(_("title"), max_length=300, blank=True)
    product_url = models.CharField(max_length=500, blank=True)
    engine = models.CharField(_("engine"), max_length=50)
    options = models.JSONField(_("options"), default=dict)
    other_engine = models.CharField(
        max_length=50,
        blank=True,
        help_text="The engine that takes over if this one refuses; after that, the engine that has refused.",
    )
    other_options = models.JSONField(default=dict, help_text="The options for the other engine.")
    other_cache_key = models.CharField(max_length=64, blank=True)
    is_on_fallback = models.BooleanField(
        default=False, help_text="Whether the product's second engine has taken over."
    )
    photo = models.ForeignKey(
        PersonPhoto, on_delete=models.SET_NULL, null=True, blank=True, related_name="try_ons", db_index=False
    )
    product_image = models.ForeignKey(ProductImage, on_delete=models.SET_NULL, null=True, blank=True)
    product_digest = models.CharField(
        max_length=64, blank=True, help_text="The SHA-256 of the shop's file of the product image."
    )
    cache_key = models.CharField(max_length=64, blank=True)
    shared_key = models.CharField(
        max_length=64,
        null=True,
        blank=True,
        unique=True,
        help_text="The cache key, if this render of a house model is the one that all shoppers share.",
    )
    idempotency_key_hash = models.CharField(max_length=64, null=True, blank=True)
    idempotency_digest = models.CharField(max_length=64, blank=True)
    quota_ids = models.JSONField(default=list, help_text="The ids of the quotas that it counts towards.")
    counted_images = models.PositiveSmallIntegerField(
        default=0, help_text="How many pictures it counts there."
    )
    address_key = models.CharField(
        max_length=80, blank=True, help_text="A keyed hash of the client's IP address; emptied at the end."
    )
    cached = models.BooleanField(_("from an earlier render"), default=False)
    feedback = models.CharField(_("feedback"), max_length=7, blank=True)
    feedback_reason = models.CharField(_("reason"), max_length=20, choices=FeedbackReason, blank=True)

    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    error_code = models.CharField(_("error"), max_length=30, blank=True)
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    current_attempt_number = models.PositiveSmallIntegerField(
        default=1, help_text="The attempt that decides. Answers to other attempts do not change the state."
    )
    claim_count = models.PositiveSmallIntegerField(
        default=0, help_text="Consecutive claims in the current state without an outcome."
    )
    download_failures = models.PositiveSmallIntegerField(default=0)
    unhandled_seconds = models.PositiveIntegerField(
        default=0,
        help_text="The time in which no worker handled it, which does not count towards its deadline.",
    )
    called_back_at = models.DateTimeField(
        null=True, blank=True, help_text="When a callback last made it due."
    )
    result_urls = models.JSONField(
        default=list, help_text="URLs of the finished pictures at the vendor; emptied at the end."
    )
    image_count = models.PositiveSmallIntegerField(default=0)
    keep_transcript = models.BooleanField(
        default=False, help_text="Whether exchanges with the vendor are kept even if TRANSCRIPT is False."
    )

    traceparent = models.CharField(
        max_length=55,
        blank=True,
        editable=False,
        help_text="The trace of the request that ordered it, in W3C's form, for `contrib.telemetry`.",
    )

    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)
    started_at = models.DateTimeField(_("sent"), null=True, blank=True)
    rendered_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(_("ended"), null=True, blank=True)
    expires_at = models.DateTimeField(_("deleted at"), null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = PrimaryManager.from_queryset(TryOnRequestQuerySet)()  # type: ignore[misc]  # see base.Model

    class Meta:
        verbose_name = _("try-on")
        verbose_name_plural = _("try-ons")
        permissions = [("operate", _("Can operate try-ons")), ("spend", _("Can start paid renders"))]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state=State.COMPLETED) | Q(image_count__gt=0), name="vton_completed_has_images"
            ),
            models.CheckConstraint(
                condition=Q(feedback="dislike") | Q(feedback_reason=""), name="vton_reason_needs_dislike"
            ),
            models.UniqueConstraint(
                fields=["shopper", "idempotency_key_hash"], name="vton_unique_idempotency_key"
            ),
        ]
        # Each index covers all columns of its query, since SQLite has no table statistics. With a shorter
        # index, it would read all rows of a state.
        indexes = [
            models.Index(fields=["state", "due_at"], name="vton_request_due"),
            models.Index(fields=["shopper", "-created_at"], name="vton_request_by_shopper"),
            models.Index(fields=["shopper", "state", "-created_at"], name="vton_request_shopper_state"),
            models.Index(fields=["cache_key", "state", "-created_at"], name="vton_request_by_cache_key"),
            models.Index(fields=["-created_at"], name="vton_request_newest"),
            # A partial index, since erased rows stay expired and the hourly purge would read all of them.
            models.Index(
                fields=["expires_at"], condition=Q(erased_at__isnull=True), name="vton_request_expires"
            ),
            models.Index(fields=["source", "state", "created_at"], name="vton_request_followers"),
            # The remaining indexes are for the admin's filters, in the order of its change list.
            models.Index(fields=["state", "-created_at"], name="vton_request_by_state"),
            models.Index(fields=["error_code", "state"], name="vton_request_by_error"),
            models.Index(fields=["engine", "-created_at"], name="vton_request_by_engine"),
            models.Index(fields=["photo", "-created_at"], name="vton_request_by_photo"),
            models.Index(fields=["product", "-created_at"], name="vton_request_by_product"),
        ]

    def __str__(self) -> str:
        return f"{self.product_title or self.product} ({str(self.pk)[:8]})"

    @property
    def shown_images(self) -> list[TryOnImage]:
        """Return the try-on's own images, or the images of the render that it shares."""
        source = self.source if self.source is not None else self
        return list(source.images.all())

    @property
    def shows_house_model(self) -> bool:
        """Return whether the images show a house model, which all staff may view.

        Return False if that is uncertain, because there is no owner and the photo is deleted.
        """
        shown = self.source if self.source is not None else self
        is_shared = shown.shared_key is not None or shown.batch_id is not None  # A rejected one has no key.
        is_house = is_shared or (shown.photo is not None and shown.photo.is_house)
        return shown.shopper_id is None and is_house

    @property
    def error_message(self) -> str:
        """Return the reason for the failure in the shopper's language; "" if the try-on did not fail."""
        if not self.error_code:
            return ""
        # A shop's own engine may have further codes.
        return str(RENDER_MESSAGES.get(self.error_code, RENDER_MESSAGES["vendor"]))


class TryOnImageQuerySet(models.QuerySet["TryOnImage"]):
    """Queries for the images that may be viewed."""

    def visible_to(self, shopper: Shopper | None) -> QuerySet[TryOnImage]:
        """Return the images that are published, belong to a try-on of this shopper, or are shared by one."""
        visible = Q(published_at__isnull=False)
        if shopper is not None:
            visible |= Q(request__shopper=shopper) | Q(request__followers__shopper=shopper)
        return self.filter(visible).distinct()

    def published_for(self, ref: str) -> QuerySet[TryOnImage]:
        """Return the published images of a product and its variants, newest first."""
        of_product = Q(publications__product=ref) | Q(publications__main_product=ref)
        return self.filter(of_product).order_by("-published_at").distinct()


class TryOnImage(Model):
    """A result image, as `images.normalize_result` encoded it."""

    class Flaw(models.TextChoices):
        """What the comparison with the photo found: see `images.flaws`."""

        UNCHANGED = "unchanged", _("the photo came back unchanged")
        FACE = "face", _("the face may be another one")
        BODY = "body", _("the body may have another shape")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(TryOnRequest, on_delete=models.CASCADE, related_name="images", db_index=False)
    position = models.PositiveSmallIntegerField(default=0)
    file = models.FileField(storage=private_storage, upload_to=result_path, max_length=200)
    thumbnail = models.FileField(storage=private_storage, upload_to=result_path, max_length=200)
    content_type = models.CharField(max_length=50)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    flaw = models.CharField(_("suspected flaw"), max_length=10, choices=Flaw, blank=True)
    published_at = models.DateTimeField(_("published"), null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    objects = PrimaryManager.from_queryset(TryOnImageQuerySet)()  # type: ignore[misc]  # see base.Model

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["request", "position"], name="vton_image_position")]

    def __str__(self) -> str:
        return str(self.pk)
