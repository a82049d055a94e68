"""Pause, resume, cancel and retry batches. These actions do not interrupt a render that is at the vendor."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from .. import lifecycle
from ..models import Batch, BatchRender, PersonPhoto, TryOnRequest
from ..models.states import State
from ..queue import wake
from ..utils import clock, database
from . import notices
from .catalogue import chunks
from .progress import progress

Status = Batch.Status
RenderStatus = BatchRender.Status

HOUSE_MODEL_INACTIVE = "house_model_inactive"
"""Why a batch is paused, in `waiting_for`: one of its house models may not be used any more."""


def pause(batch: Batch) -> bool:
    """Release no more renders; running renders end as usual. Return False if the batch is not running."""
    return _set_status(batch, [Status.RUNNING], Status.PAUSED)


def resume(batch: Batch) -> bool:
    """Continue a paused batch. Return False if it is not paused."""
    return _set_status(batch, [Status.PAUSED], Status.RUNNING)


def pause_for_house_model(photo: PersonPhoto) -> list[Batch]:
    """Pause the running batches that still need a house model that was deactivated. Return them."""
    waiting = BatchRender.objects.filter(batch=OuterRef("pk"), photo=photo, status=RenderStatus.WAITING)
    is_waiting = Q(Exists(waiting)) | Q(products_done__lt=F("product_count"))
    running = Batch.objects.filter(is_waiting, status=Status.RUNNING, house_models=photo).defer("products")
    return [batch for batch in running if pause_without_house_model(batch)]


def pause_without_house_model(batch: Batch) -> bool:
    """Pause a batch because a house model may not be used any more. Return False if it is not running."""
    return _set_status(batch, [Status.RUNNING], Status.PAUSED, HOUSE_MODEL_INACTIVE)


@database.retry
def _set_status(batch: Batch, sources: list[Batch.Status], target: Batch.Status, reason: str = "") -> bool:
    due_at = clock.now() if target == Status.RUNNING else None
    with database.atomic():
        changed = Batch.objects.filter(pk=batch.pk, status__in=sources).update(
            status=target, due_at=due_at, waiting_for=reason, waiting_until=None
        )
        if changed and due_at is not None:
            database.on_commit(wake, robust=True)
    batch.refresh_from_db()
    return bool(changed)


def cancel(batch: Batch, *, user: Any = None) -> bool:
    """Drop the remaining renders for good. Return False if the batch is canceled already, or finished.

    Waiting renders cost nothing. Queued renders are canceled free of charge, unless a shopper or another
    batch waits for them. Renders that were sent to the vendor are finished and kept.
    """
    is_draft = Batch.objects.filter(pk=batch.pk, status=Status.DRAFT).exists()
    if not is_draft and progress(batch).is_finished:
        return False
    if not _cancel(batch):
        return False
    for request in TryOnRequest.objects.filter(batch=batch, state=State.QUEUED):
        lifecycle.cancel_if_unwanted(request, actor_id=getattr(user, "pk", None))
    return True


@database.retry
def _cancel(batch: Batch) -> bool:
    with database.atomic():
        if not _set_status(batch, [Status.DRAFT, Status.RUNNING, Status.PAUSED], Status.CANCELED):
            return False
        batch.renders.filter(status=RenderStatus.WAITING).update(status=RenderStatus.DROPPED)
        batch.notices.all().delete()
    return True


def retryable(batch: Batch, *, include_unknown: bool = False) -> QuerySet[BatchRender]:
    """Return the failed and the refused renders that may be rendered again.

    Leave out renders with an unknown outcome, which may have been charged, unless `include_unknown` is set.
    """
    refused = batch.renders.filter(status=RenderStatus.REFUSED)
    failed = batch.renders.filter(status=RenderStatus.REQUESTED, request__state=State.FAILED)
    if not include_unknown:
        failed = failed.exclude(request__error_code="outcome_unknown")
    return refused | failed


@database.retry
def retry(batch: Batch, *, include_unknown: bool = False) -> int:
    """Put the renders of `retryable()` back into a running or paused batch, and return their number.

    A retried render is paid even if the failed render was charged.
    """
    with database.atomic():
        running = Batch.objects.filter(pk=batch.pk, status=Status.RUNNING)
        is_running = running.update(due_at=clock.now())
        if not is_running and not Batch.objects.filter(pk=batch.pk, status=Status.PAUSED).exists():
            return 0
        pks = list(retryable(batch, include_unknown=include_unknown).values_list("pk", flat=True))
        for some in chunks(pks):
            BatchRender.objects.filter(pk__in=some).update(
                status=RenderStatus.WAITING,
                request=None,
                refusal_code="",
                problem="",
                review="",
                rejection_reason="",
                confirmed_by=None,
                confirmed_at=None,
            )
        if pks:
            notices.expect(batch)
        database.on_commit(wake, robust=True)
    batch.refresh_from_db()
    return len(pks)
