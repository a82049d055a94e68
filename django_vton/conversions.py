"""Count conversions, from try-on to cart to order, with two calls in the shop's own code.

Call `added` when a product is added to the cart, and `purchased` when the order is placed or paid. Repeated
calls count once. Neither function ever raises an error, since sales matter more than statistics.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from . import signals
from .exceptions import ProductNotRegistered
from .lifecycle.transition import send_signal
from .models import Conversion, TryOnRequest
from .models.states import State
from .products import reference as reference_of
from .products import tryon_for
from .shoppers import Visitor
from .utils import clock, database
from .utils.robust import robust

ATTRIBUTION_WINDOW = timedelta(days=30)
"""The time after a try-on in which a cart addition or purchase is attributed to it."""

MAX_LENGTH = 200
"""The maximum length of a reference or an order number in the database."""


def added(request: HttpRequest, product: Model, reference: str | int = "") -> None:
    """Record that the visitor added a product to the cart, if the visitor has tried it on.

    `reference` is the shop's own identifier of the cart line, unique in the shop. With it, `purchased` finds
    the try-on without a request. This may be called inside or outside of a transaction.
    """
    with robust("A cart addition could not be recorded."):
        _added(request, product, _column_text(reference))


def purchased(request: HttpRequest | None = None, reference: str | int = "", order: str | int = "") -> None:
    """Record the purchase of the cart line with this reference, or of everything that the visitor added.

    With a reference, no request is needed, since a payment provider's webhook is not the shopper's request.
    `order` is the shop's order number, which is passed to receivers of `tryon_converted`.
    """
    with robust("A purchase could not be recorded."):
        _purchased(request, _column_text(reference), _column_text(order))


@database.retry
def _added(request: HttpRequest, product: Model, reference: str) -> None:
    try:
        main = tryon_for(type(product)).get_main(product) or product
    except ProductNotRegistered:
        return
    ref = reference_of(product)
    same = Q(product=ref) | Q(main_product=reference_of(main))
    own = Visitor.from_request(request).accessible_try_ons
    tried = TryOnRequest.objects.filter(same, own, state=State.COMPLETED, created_at__gte=_since())
    newest = tried.order_by("-created_at").only("pk", "product", "state").first()
    if newest is not None:
        _save_once(Conversion(request=newest, kind=Conversion.Kind.ADDED, product=ref, reference=reference))


@database.retry
def _purchased(request: HttpRequest | None, reference: str, order: str) -> None:
    rows: QuerySet[Conversion] = Conversion.objects.filter(kind=Conversion.Kind.ADDED, request__isnull=False)
    if reference:
        added = rows.filter(reference=reference).order_by("-at")[:1]
    elif request is not None:
        own = TryOnRequest.objects.filter(Visitor.from_request(request).accessible_try_ons)
        added = rows.filter(request__in=own, at__gte=_since())
    else:
        return
    for row in added.select_related("request"):
        _save_once(
            Conversion(
                request=row.request,
                kind=Conversion.Kind.PURCHASED,
                product=row.product,
                reference=_column_text(row.reference),
                order=order,
            )
        )


def _column_text(value: str | int | None) -> str:
    """Return the value as the column stores it. Shops often pass numbers."""
    return "" if value is None else str(value)[:MAX_LENGTH]


def _since() -> datetime:
    return clock.now() - ATTRIBUTION_WINDOW


def _save_once(row: Conversion) -> None:
    """Save the row and send the signal, unless an equal row exists."""
    assert row.request is not None
    try:
        with database.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        return
    send_signal(
        signals.tryon_converted, row.request, kind=str(row.kind), reference=row.reference, order=row.order
    )
