"""Try-ons that share another's render end after it, in batches: there may be thousands of them.

A source's own end is committed without them. Right after that commit a first batch of them is finished, and
the schedule finishes the rest within a minute or so. Nothing else need remember them: a follower that is
queued though its source has ended says by itself what is to be done, also after a crash.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, connection, transaction
from django.db.models import CharField, DateTimeField, F, JSONField, Value
from django.utils import timezone

from .. import signals
from ..models import TryOnEvent, TryOnRequest, VendorLink
from ..models.states import REOPENABLE_CODES, TERMINAL, State
from .transition import at, record_all, send

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

logger = logging.getLogger(__name__)

FIRST_BATCH = 200
"""How many followers are finished right after their source, by the process that finished it."""

BATCH = 500
"""How many the schedule finishes in one transaction: their rows and the source are locked so long."""


def followers_end(source: TryOnRequest) -> None:
    """In the transaction that ends the source: finish the first of its followers after the commit."""
    if source.followers.filter(state=State.QUEUED).exists():
        finish_after_commit(source.pk)


def finish_after_commit(source_pk: UUID) -> None:
    """As `followers_end`, where the source is known to have followers that wait."""

    def finish_first() -> None:
        _finish_batch(source_pk, FIRST_BATCH)

    # Not a partial: Django's word of what failed in a robust hook begins with the function's name.
    transaction.on_commit(finish_first, robust=True)


def fail_with_followers(request: TryOnRequest) -> None:
    """What goes with every failure: links die, followers end, the shop is told."""
    VendorLink.objects.filter(attempt__request=request).delete()
    followers_end(request)
    send(signals.tryon_failed, request, code=request.error_code)


def finish_followers(*, seconds: float = 20) -> int:
    """Finish queued followers of ended sources, for at most `seconds`. Returns how many."""
    ends = time.monotonic() + seconds
    waiting = TryOnRequest.objects.filter(state=State.QUEUED, due_at=None, source__state__in=TERMINAL)
    sources = list(waiting.order_by().values_list("source__pk", flat=True).distinct())
    random.shuffle(sources)  # So that one that makes trouble does not keep the others waiting each time.
    total = 0
    for source in sources:
        while finished := _finish_batch(source, BATCH):
            total += finished
            if time.monotonic() >= ends:
                return total
    return total


def _finish_batch(source_pk: UUID, size: int) -> int:
    """Finish up to `size` followers in one transaction. Returns 0 if none is left to finish."""
    with transaction.atomic():
        # The source before its followers, as everywhere. Until the commit nobody reopens or erases it.
        sources = TryOnRequest.objects.select_for_update().filter(pk=source_pk, state__in=TERMINAL)
        source = sources.first()
        if source is None:
            return 0
        # A login may hold some of them in an order of its own: waiting for it could end in a deadlock.
        skip = connection.features.has_select_for_update_skip_locked
        waiting = source.followers.select_for_update(skip_locked=skip).filter(state=State.QUEUED)
        followers = list(waiting.order_by("created_at")[:size])
        return len(followers) if followers and finish(followers, source) else 0


def finish(followers: Sequence[TryOnRequest], source: TryOnRequest) -> bool:
    """Complete or fail these followers. Returns False, with nothing changed, if one has moved.

    The caller's transaction holds the source, whose images are kept as long as the last follower's.
    """
    is_completed = source.state == State.COMPLETED
    if is_completed:
        moved = at(State.COMPLETED) | {"image_count": source.image_count}
    else:
        moved = at(State.FAILED) | {"error_code": source.error_code or "vendor"}
    rows = TryOnRequest.objects.filter(pk__in=[follower.pk for follower in followers], state=State.QUEUED)
    if rows.update(**moved) != len(followers):
        transaction.set_rollback(True)
        return False
    if is_completed:
        _keep_until(source, followers)
        record_all(followers, "shared", State.QUEUED, moved)
        for follower in followers:
            send(signals.tryon_completed, follower)
    else:
        record_all(followers, "source_ended", State.QUEUED, moved)
        for follower in followers:
            send(signals.tryon_failed, follower, code=follower.error_code)
    return True


def _keep_until(source: TryOnRequest, followers: Sequence[TryOnRequest]) -> None:
    latest = max((it.expires_at for it in followers if it.expires_at is not None), default=None)
    if latest is not None:
        TryOnRequest.objects.filter(pk=source.pk, expires_at__lt=latest).update(expires_at=latest)


def reopened(request: TryOnRequest, codes: Iterable[str] = REOPENABLE_CODES) -> None:
    """Queue the followers again that failed with this source, and let new try-ons share it.

    Two statements, however many they are. Nobody else moves them meanwhile: the caller holds their source.
    """
    failed = request.followers.filter(state=State.FAILED, error_code__in=list(codes), erased_at=None)
    number = _record_rows(failed, "source_reopened", State.FAILED, State.QUEUED)
    if number:
        failed.update(**at(State.QUEUED), error_code="", finished_at=None)
        logger.info("try_on=%s event=source_reopened followers=%s", request.pk, number)
    if request.source_id is None and request.shows_house_model:
        # Unless somebody had it rendered anew meanwhile.
        with suppress(IntegrityError), transaction.atomic():
            TryOnRequest.objects.filter(pk=request.pk).update(shared_key=request.cache_key)


def _record_rows(moving: QuerySet[TryOnRequest], name: str, before: State, target: State) -> int:
    """An event for each of these rows, in one statement that reads the rows itself; how many."""
    event: dict[str, Any] = {
        "request_id": F("pk"),
        "at": Value(timezone.now(), DateTimeField()),
        "name": Value(name, CharField()),
        "from_state": Value(before.value, CharField()),
        "to_state": Value(target.value, CharField()),
        "detail": Value({}, JSONField()),
    }
    quote = connection.ops.quote_name
    columns = ", ".join(map(quote, event))
    named = {f"event_{column}": value for column, value in event.items()}
    rows, values = moving.order_by().annotate(**named).values_list(*named).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(TryOnEvent._meta.db_table)} ({columns}) {rows}", values)
        return int(cursor.rowcount)
