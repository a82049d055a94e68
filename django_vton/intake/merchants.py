"""The merchant's door: renders that belong to nobody, so that there is no quota and no consent of a shopper.

What is refused is refused in words for the merchant, who can do something about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import images, lifecycle, products
from ..conf import config
from ..exceptions import Refused
from ..gateway import engines
from ..models import PersonPhoto, TryOnRequest
from ..models.states import ACTIVE, TERMINAL, State
from ..queue import wake
from . import availability, product_images
from .rows import Accepted, fill_photo, new_row, new_shared_render, shared_render

if TYPE_CHECKING:
    from ..models import Batch


@dataclass(frozen=True)
class Prepared:
    """A render that could be asked for: all that takes time is done, and nothing is stored of it."""

    photo: PersonPhoto
    row: TryOnRequest
    """What would be stored."""
    price: int
    """What it costs where it is not there already, in micro-USD."""


def prepare_render(
    product: str, photo: PersonPhoto | None, options: Mapping[str, Mapping[str, Any]]
) -> Prepared:
    """Look at the product, its picture and the photo; `options` are by engine. Outside of any transaction.

    Raises Refused, whose `detail` tells the merchant why.
    """
    described = products.find(product)
    if described.image is None:
        raise Refused("product_not_enabled", product_images.problem_of(described))
    if not described.is_enabled:
        raise Refused("product_not_enabled", _("The shop has try-on switched off for this product."))
    if photo is None or not _is_usable(photo):
        raise Refused("photo_gone", _("This house model was deleted, or is not active."))
    if photo.is_house and not photo.suits_kind(described.kind):
        raise Refused("photo_refused", _("This house model does not suit this kind of product."))
    chosen = described.merchant_options(options.get(described.engine.name, {}))
    try:
        picture = product_images.prepare(described)
    except Refused as refusal:
        raise Refused(refusal.code, product_images.problem_of(described)) from refusal
    row = new_row(described, chosen, photo, picture)
    return Prepared(photo, row, engines.price(row.engine, row.options))


def request_render(prepared: Prepared, *, batch: Batch | None = None) -> Accepted:
    """Accept the render, or find the one that is there already and not paid again.

    Raises Refused where try-on is paused or the budget has no room: nothing is stored then. A `batch` is
    noted as the one that pays.
    """
    availability.require_open()
    with transaction.atomic():
        if not _is_usable(prepared.photo):
            raise Refused("photo_gone", _("This house model was deleted, or is not active."))
        like = prepared.row
        render = shared_render(like) if prepared.photo.is_house else _earlier(like)
        if render is None:

            def pay(render: TryOnRequest) -> None:
                lifecycle.accept(render, amount=prepared.price)

            if prepared.photo.is_house:
                render, _is_new = new_shared_render(like, pay, batch)
            else:
                render = like
                pay(render)
        transaction.on_commit(wake, robust=True)
    return Accepted(render, is_ready=render.state in TERMINAL)


def _is_usable(photo: PersonPhoto) -> bool:
    nobodys = Q(kind=PersonPhoto.Kind.OWN, shopper=None, expires_at__gt=timezone.now())
    house = Q(kind=PersonPhoto.Kind.HOUSE, is_active=True)
    return PersonPhoto.objects.filter(house | nobodys, pk=photo.pk).exists()


def _earlier(like: TryOnRequest) -> TryOnRequest | None:
    """The merchant asked for the very same before, and it runs or is there."""
    rows = TryOnRequest.objects.filter(cache_key=like.cache_key, state__in=[*ACTIVE, State.COMPLETED])
    # The rest is looked at here: SQLite would begin with what is NULL, which nearly all rows have somewhere.
    for row in rows.order_by("-created_at").iterator(chunk_size=100):
        if (row.shopper_id, row.source_id, row.shared_key, row.erased_at) == (None, None, None, None):
            return row
    return None


def own_photo(file: BinaryIO) -> PersonPhoto:
    """Store a photo that a merchant sends for one render. Raises `images.ImageRefused`.

    It belongs to nobody, is seen by those alone who may look at shoppers' photos, and goes by their clock.
    """
    picture = images.person_photo(file)
    expires_at = timezone.now() + config.PHOTO_RETENTION
    same = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN, shopper=None, digest=picture.digest)
    if (earlier := same.filter(expires_at__gt=timezone.now()).first()) is not None:
        return earlier
    row = PersonPhoto(expires_at=expires_at)
    fill_photo(row, picture)
    row.save(force_insert=True)
    return row
