"""Pause, go on, stop, try again. Each takes effect between two renders, never within one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from .. import lifecycle
from ..models import Batch, BatchRender, TryOnRequest
from ..models.states import State
from ..queue import wake
from .catalogue import chunks

if TYPE_CHECKING:
    from django.db.models import QuerySet

Status = Batch.Status
RenderStatus = BatchRender.Status


def pause(batch: Batch) -> bool:
    """Nothing more is released; what is in flight ends as usual. False where it does not run."""
    return _move(batch, [Status.RUNNING], Status.PAUSED)


def resume(batch: Batch) -> bool:
    """Go on where it stopped; False where it is not paused."""
    return _move(batch, [Status.PAUSED], Status.RUNNING)


def _move(batch: Batch, sources: list[Batch.Status], target: Batch.Status) -> bool:
    due_at = timezone.now() if target == Status.RUNNING else None
    with transaction.atomic():
        moved = Batch.objects.filter(pk=batch.pk, status__in=sources).update(
            status=target, due_at=due_at, waits_for="", waits_until=None
        )
        if moved and due_at is not None:
            transaction.on_commit(wake, robust=True)
    batch.refresh_from_db()
    return bool(moved)


def cancel(batch: Batch, *, user: Any = None) -> bool:
    """Drop the rest, for good: False where it has been dropped already.

    What waits costs nothing, nor does what is queued and nobody else waits for. What the vendor has ends,
    and is kept.
    """
    with transaction.atomic():
        if not _move(batch, [Status.DRAFT, Status.RUNNING, Status.PAUSED], Status.CANCELED):
            return False
        batch.renders.filter(status=RenderStatus.WAITING).update(status=RenderStatus.DROPPED)
    queued = TryOnRequest.objects.filter(batch=batch, state=State.QUEUED)
    for request in queued:
        lifecycle.cancel_unwanted(request, actor_id=getattr(user, "pk", None))
    return True


def retryable(batch: Batch, *, in_doubt: bool = False) -> QuerySet[BatchRender]:
    """What failed, or was not possible. One in doubt may have been charged: only where it is asked for."""
    refused = batch.renders.filter(status=RenderStatus.REFUSED)
    failed = batch.renders.filter(status=RenderStatus.ASKED, request__state=State.FAILED)
    if not in_doubt:
        failed = failed.exclude(request__error_code="outcome_unknown")
    return refused | failed


def retry(batch: Batch, *, in_doubt: bool = False) -> int:
    """Let what failed wait once more; how many. Each is a new render, and is paid anew.

    A render in doubt is left to an operator, unless `in_doubt` asks for it: it may have been charged. A
    canceled batch tries nothing again.
    """
    with transaction.atomic():
        running = Batch.objects.filter(pk=batch.pk, status=Status.RUNNING)
        is_running = running.update(due_at=timezone.now())
        if not is_running and not Batch.objects.filter(pk=batch.pk, status=Status.PAUSED).exists():
            return 0
        again = list(retryable(batch, in_doubt=in_doubt).values_list("pk", flat=True))
        for some in chunks(again):
            BatchRender.objects.filter(pk__in=some).update(
                status=RenderStatus.WAITING, request=None, refusal="", problem="", review=""
            )
        transaction.on_commit(wake, robust=True)
    batch.refresh_from_db()
    return len(again)
