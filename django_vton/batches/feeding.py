"""Feed running batches to the worker in steps. A step creates rows of products or releases one render.

A step releases a render only while few renders of batches are active, and only then reserves its price. So
waiting renders hold no budget and do not delay shoppers. Each step is one short transaction that checks the
batch's row, so it is safe if another feeder runs, the batch is paused or the process is killed. After a step,
the batch goes to the end of the line.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _

from .. import intake
from ..conf import config
from ..exceptions import BudgetExhausted, Refused
from ..intake import availability, product_checks
from ..lifecycle import CONNECTION_ERRORS
from ..models import Batch, BatchRender, PersonPhoto, TryOnRequest
from ..models.states import State
from ..products import DescribedProduct
from ..utils import clock, database
from . import rules
from .catalogue import CHUNK_SIZE, find_products, product_title
from .control import pause_without_house_model
from .releases import deactivate

logger = logging.getLogger(__name__)

MAX_QUEUED = 8
"""The maximum number of queued batch renders, so that shoppers wait less."""

MAX_CAPACITY_SHARE = 0.8
"""The share of CONCURRENCY that batches may use. The rest is left to shoppers."""

RECHECK_INTERVAL = timedelta(seconds=30)
"""The time until a postponed batch is tried again, since a cap might be raised or a pause might end."""

Status = BatchRender.Status


def has_work(now: datetime) -> bool:
    """Return whether a batch is due and capacity for its renders is free."""
    return Batch.objects.due(now).exists() and _free_capacity() > 0


def step() -> bool:
    """Advance the first due batch by one step. Return False if there is nothing to do now."""
    batch = Batch.objects.due(clock.now()).first()
    if batch is None:
        return False
    if batch.products_done == batch.product_count and _free_capacity() <= 0:
        return False
    try:
        _advance(batch)
    except CONNECTION_ERRORS:
        raise
    except Exception:
        logger.exception("Batch %s cannot continue, and will be tried again soon", batch.pk)
        _postpone(batch, Refused("unavailable"))
    return True


def _advance(batch: Batch) -> None:
    if batch.products_done < batch.product_count:
        _create_rows(batch)
        return
    waiting = batch.renders.filter(status=Status.WAITING).select_related("photo")
    render = waiting.order_by("position").first()
    if render is not None:
        _release(batch, render)
    else:
        # The filter on `due_at` leaves the batch due if a retry has put renders back in the meantime.
        Batch.objects.filter(pk=batch.pk, due_at=batch.due_at).update(due_at=None)


def _free_capacity() -> int:
    """Return how many more renders of batches may become active."""
    active = TryOnRequest.objects.active().filter(batch__isnull=False).order_by()
    by_state: dict[str, int] = dict(active.values_list("state").annotate(number=Count("pk")))
    free_in_queue = MAX_QUEUED - by_state.get(State.QUEUED, 0)
    max_active = max(1, int(MAX_CAPACITY_SHARE * config.CONCURRENCY))
    return min(free_in_queue, max_active - sum(by_state.values()))


def _has_paused_for(photos: Iterable[PersonPhoto]) -> bool:
    """Return whether the release of one of these house models has just ended, and pause its batches.

    The hourly task would be late: renders that are refused, or have no row, would have to be ordered again.
    """
    ended = [photo for photo in photos if photo.is_active and not photo.has_release]
    for photo in ended:
        deactivate(photo)
    return bool(ended)


def _create_rows(batch: Batch) -> None:
    """Create the rows of the next products, unless another feeder has just done so."""
    if _has_paused_for(batch.house_models.filter(is_active=True)):
        return
    refs = Batch.objects.values_list("products", flat=True).get(pk=batch.pk)
    refs = refs[batch.products_done : batch.products_done + CHUNK_SIZE]
    house_models = list(batch.house_models.active_house_models())
    if not house_models:
        pause_without_house_model(batch)
        return
    rows = _build_rows(batch, refs, house_models)
    products_done, next_position = batch.products_done + len(refs), batch.next_position + len(rows)
    running = Batch.objects.filter(pk=batch.pk, status=Batch.Status.RUNNING)
    with database.atomic():
        if running.filter(products_done=batch.products_done).update(
            products_done=products_done,
            next_position=next_position,
            total=next_position + (batch.product_count - products_done) * len(house_models),
            due_at=clock.now(),
        ):
            BatchRender.objects.bulk_create(rows, batch_size=500)


def _build_rows(batch: Batch, refs: Sequence[str], house_models: Sequence[PersonPhoto]) -> list[BatchRender]:
    found = find_products(refs)
    rows: list[BatchRender] = []
    for ref in refs:
        described = found.get(ref)
        title = product_title(described) if described else ""
        rows += [
            BatchRender(batch=batch, product=ref[:200], product_title=title, photo=photo)
            for photo in house_models
            if described is None or _suits(photo, described)
        ]
    for position, row in enumerate(rows, batch.next_position):
        row.position = position
    return rows


def _suits(photo: PersonPhoto, described: DescribedProduct) -> bool:
    """Return whether the house model is meant for this kind of product, such as glasses."""
    try:
        return photo.suits_kind(described.kind)
    except Exception:
        logger.exception("%s has no engine, because the shop's own code failed", described.ref)
        return True  # Create the row. The feeder will refuse it with the reason when it releases the render.


class LostRace(Exception):  # noqa: N818 - expected between two workers; nothing is wrong
    """The batch was paused, or another feeder has handled the render."""


def _release(batch: Batch, render: BatchRender) -> None:
    """Request one render, refuse it with a reason, or postpone the batch."""
    if render.photo is not None and _has_paused_for([render.photo]):
        return
    try:
        availability.require_enabled()
        availability.require_working()  # Otherwise a failing storage would look like an unusable product.
        prepared = _prepare(batch, render)
        if prepared is None:
            return
        row = prepared.row
        availability.require_engines([row.engine, *([row.other_engine] if row.other_engine else [])])
        with database.atomic():
            _update_waiting(batch, render, status=Status.REQUESTED)
            accepted = intake.request_render(prepared, batch=batch)
            rules.require_budget(batch, accepted.request)
            digest = prepared.row.product_digest
            BatchRender.objects.filter(pk=render.pk).update(
                request=accepted.request, product_digest=digest, is_outdated=False
            )
            product_checks.mark_if_changed(render.product, digest)
    except LostRace:
        return
    except Refused as refusal:
        _postpone(batch, refusal)


def _prepare(batch: Batch, render: BatchRender) -> intake.PreparedRender | None:
    """Prepare a render, which takes time. If it is impossible, mark it as refused and return None."""
    try:
        return intake.prepare_render(render.product, render.photo, batch.options)
    except Refused as refusal:
        if refusal.code == "unavailable":
            raise  # The batch is postponed.
        code, problem = refusal.code, str(refusal.detail)
    except CONNECTION_ERRORS:
        raise
    except Exception as error:
        logger.exception("%s cannot be tried on, because the shop's own code failed", render.product)
        code, problem = "product_not_enabled", _("The shop's own code failed: %(error)s") % {"error": error}
    with database.atomic():
        _update_waiting(batch, render, status=Status.REFUSED, refusal_code=code, problem=problem)
    return None


def _update_waiting(batch: Batch, render: BatchRender, **values: Any) -> None:
    """Update a waiting render, and put its running batch at the end of the line.

    Raise `LostRace` if the render does not wait any more or the batch is not running.
    """
    running = Batch.objects.filter(pk=batch.pk, status=Batch.Status.RUNNING)
    if not running.update(due_at=clock.now(), waiting_for="", waiting_until=None):
        raise LostRace
    if not BatchRender.objects.filter(pk=render.pk, status=Status.WAITING).update(**values):
        raise LostRace


def _postpone(batch: Batch, refusal: Refused) -> None:
    """Store why no render can be released. Try again after `RECHECK_INTERVAL` at the latest."""
    now = clock.now()
    until = None
    if isinstance(refusal, BudgetExhausted):
        until = now + timedelta(seconds=refusal.retry_after or 0)
    recheck_at = now + RECHECK_INTERVAL
    Batch.objects.filter(pk=batch.pk, status=Batch.Status.RUNNING).update(
        due_at=min(recheck_at, until or recheck_at), waiting_for=refusal.code, waiting_until=until
    )
