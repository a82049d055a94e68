"""Render the rejected renders of a batch again, as a new batch with its own price."""

from __future__ import annotations

import random
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet
from django.utils.translation import gettext as _

from ..gateway.engines import engines
from ..models import Batch, BatchRender, PersonPhoto
from ..utils import database
from .drafts import Options, draft

SEED = "seed"
"""The name of the option, if an engine has it, that makes another picture of the same images."""

MAX_SEED = 2**31 - 1


def rerenderable(batch: Batch) -> QuerySet[BatchRender]:
    """Return the rejected renders that no later batch renders again, and whose house model may be used."""
    again = BatchRender.objects.filter(
        batch__repeats=OuterRef("batch"), product=OuterRef("product"), photo=OuterRef("photo")
    )
    usable = PersonPhoto.objects.active_house_models().order_by()
    rejected = batch.renders.filter(review=BatchRender.Review.REJECTED, photo__in=usable)
    return rejected.filter(~Exists(again.exclude(status=BatchRender.Status.DROPPED))).order_by("position")


@database.retry
def rerender(batch: Batch, *, options: Options | None = None, user: Any = None) -> Batch | None:
    """Create a draft that renders what was rejected again. Return None if nothing is left to render again.

    The draft costs nothing until `confirm` starts it. `options` are added to those of the batch. An engine
    with a seed gets another one.
    """
    with database.atomic():
        # Lock the batch, so that two clicks do not create two drafts.
        Batch.objects.filter(pk=batch.pk).update(total=F("total"))
        rejected = list(rerenderable(batch).select_related("photo"))
        if not rejected:
            return None
        name = _("%(batch)s: rejected renders")[:200] % {"batch": str(batch)[:150]}
        merged = {
            engine: {**batch.options.get(engine, {}), **_new_seed(engine), **(options or {}).get(engine, {})}
            for engine in engines()
        }
        new = draft(
            [render.product for render in rejected],
            {render.photo for render in rejected if render.photo is not None},
            options={engine: chosen for engine, chosen in merged.items() if chosen},
            name=name,
            user=user,
        )
        new.repeats, new.total, new.next_position = batch, len(rejected), len(rejected)
        new.save(update_fields=["repeats", "total", "next_position"])
        BatchRender.objects.bulk_create(
            (
                BatchRender(
                    batch=new,
                    position=position,
                    product=render.product,
                    product_title=render.product_title,
                    photo=render.photo,
                )
                for position, render in enumerate(rejected)
            ),
            batch_size=500,
        )
    return new


def _new_seed(engine: str) -> dict[str, Any]:
    for option in engines()[engine].options:
        if option.name == SEED and option.kind == "integer":
            maximum = MAX_SEED if option.maximum is None else int(option.maximum)
            return {SEED: random.randint(int(option.minimum or 0), maximum)}  # noqa: S311 - not a secret
    return {}
