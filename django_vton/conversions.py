"""From a try-on into the basket and to the order: two calls for the shop's own code.

`added` where a product goes into the basket, `purchased` where the order is placed or paid. They write at
most one row for each line, count a doubled call once, and never fail: a basket matters more than a figure.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from . import signals
from .exceptions import ProductNotRegistered
from .lifecycle.transition import send
from .models import Conversion, TryOnRequest
from .models.states import State
from .products import reference as reference_of
from .products import tryon_for
from .shoppers import Visitor
from .utils.tokens import hash_token

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest

logger = logging.getLogger(__name__)

ATTRIBUTION = timedelta(days=30)
"""So long after a try-on is what its shopper does with the product put down to it."""

LONGEST = 200
"""Characters of a reference or an order, as the columns have them."""


def added(request: HttpRequest, product: Model, reference: str | int = "") -> None:
    """The visitor puts a product into the basket. Nothing happens where they did not try it on.

    `reference` is the shop's own name of the basket's line, unique in the shop; with it, `purchased` finds
    the try-on again without a request. Call it inside the shop's own transaction, or outside of any.
    """
    try:
        if (mine := _of(request)) is not None:
            with transaction.atomic():
                _added(mine, product, _text(reference))
    except Exception:
        logger.exception("A product in the basket was not counted for its try-on.")


def purchased(request: HttpRequest | None = None, reference: str | int = "", order: str | int = "") -> None:
    """What was added is bought: the line of that reference, or else all that this visitor has added.

    With a reference no request is needed: a payment provider's webhook has none of the shopper's. `order` is
    the shop's number of the order, for its own receivers of `tryon_converted`.
    """
    try:
        with transaction.atomic():
            _purchased(request, _text(reference), _text(order))
    except Exception:
        logger.exception("A purchase was not counted for its try-ons.")


def _added(mine: Q, product: Model, reference: str) -> None:
    try:
        main = tryon_for(type(product)).get_main(product) or product
    except ProductNotRegistered:
        return
    ref = reference_of(product)
    same = Q(product=ref) | Q(main_product=reference_of(main))
    tried = TryOnRequest.objects.filter(same, mine, state=State.COMPLETED, created_at__gte=_since())
    newest = tried.order_by("-created_at").only("pk", "product", "state").first()
    if newest is not None:
        _count(Conversion(request=newest, kind=Conversion.Kind.ADDED, product=ref, reference=reference))


def _purchased(request: HttpRequest | None, reference: str, order: str) -> None:
    rows: QuerySet[Conversion] = Conversion.objects.filter(kind=Conversion.Kind.ADDED, request__isnull=False)
    if reference:
        found = rows.filter(reference=reference).order_by("-at")[:1]
    elif request is not None and (mine := _of(request, "request__")) is not None:
        found = rows.filter(mine, at__gte=_since())
    else:
        return
    for row in found.select_related("request"):
        _count(
            Conversion(
                request=row.request,
                kind=Conversion.Kind.PURCHASED,
                product=row.product,
                reference=_text(row.reference),
                order=order,
            )
        )


def _text(name: str | int | None) -> str:
    """As the column holds it: a shop's numbers are often numbers until they are stored."""
    return "" if name is None else str(name)[:LONGEST]


def _since() -> Any:
    return timezone.now() - ATTRIBUTION


def _of(request: HttpRequest, path: str = "") -> Q | None:
    """What belongs to this visitor; None for somebody who never tried anything on. Nothing is stored."""
    visitor = Visitor.of(request)
    mine = None
    if visitor.user_id is not None:
        mine = Q(**{f"{path}shopper__user": visitor.user_id})
    elif visitor.token:
        mine = Q(**{f"{path}shopper__token_hash": hash_token(visitor.token)})
    if visitor.phone is not None:
        by_phone = Q(**{f"{path}pk__in": visitor.phone.try_ons.values("pk")})
        mine = by_phone if mine is None else mine | by_phone
    return mine


def _count(row: Conversion) -> None:
    """Once, however often it is told."""
    assert row.request is not None
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return
    send(
        signals.tryon_converted,
        row.request,
        kind=str(row.kind),
        reference=row.reference,
        order=row.order,
    )
