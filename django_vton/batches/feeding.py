"""What a running batch gets, step by step: its rows, then a few renders at a time.

Waiting renders hold no money and stand in no shopper's way: a step releases one where few of the batches'
are in flight, and sets its money aside then. Each step is one short transaction behind the batch's row, so
that it is safe beside another feeder, a pause or a kill. A step on one batch sends it to the end of the line.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, InternalError, OperationalError, transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import intake
from ..conf import config
from ..exceptions import BudgetExhausted, Refused
from ..intake import availability
from ..models import Batch, BatchRender, TryOnRequest
from ..models.states import State
from .catalogue import CHUNK, look_up, title

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ..models import PersonPhoto
    from ..products import Described

logger = logging.getLogger(__name__)

AHEAD = 2
"""For each submit that may go at once, so many renders of batches are queued: a shopper waits for no more."""

SHARE = 0.8
"""Of all that a pump may do at once: the rest is left to shoppers."""

LOOK_AGAIN = timedelta(seconds=30)
"""A batch that is held looks so often whether it still is: a cap was raised, or a pause is over."""

AWAY = (OperationalError, InterfaceError, InternalError)
"""The database may be back in a moment, and no product is to blame."""

Status = BatchRender.Status


def has_work(now: datetime) -> bool:
    """Whether a step would do anything now."""
    return Batch.objects.due(now).exists() and _places() > 0


def step() -> bool:
    """Bring the first batch in the line on by one step; False where there is nothing to do now."""
    batch = Batch.objects.due(timezone.now()).first()
    if batch is None:
        return False
    if batch.cursor == batch.product_count and _places() <= 0:
        return False
    try:
        _step(batch)
    except AWAY:
        raise
    except Exception:
        logger.exception("Batch %s cannot go on; it looks again before long", batch.pk)
        _hold(batch, Refused("unavailable"))
    return True


def _step(batch: Batch) -> None:
    if batch.cursor < batch.product_count:
        _write_rows(batch)
        return
    waiting = batch.renders.filter(status=Status.WAITING).select_related("photo")
    render = waiting.order_by("position").first()
    if render is None:
        # Unless something was put back meanwhile.
        Batch.objects.filter(pk=batch.pk, due_at=batch.due_at).update(due_at=None)
    else:
        _ask(batch, render)


def _places() -> int:
    """How many more renders the batches may have in flight, all together."""
    flying = TryOnRequest.objects.active().filter(batch__isnull=False).order_by()
    by_state: dict[str, int] = dict(flying.values_list("state").annotate(number=Count("pk")))
    queued = AHEAD * config.SUBMIT_CONCURRENCY - by_state.get(State.QUEUED, 0)
    return min(queued, max(1, int(SHARE * config.CONCURRENCY)) - sum(by_state.values()))


# Rows -----------------------------------------------------------------------------------------------


def _write_rows(batch: Batch) -> None:
    """The rows of the next products: rows and cursor in one transaction, which only one feeder can make."""
    refs = Batch.objects.values_list("products", flat=True).get(pk=batch.pk)
    refs = refs[batch.cursor : batch.cursor + CHUNK]
    house_models = list(batch.house_models.house())
    rows = _rows(batch, refs, house_models)
    cursor, written = batch.cursor + len(refs), batch.written + len(rows)
    with transaction.atomic():
        mine = Batch.objects.filter(pk=batch.pk, status=Batch.Status.RUNNING, cursor=batch.cursor)
        if mine.update(
            cursor=cursor,
            written=written,
            total=written + (batch.product_count - cursor) * len(house_models),
            due_at=timezone.now(),
        ):
            BatchRender.objects.bulk_create(rows, batch_size=500)


def _rows(batch: Batch, refs: Sequence[str], house_models: Sequence[PersonPhoto]) -> list[BatchRender]:
    found = look_up(refs)
    rows: list[BatchRender] = []
    for ref in refs:
        described = found.get(ref)
        name = title(described) if described else ""
        rows += [
            BatchRender(batch=batch, product=ref[:200], product_title=name, photo=photo)
            for photo in house_models
            if described is None or _suits(photo, described)
        ]
    for position, row in enumerate(rows, batch.written):
        row.position = position
    return rows


def _suits(photo: PersonPhoto, described: Described) -> bool:
    """Glasses are not tried on where only garments were meant."""
    try:
        return photo.suits_kind(described.kind)
    except Exception:
        logger.exception("%s has no engine: the shop's own code failed", described.ref)
        return True  # Its row says so, when its turn comes.


# Renders --------------------------------------------------------------------------------------------


class Late(Exception):  # noqa: N818 - it says what happened, and nothing is wrong
    """The batch was paused, or another feeder was faster."""


def _ask(batch: Batch, render: BatchRender) -> None:
    """Release one render, refuse it in words, or hold the batch."""
    try:
        availability.require_open()
        prepared = _prepare(batch, render)
        if prepared is None:
            return
        with transaction.atomic():
            _take(batch, render, status=Status.ASKED)
            accepted = intake.request_render(prepared, batch=batch)
            BatchRender.objects.filter(pk=render.pk).update(request=accepted.request)
    except Late:
        return
    except Refused as refusal:
        _hold(batch, refusal)


def _prepare(batch: Batch, render: BatchRender) -> intake.Prepared | None:
    """What takes time, outside of the transaction. One that cannot be is refused, and the others go on."""
    try:
        return intake.prepare_render(render.product, render.photo, batch.options)
    except Refused as refusal:
        code, problem = refusal.code, str(refusal.detail)
    except AWAY:
        raise
    except Exception as trouble:
        logger.exception("%s cannot be tried on: the shop's own code failed", render.product)
        code, problem = "product_not_enabled", _("The shop's own code failed: %(error)s") % {"error": trouble}
    with transaction.atomic():
        _take(batch, render, status=Status.REFUSED, refusal=code, problem=problem)
    return None


def _take(batch: Batch, render: BatchRender, **values: Any) -> None:
    """Write what becomes of a waiting render, while its batch runs. Raises Late."""
    running = Batch.objects.filter(pk=batch.pk, status=Batch.Status.RUNNING)
    if not running.update(due_at=timezone.now(), waits_for="", waits_until=None):
        raise Late
    if not BatchRender.objects.filter(pk=render.pk, status=Status.WAITING).update(**values):
        raise Late


def _hold(batch: Batch, refusal: Refused) -> None:
    """Nothing of it can go now. It looks again before long; of a budget it is known when it begins anew."""
    now = timezone.now()
    until = None
    if isinstance(refusal, BudgetExhausted):
        until = now + timedelta(seconds=refusal.retry_after or 0)
    Batch.objects.filter(pk=batch.pk, status=Batch.Status.RUNNING).update(
        due_at=min(now + LOOK_AGAIN, until or now + LOOK_AGAIN), waits_for=refusal.code, waits_until=until
    )
