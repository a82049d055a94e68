"""Accept renders for merchants. No shopper owns these renders, so they need no quota and no consent.

Refusals tell the merchant the cause, since the merchant can fix it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from django.db.models import Q
from django.utils.translation import gettext as _

from .. import images, lifecycle, privacy, products
from ..exceptions import Refused
from ..gateway import engines
from ..models import Batch, PersonPhoto, TryOnRequest
from ..models.photos import is_usable_house_model
from ..models.states import ACTIVE, TERMINAL, State
from ..queue import wake
from ..utils import clock, database
from . import availability, product_images
from .rows import (
    AcceptedRequest,
    build_request,
    create_shared_render,
    equal_render_keys,
    find_shared_render,
    save_photo_files,
)


@dataclass(frozen=True)
class PreparedRender:
    """A validated render that is not stored yet."""

    photo: PersonPhoto
    row: TryOnRequest
    """The unsaved request."""
    price: int
    """The price in micro-USD. It is paid only if no equal render exists."""


def prepare_render(
    product: str, photo: PersonPhoto | None, options: Mapping[str, Mapping[str, Any]]
) -> PreparedRender:
    """Validate a render and prepare its product image. Call this outside of transactions, since it is slow.

    `product` is a reference. `options` are the engines' options by engine name. Raise `Refused` if the render
    is not possible.
    """
    described = products.find(product)
    if described.image is None:
        raise Refused("product_not_enabled", product_images.describe_problem(described))
    if not described.is_enabled:
        raise Refused("product_not_enabled", _("The shop has try-on switched off for this product."))
    if photo is None or not _is_usable(photo):
        raise Refused(
            "photo_gone", _("This house model was deleted, is not active, or its release has ended.")
        )
    if photo.is_house and not photo.suits_kind(described.kind):
        raise Refused("photo_refused", _("This house model does not suit this kind of product."))
    requested = options.get(described.engine.name, {})
    chosen = described.clean_merchant_options(requested)
    try:
        product_image = product_images.prepare(described)
    except Refused as refusal:
        if refusal.code == "unavailable":  # The storage fails, and the image may be usable.
            raise
        raise Refused(refusal.code, product_images.describe_problem(described)) from refusal
    row = build_request(described, chosen, requested, photo, product_image, by_engine=options)
    return PreparedRender(photo, row, engines.price(row.engine, row.options))


@database.retry
def request_render(
    prepared: PreparedRender, *, batch: Batch | None = None, is_new: bool = False
) -> AcceptedRequest:
    """Accept the render. If an equal render exists, return that render instead, and pay nothing.

    With `is_new`, pay for another render, which no other try-on shares. `batch` is recorded as the batch that
    pays. Raise `Refused`, and store nothing, if try-on is paused, the budget is exhausted or the photo is
    gone.
    """
    availability.require_enabled()
    with database.atomic():
        if not _is_usable(prepared.photo):
            raise Refused(
                "photo_gone", _("This house model was deleted, is not active, or its release has ended.")
            )
        request = prepared.row
        is_shared = prepared.photo.is_house and not is_new
        render = None
        if not is_new:
            render = find_shared_render(request) if is_shared else _find_earlier(request)
        if render is None:

            def pay(render: TryOnRequest) -> None:
                lifecycle.accept(render, amount=prepared.price)

            if is_shared:
                render, _was_new = create_shared_render(request, pay, batch)
            else:
                render = request
                pay(render)
        database.on_commit(wake, robust=True)
    return AcceptedRequest(render, is_ready=render.state in TERMINAL)


def _is_usable(photo: PersonPhoto) -> bool:
    merchants = Q(kind=PersonPhoto.Kind.OWN, shopper=None, expires_at__gt=clock.now())
    return PersonPhoto.objects.filter(is_usable_house_model() | merchants, pk=photo.pk).exists()


def _find_earlier(request: TryOnRequest) -> TryOnRequest | None:
    """Return the newest equal render for a merchant, running or completed, or None."""
    equal = TryOnRequest.objects.filter(cache_key__in=equal_render_keys(request))
    rows = equal.filter(state__in=[*ACTIVE, State.COMPLETED])
    rows = rows.exclude(photo__kind=PersonPhoto.Kind.HOUSE)  # It is shared, or was rejected.
    # Check the other conditions in Python, since SQLite would use a slow index for conditions on NULL.
    for row in rows.order_by("-created_at").iterator(chunk_size=100):
        if (row.shopper_id, row.source_id, row.shared_key, row.erased_at) == (None, None, None, None):
            return row
    return None


def store_merchant_photo(file: BinaryIO) -> PersonPhoto:
    """Store a photo for a merchant's render, unless the same photo is stored already. Return its row.

    The photo expires like shoppers' photos. Raise `images.ImageRefused` if the photo cannot be used.
    """
    image = images.normalize_person_photo(file)
    expires_at = privacy.photo_expires_at()
    same = PersonPhoto.objects.filter(kind=PersonPhoto.Kind.OWN, shopper=None, digest=image.digest)
    if (earlier := same.filter(expires_at__gt=clock.now()).first()) is not None:
        return earlier
    row = PersonPhoto(expires_at=expires_at)
    save_photo_files(row, image)
    row.save(force_insert=True)
    return row
