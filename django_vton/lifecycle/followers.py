"""Finish followers, which are try-ons that share the render of another try-on, the source.

A source can have thousands of followers, so it ends in a transaction without them. The process that ends the
source finishes a first batch of followers right after the commit. The schedule finishes the remaining
followers within about a minute, also after a crash, since it looks for queued followers of ended sources.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import IntegrityError
from django.db.models import CharField, DateTimeField, F, JSONField, QuerySet, Value

from .. import signals
from ..models import Attempt, TryOnEvent, TryOnRequest, VendorLink
from ..models.states import REOPENABLE_CODES, TERMINAL, Money, State
from ..utils import clock, database
from .transition import lock_rows, send_signal, settle, state_fields, transition

logger = logging.getLogger(__name__)

FIRST_BATCH = 200
"""The maximum number of followers that are finished right after their source, in the same process."""

BATCH = 500
"""The maximum number of followers that the schedule finishes, and therefore locks, in one transaction."""


def finish_followers_after_commit(sources: Sequence[TryOnRequest]) -> None:
    """After the commit of the transaction that ends these sources, finish their first followers."""
    waiting = TryOnRequest.objects.filter(source__in=sources, state=State.QUEUED).order_by()
    for source_pk in waiting.values_list("source__pk", flat=True).distinct() if sources else ():

        def finish_first(source_pk: UUID = source_pk) -> None:
            _finish_batch(source_pk, FIRST_BATCH)

        # A partial has no `__qualname__`, which Django logs if a robust callback fails.
        database.on_commit(finish_first, robust=True)


def fail(attempt: Attempt, event: str, code: str, money: Money, *, actor_id: Any = None) -> None:
    """Fail the attempt's locked try-on, settle the money, and finish the followers after the commit."""
    request = attempt.request
    transition([request], State.FAILED, event, attempts=[attempt], actor_id=actor_id, error_code=code)
    settle([attempt], money)
    VendorLink.objects.filter(attempt__request=request).delete()
    finish_followers_after_commit([request])
    send_signal(signals.tryon_failed, request, code=code)


def finish_followers(*, seconds: float = 20) -> int:
    """Finish queued followers of ended sources, for about `seconds`. Return the number of these followers."""
    ends = time.monotonic() + seconds
    waiting = TryOnRequest.objects.filter(state=State.QUEUED, due_at=None, source__state__in=TERMINAL)
    sources = list(waiting.order_by().values_list("source__pk", flat=True).distinct())
    random.shuffle(sources)  # In a fixed order, a source that fails would block the same sources each time.
    total = 0
    for source in sources:
        while finished := _finish_batch(source, BATCH):
            total += finished
            if time.monotonic() >= ends:
                return total
    return total


@database.retry
def _finish_batch(source_pk: UUID, size: int) -> int:
    """Finish up to `size` followers in one transaction. Return their number."""
    with database.atomic():
        # Lock the source before its followers, as everywhere, so that it is not reopened or erased meanwhile.
        source = lock_rows([source_pk])[source_pk]
        if source.state not in TERMINAL:
            return 0
        # A login can lock followers in another order. Skip them, since waiting could end in a deadlock.
        skip = database.connection().features.has_select_for_update_skip_locked
        waiting = source.followers.select_for_update(skip_locked=skip).filter(state=State.QUEUED)
        followers = list(waiting.order_by("created_at")[:size])
        if followers:
            complete_or_fail(followers, source)
        return len(followers)


def complete_or_fail(followers: Sequence[TryOnRequest], source: TryOnRequest) -> None:
    """End these queued followers like their locked source. Keep its images until all followers expire."""
    if source.state == State.COMPLETED:
        latest = max((it.expires_at for it in followers if it.expires_at is not None), default=None)
        if latest is not None:
            TryOnRequest.objects.filter(pk=source.pk, expires_at__lt=latest).update(expires_at=latest)
        transition(followers, State.COMPLETED, "shared", image_count=source.image_count)
        for follower in followers:
            send_signal(signals.tryon_completed, follower)
    else:
        transition(followers, State.FAILED, "source_ended", error_code=source.error_code or "vendor")
        for follower in followers:
            send_signal(signals.tryon_failed, follower, code=follower.error_code)


def reopen_followers(source: TryOnRequest, codes: Iterable[str] = REOPENABLE_CODES) -> None:
    """Queue again the followers that failed with this locked source, and let new try-ons share its render.

    Two statements update any number of followers without locking them first, since only a transaction that
    has locked the source changes a follower's state.
    """
    failed = source.followers.filter(state=State.FAILED, error_code__in=list(codes), erased_at=None)
    number = _record_events(failed, "source_reopened", State.FAILED, State.QUEUED)
    if number:
        failed.update(**state_fields(State.QUEUED), error_code="", finished_at=None)
        logger.info("try_on=%s event=source_reopened followers=%s", source.pk, number)
    if source.source_id is None and source.shows_house_model:
        share(source)


def change_followers_code(source: TryOnRequest, code: str) -> None:
    """Change the error code of the followers that failed with this locked source, whose adoption ends."""
    failed = source.followers.filter(state=State.FAILED, error_code=source.error_code)
    if _record_events(failed, "adoption_withdrawn", State.FAILED, State.FAILED):
        failed.update(error_code=code)


def share(render: TryOnRequest) -> None:
    """Let new try-ons share this house model's render, unless they share another one by now."""
    with suppress(IntegrityError), database.atomic():
        TryOnRequest.objects.filter(pk=render.pk, erased_at=None).update(shared_key=F("cache_key"))


def stop_sharing(renders: QuerySet[TryOnRequest]) -> None:
    """Let no new try-on share these renders. Try-ons that share them already keep their images."""
    renders.update(shared_key=None)


def _record_events(rows: QuerySet[TryOnRequest], name: str, before: State, target: State) -> int:
    """Add an event for each of these rows with one INSERT ... SELECT. Return the number of events."""
    event: dict[str, Any] = {
        "request_id": F("pk"),
        "at": Value(clock.now(), DateTimeField()),
        "name": Value(name, CharField()),
        "from_state": Value(before.value, CharField()),
        "to_state": Value(target.value, CharField()),
        "detail": Value({}, JSONField()),
    }
    quote = database.connection().ops.quote_name
    columns = ", ".join(map(quote, event))
    named = {f"event_{column}": value for column, value in event.items()}
    query, values = rows.order_by().annotate(**named).values_list(*named).query.sql_with_params()
    with database.connection().cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(TryOnEvent._meta.db_table)} ({columns}) {query}", values)
        return int(cursor.rowcount)
